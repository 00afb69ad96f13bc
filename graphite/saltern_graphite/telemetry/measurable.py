"""What a store lets others measure: the source of the self-metrics, of ``/health`` and of the Prometheus text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from saltern_graphite.telemetry.counters import Counters


class MeasuredCache(Protocol):
    """The points that are not on disk yet, by their number."""

    @property
    def size(self) -> int:
        """Points held."""
        ...

    @property
    def queues(self) -> int:
        """Metrics that have points waiting."""
        ...

    def oldest_age(self) -> float:
        """For how many seconds the one that waits longest has waited."""
        ...


class MeasuredLog(Protocol):
    """The write-ahead log, by its size."""

    @property
    def bytes(self) -> int:
        """The size of all its segments together."""
        ...


@runtime_checkable
class Measured(Protocol):
    """A store that counts what it does; every member may be used from any thread."""

    @property
    def counters(self) -> Counters:
        """Totals since the start, and gauges of others."""
        ...

    @property
    def cache(self) -> MeasuredCache:
        """What waits."""
        ...

    @property
    def wal(self) -> MeasuredLog:
        """What is kept of it."""
        ...

    def retentions(self, name: str) -> Sequence[tuple[int, int]]:
        """The archives that a new file for *name* would get: ``(seconds per point, points)``, finest first."""
        ...

    def health(self) -> Mapping[str, object]:
        """How it is; ``ok`` (bool) says whether points come in and reach the disk."""
        ...


def gauges(store: Measured) -> dict[str, float]:
    """Return the momentary values of *store*, by the names that the self-metrics have."""
    return {
        "activeConnections": 0.0,
        "cache.size": float(store.cache.size),
        "cache.queues": float(store.cache.queues),
        "oldestUnwritten": store.cache.oldest_age(),
        "log.bytes": float(store.wal.bytes),
        **store.counters.gauges(),
    }
