"""The range of time of a page: ``?from=-1h``, or two instants in epoch seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
SPANS = (
    (900, "15 min"),
    (3600, "1 h"),
    (3 * 3600, "3 h"),
    (6 * 3600, "6 h"),
    (86400, "24 h"),
    (7 * 86400, "7 d"),
    (30 * 86400, "30 d"),
)
"""What is offered: seconds, and how it is called."""
DEFAULT_S = 3600
MAX_S = 10 * 366 * 86400
COMPARED = {"1d": "yesterday", "7d": "last week"}
_RELATIVE = re.compile(r"-(\d{1,9})(s|min|h|d|w)")
_INSTANT = re.compile(r"\d{1,10}(\.\d{1,6})?")


class Span(NamedTuple):
    """A range: *seconds* until now, or from one instant until another."""

    seconds: int | None
    begin: float
    end: float

    @property
    def given(self) -> dict[str, Any]:
        """Return it as scripts take it."""
        return {"span": self.seconds} if self.seconds is not None else {"from": self.begin, "until": self.end}


class Offered(NamedTuple):
    """One of the ranges that are offered."""

    seconds: int
    name: str
    query: str
    here: bool


def read_span(given: Mapping[str, str], default_s: int = DEFAULT_S, now: float | None = None) -> Span:
    """Return what ``from`` and ``until`` of a query say; what can't be understood is *default_s* until now."""
    now = time.time() if now is None else now
    begin, end = given.get("from", ""), given.get("until", "now") or "now"
    relative = _RELATIVE.fullmatch(begin)
    if relative is not None and end == "now":
        seconds = min(int(relative[1]) * UNITS[relative[2]], MAX_S)
        if seconds > 0:
            return Span(seconds, now - seconds, now)
    elif _INSTANT.fullmatch(begin) and (end == "now" or _INSTANT.fullmatch(end)):
        first, last = float(begin), now if end == "now" else float(end)
        if first < last:
            return Span(None, max(first, last - MAX_S), last)
    return Span(default_s, now - default_s, now)


def offered(span: Span) -> list[Offered]:
    """Return the ranges that are offered, with the query of each."""
    return [Offered(seconds, name, _query(seconds), seconds == span.seconds) for seconds, name in SPANS]


def _query(seconds: int) -> str:
    unit = next(name for name in ("d", "h", "min", "s") if seconds % UNITS[name] == 0)
    return f"?from=-{seconds // UNITS[unit]}{unit}"
