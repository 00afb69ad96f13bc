"""A view of the cache for readers that counts what they ask of it."""

from __future__ import annotations

from saltern_graphite.store.view import CachedPoints
from saltern_graphite.telemetry.counters import Counters


class CountedCache:
    """*cache*, each question to it counted as ``cacheQueries``."""

    def __init__(self, cache: CachedPoints, counters: Counters) -> None:
        self._cache = cache
        self._counters = counters

    def points(self, name: str) -> list[tuple[int, float]]:
        """Return what *cache* has of *name*."""
        self._counters.add("cacheQueries")
        return self._cache.points(name)
