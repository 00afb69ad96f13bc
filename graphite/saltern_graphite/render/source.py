"""Where series come from, as the evaluator sees it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from saltern.errors import FunctionError
from saltern_graphite.index import Index
from saltern_graphite.series import Values


class Fetched(NamedTuple):
    """One metric's values over a window; ``method`` is its file's own way of coarsening them."""

    start: int
    end: int
    step: int
    values: Values
    method: str


class SeriesSource(Protocol):
    """Finds and reads metrics."""

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches, sorted; ``FunctionError`` if there are more than *limit*."""
        ...

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]`` as seen at *now*; None if there can be none."""
        ...


class Fetcher(Protocol):
    """The reading half: :class:`saltern_graphite.reader.Reader`."""

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """As :meth:`SeriesSource.fetch`."""
        ...


class StoredSeries:
    """The metrics of a store: found in its index, read from its files and cache."""

    def __init__(self, index: Index, reader: Fetcher) -> None:
        self._index = index
        self._reader = reader

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches, sorted; ``FunctionError`` if there are more than *limit*."""
        names = self._index.expand(pattern)
        if len(names) > limit:
            raise FunctionError(f"{pattern!r} matches {len(names)} metrics, {limit} are allowed: narrow it")
        return names

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]`` as seen at *now*; None if there can be none."""
        return self._reader.fetch(name, start, end, now)
