"""``salt.utils.timeutil``: instants, and times like ``5h``."""

from __future__ import annotations

import datetime
import re
import time
from typing import Any


def utcnow() -> datetime.datetime:
    """Return the time in UTC, without a zone."""
    return datetime.datetime.now(tz=datetime.UTC).replace(tzinfo=None)


def utcfromtimestamp(timestamp: float) -> datetime.datetime:
    """Return an instant in UTC, without a zone."""
    return datetime.datetime.fromtimestamp(timestamp, tz=datetime.UTC).replace(tzinfo=None)


def timestring_map(val: Any) -> float:
    """Return the seconds that ``20``, ``5m``, ``4h``, ``2d``, ``1w`` are. Raises ``RuntimeError`` for another text."""
    if isinstance(val, (int, float)):
        return float(val)
    try:
        return float(val)
    except ValueError:
        pass
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", str(val))
    if found is None:
        raise RuntimeError(f"Could not find timedelta type for {val!r}")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[found[2]]


def get_timestamp_at(time_in: Any = None, time_at: Any = None) -> int:
    """Return the instant in *time_in* (``2h30m``, or hours) or at *time_at* (a number, or ``15:30``)."""
    if time_in:
        if isinstance(time_in, int):
            hours, minutes = time_in, 0
        else:
            text = str(time_in).replace("h", ":").replace("m", "")
            first, _, second = text.partition(":")
            hours, minutes = int(first or 0), int(second or 0)
        return int(time.time() + hours * 3600 + minutes * 60)
    if time_at:
        if isinstance(time_at, int):
            return time_at
        for form in ("%I:%M%p", "%I:%M %p", "%H:%M"):
            try:
                clock = datetime.datetime.strptime(str(time_at), form).time()
            except ValueError:
                continue
            found = datetime.datetime.combine(datetime.date.today(), clock)
            if found < datetime.datetime.now():
                found += datetime.timedelta(days=1)
            return int(found.timestamp())
        raise RuntimeError(f"{time_at!r} is no time of day")
    raise RuntimeError("Either time_in or time_at is needed")


def get_time_at(time_in: Any = None, time_at: Any = None, out_fmt: str = "%Y-%m-%dT%H:%M:%S") -> str:
    """Return that instant as a text."""
    return datetime.datetime.fromtimestamp(get_timestamp_at(time_in, time_at)).strftime(out_fmt)
