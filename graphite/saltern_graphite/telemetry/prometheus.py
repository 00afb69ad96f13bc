"""The server's own metrics in Prometheus' text exposition format, version 0.0.4.

::

    # HELP name text          text: \\ and newline escaped
    # TYPE name counter       or gauge
    name{label="value"} 1.5   value: \\, " and newline escaped

https://prometheus.io/docs/instrumenting/exposition_formats/ is the format's source. Totals are since the start, in
base units; a count that :data:`_COUNTERS` doesn't know is told too, by its own name in snake case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from saltern.__about__ import __version__
from saltern.descriptors import most_descriptors
from saltern_graphite.telemetry.measurable import Measured, gauges
from saltern_graphite.telemetry.process_usage import cpu_seconds, memory_bytes, open_descriptors, started_at

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "saltern_graphite_"

_DROPS = "drops."
_DROPPED = "points_dropped_total"
_COUNTERS = {
    "metricsReceived": ("points_received_total", "Points accepted from senders."),
    "committedPoints": ("points_written_total", "Points written into Whisper files."),
    "updateOperations": ("file_updates_total", "Writes of one Whisper file."),
    "updateSeconds": ("file_update_seconds_total", "Time spent in those writes."),
    "creates": ("files_created_total", "Whisper files made."),
    "errors": ("errors_total", "Points lost, of every cause, and writes that failed and are tried again."),
    "cacheQueries": ("cache_queries_total", "Metrics whose waiting points a reader asked for."),
    "blacklistMatches": ("blacklist_matches_total", "Points refused by the deny list."),
    "whitelistRejects": ("whitelist_rejects_total", "Points refused by the allow list."),
    "connectionsRefused": ("connections_refused_total", "Senders turned away because too many were connected."),
    "connectionsIdle": ("connections_idle_total", "Senders disconnected because they were silent."),
    "requestCacheHits": ("request_cache_hits_total", "Answers of /render that were given again."),
    "requestCacheMisses": ("request_cache_misses_total", "Answers of /render that were worked out."),
    "requestsTimedOut": ("requests_timed_out_total", "Requests given up because they took too long."),
    "requestsCancelled": ("requests_cancelled_total", "Requests given up because their client had gone."),
    "requestsUnauthorized": ("requests_unauthorized_total", "Requests without credentials that are known."),
    "requestsMisdirected": ("requests_misdirected_total", "Requests to a host name that is not this server's."),
    "requestsRestrictedWrongly": (
        "requests_restricted_wrongly_total",
        "Requests for a part of the store that did not say which.",
    ),
    "requestsForeign": ("requests_foreign_total", "Changes that pages of other origins asked for."),
    "tagIndexFailures": ("tag_index_failures_total", "Times that the tag index could not be written or opened."),
    "tagIndexBegunAnew": ("tag_index_begun_anew_total", "Times that it was broken or taken away, and begun anew."),
    "eventStoreFailures": ("event_store_failures_total", "Times that the event store could not be used."),
    "eventStoreBegunAnew": ("event_store_begun_anew_total", "Times that it was broken or taken away, and begun anew."),
    "accessLogDropped": ("access_log_dropped_total", "Lines of the access log that the disk did not take."),
}
_GAUGES = {
    "activeConnections": ("connections", "Senders connected now."),
    "cache.size": ("cache_points", "Points that are not in files yet."),
    "cache.queues": ("cache_metrics", "Metrics that have such points."),
    "oldestUnwritten": ("oldest_unwritten_seconds", "For how long the oldest of them has waited."),
    "log.bytes": ("log_bytes", "Size of the write-ahead log."),
    "log.unreadable": ("log_unreadable_files", "Files of the log that could not be read and are kept beside it."),
    "tags.series": ("tag_index_series", "Series in the tag index."),
    "tags.waiting": ("tag_index_waiting", "Tagged series that are not in its file yet."),
}
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


def exposition(store: Measured) -> str:
    """Return the whole text for *store* and this process."""
    return "".join(_lines(store))


def family(name: str, kind: str, told: str, samples: Mapping[str, float], label: str = "") -> Iterator[str]:
    """Yield the lines of one metric: *samples* by the value of *label*, or the one of ``""`` without a label."""
    yield f"# HELP {name} {_escape(told)}\n# TYPE {name} {kind}\n"
    for value, number in samples.items():
        labels = f'{{{label}="{_escape(value, quote=True)}"}}' if label else ""
        yield f"{name}{labels} {_number(number)}\n"


def _lines(store: Measured) -> Iterator[str]:
    totals = store.counters.totals()
    drops = {name.removeprefix(_DROPS): totals.pop(name) for name in sorted(totals) if name.startswith(_DROPS)}
    for name in sorted({*_COUNTERS, *totals}):
        spelled, told = _COUNTERS.get(name) or (f"{_snake(name)}_total", f"How often: {name}.")
        yield from family(PREFIX + spelled, "counter", told, {"": totals.get(name, 0.0)})
    yield from family(PREFIX + _DROPPED, "counter", "Points lost, by cause.", drops, "cause")
    for name, value in sorted(gauges(store).items()):
        spelled, told = _GAUGES.get(name) or (_snake(name), f"Now: {name}.")
        yield from family(PREFIX + spelled, "gauge", told, {"": value})
    ok = float(bool(store.health().get("ok", True)))
    told = "Whether points come in and reach the disk; /health says why not."
    yield from family(f"{PREFIX}ok", "gauge", told, {"": ok})
    told = "Always 1; the label says which version runs."
    yield from family(f"{PREFIX}build_info", "gauge", told, {__version__: 1.0}, "version")
    yield from _process()


def _process() -> Iterator[str]:
    """The process's own, by the names that Prometheus' clients give them."""
    yield from family("process_cpu_seconds_total", "counter", "Processor time, children included.", {"": cpu_seconds()})
    told = "Resident memory, children included, the libraries they share counted once."
    yield from family("process_resident_memory_bytes", "gauge", told, {"": memory_bytes()})
    yield from family("process_open_fds", "gauge", "Open descriptors.", {"": open_descriptors()})
    yield from family("process_max_fds", "gauge", "Descriptors that may be open.", {"": most_descriptors()})
    yield from family("process_start_time_seconds", "gauge", "Start, in epoch seconds.", {"": started_at()})


def _snake(name: str) -> str:
    return _NOT_A_NAME.sub("_", _WORD_START.sub("_", name)).lower()


def _escape(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))
