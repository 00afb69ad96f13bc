"""The server's own metrics, under Carbon's names so that Carbon's dashboards show them.

They go through the same cache as everyone's. Counts are for the time since the last sample, as Carbon's are:

=========================  ==========================================================================================
``metricsReceived``        points accepted from senders
``committedPoints``        points written into files
``updateOperations``       writes of one file; ``creates``: files made
``droppedCreates``         always 0: no limit on new files loses points here
``errors``                 points lost, of every cause, and writes that failed and are tried again
``drops.<cause>``          points lost for one cause, once there were any
``cache.overflow``         of those, the ones that came by UDP while the store was full
``cache.queries``          metrics whose waiting points a reader asked for; ``cache.bulk_queries``: always 0
``blacklistMatches``       points refused by the deny list; ``whitelistRejects``: by the allow list
``connectionsRefused``     senders turned away because too many were connected
``logFailures``            blocks of points that the log could not take: their senders have to try again
``tagIndexFailures``       times that the tag index could not be written or opened; ``eventStoreFailures``: that events
``tagIndexBegunAnew``      times that it was broken or taken away, and begun anew; ``eventStoreBegunAnew``: events too
``avgUpdateTime``          seconds per write, and ``pointsPerUpdate``, both only when something was written
=========================  ==========================================================================================

The others are of the moment: ``activeConnections``, ``cache.size`` (points), ``cache.queues`` (metrics), ``log.bytes``,
``log.unreadable`` (files kept), ``log.gone`` (segments missing at the start), ``oldestUnwritten`` (seconds),
``tags.series`` (in the tag index), ``tags.waiting`` (to be in it), ``memUsage`` (bytes) and ``cpuUsage`` (percent of
one core), both with child processes. Whatever else is counted goes by its own name.
"""

from __future__ import annotations

import socket
import time

from saltern_graphite.telemetry.measurable import Measured, gauges
from saltern_graphite.telemetry.process_usage import cpu_seconds, memory_bytes

_ALWAYS = (
    "metricsReceived",
    "committedPoints",
    "updateOperations",
    "creates",
    "droppedCreates",
    "errors",
    "blacklistMatches",
    "whitelistRejects",
    "connectionsRefused",
    "cacheQueries",
    "cacheBulkQueries",
)
_SPELLED = {"cacheQueries": "cache.queries", "cacheBulkQueries": "cache.bulk_queries"}
"""Counts that Carbon itself reports by another name than it keeps them."""

_UPDATE_SECONDS = "updateSeconds"
_OVERFLOW = "drops.udp_full"


class SelfMetrics:
    """Takes samples of *store* and of this process and its children."""

    def __init__(self, store: Measured, host: str | None = None) -> None:
        host = host or socket.gethostname()
        self._prefix = f"carbon.agents.{host.replace('.', '_')}-a."
        self._store = store
        self._last: dict[str, float] = {}
        self._last_cpu_s = cpu_seconds()
        self._last_at = time.monotonic()

    def interval_s(self) -> float:
        """Return the seconds between samples: one for each slot of the archive that keeps them, none lost."""
        return float(self._store.retentions(f"{self._prefix}metricsReceived")[0][0])

    def sample(self) -> dict[str, float]:
        """Return full name -> value for the time since the last sample."""
        totals = self._store.counters.totals()
        since = {name: total - self._last.get(name, 0.0) for name, total in totals.items()}
        self._last = totals
        update_s = since.pop(_UPDATE_SECONDS, 0.0)
        values = {_SPELLED.get(name, name): count for name, count in {**dict.fromkeys(_ALWAYS, 0.0), **since}.items()}
        values["cache.overflow"] = since.get(_OVERFLOW, 0.0)
        updates = values["updateOperations"]
        if updates:
            values["avgUpdateTime"] = update_s / updates
            values["pointsPerUpdate"] = values["committedPoints"] / updates
        values.update(gauges(self._store))
        values["memUsage"] = memory_bytes()
        values["cpuUsage"] = self._cpu_percent()
        return {self._prefix + name: float(value) for name, value in values.items()}

    def _cpu_percent(self) -> float:
        cpu_s, now = cpu_seconds(), time.monotonic()
        percent = 100 * (cpu_s - self._last_cpu_s) / max(now - self._last_at, 1e-3)
        self._last_cpu_s, self._last_at = cpu_s, now
        return max(percent, 0.0)  # a child that ended between two looks takes its time with it
