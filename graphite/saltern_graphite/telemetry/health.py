"""What ``/health`` tells, and why a store is not well in one line.

::

    {"ok": bool,                  points come in and reach the disk; the status is 200 when true, 503 when false
     "error": "one line",         what is wrong and where; empty when ok
     "warnings": ["one line", …],   what someone should look at, while points come in and reach the disk all the same
     "replaying": bool,           the log of the last run is still being read back: not all that was received is seen
     "cache": {"points": int, "max_points": int, "bytes": int, "max_bytes": int, "metrics": int, "oldest_s": float},
     "log": {"bytes": int, "max_bytes": int, "fsync": "never" | "interval" | "always"},
     "totals": {name: number},    counts since the start, by the names of the self-metrics
     "tags": {"series": int, "waiting": int, "error": "one line",   the tag index: a fault of it costs no point,
                                  so it is no reason for 503; what waits to be in its file goes there afterwards
              "last_look": int, "look_seconds": float, "gone": int, "back": int},   how it follows the files
     "events": {"count": int, "error": "one line"},   the same holds for these
     "metrics": int,              metrics known to the index
     "index": {"building": bool, "complete": bool, "metrics": int, "folders": int, "seconds": float,
                                  of the scan at the start; and how it follows the tree since:
               "last_look": int, "look_seconds": float, "folders_now": int, "watched_folders": int,
               "unreadable_folders": int, "overflows": int, "found": int,
               "gone": int}}      (:class:`saltern_graphite.index.progress.Followed`)

A load balancer or a supervisor needs the status alone. 503 does not mean that points are being lost: it means that
someone should look before they are.
"""

from __future__ import annotations

from collections.abc import Mapping

_BOUNDS = (
    ("cache", "points", "points wait to be written"),
    ("cache", "bytes", "bytes of memory hold points that wait to be written"),
    ("log", "bytes", "bytes are in the write-ahead log"),
)


def why_not_ok(told: Mapping[str, object]) -> str:
    """Return what is wrong according to a store's own report, in one line; empty when it is ok."""
    if told.get("ok", True):
        return ""
    if told.get("error"):
        return " ".join(str(told["error"]).split())
    for part, unit, what in _BOUNDS:
        bounds = told.get(part)
        if not isinstance(bounds, Mapping):
            continue
        have, most = bounds.get(unit), bounds.get(f"max_{unit}")
        if isinstance(have, int) and isinstance(most, int) and have >= most:
            return f"{have} {what}, the bound is {most}: senders wait until the disk has caught up"
    return "the store says that it is not ok, and no reason; its log may have one"
