"""The server's own metrics, under Carbon's names so that Carbon's dashboards show them.

They go through the same cache as everyone's. Counts are per interval, as Carbon's are; ``oldestUnwritten`` is in
seconds, ``avgUpdateTime`` too, ``memUsage`` and ``log.bytes`` in bytes, ``cpuUsage`` in percent of one core.
"""

from __future__ import annotations

import os
import resource
import socket
import time

from saltern_graphite.store import Store

_COUNTS = ("metricsReceived", "committedPoints", "updateOperations", "creates", "errors")
_DROPS = "drops."


class SelfMetrics:
    """Takes samples of *store* and of this process."""

    def __init__(self, store: Store, host: str | None = None) -> None:
        host = host or socket.gethostname()
        self._prefix = f"carbon.agents.{host.replace('.', '_')}-a."
        self._store = store
        self._last: dict[str, float] = {}
        self._last_cpu_s = time.process_time()
        self._last_at = time.monotonic()

    def interval_s(self) -> float:
        """Return the seconds between samples: one for each slot of the archive that keeps them, none lost."""
        return float(self._store.retentions(f"{self._prefix}metricsReceived")[0][0])

    def sample(self) -> dict[str, float]:
        """Return full name -> value for the time since the last sample."""
        totals = self._store.counters.totals()
        since = {name: total - self._last.get(name, 0) for name, total in totals.items()}
        self._last = totals
        values = {name: since.get(name, 0.0) for name in _COUNTS}
        values.update((name, count) for name, count in since.items() if name.startswith(_DROPS))
        updates = since.get("updateOperations", 0)
        if updates:
            values["avgUpdateTime"] = since.get("updateSeconds", 0.0) / updates
            values["pointsPerUpdate"] = since.get("committedPoints", 0.0) / updates
        cache = self._store.cache
        values["cache.size"] = cache.size
        values["cache.queues"] = cache.queues
        values["cache.overflow"] = since.get("drops.udp_full", 0.0)
        values["oldestUnwritten"] = cache.oldest_age()
        values["log.bytes"] = self._store.wal.bytes
        values["memUsage"] = _resident_bytes()
        values["cpuUsage"] = self._cpu_percent()
        return {self._prefix + name: float(value) for name, value in values.items()}

    def _cpu_percent(self) -> float:
        cpu_s, now = time.process_time(), time.monotonic()
        percent = 100 * (cpu_s - self._last_cpu_s) / max(now - self._last_at, 1e-3)
        self._last_cpu_s, self._last_at = cpu_s, now
        return percent


def _resident_bytes() -> int:
    """Return this process's resident memory."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no /proc: the peak is the next best
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
