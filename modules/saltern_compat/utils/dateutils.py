"""``salt.utils.dateutils``: dates."""

from __future__ import annotations

import datetime
from typing import Any

FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%H:%M")


def date_cast(date: Any) -> datetime.datetime:
    """Return an instant for a number, a date or a text of the usual forms; now for nothing. Raises ``ValueError``."""
    if date is None:
        return datetime.datetime.now()
    if isinstance(date, datetime.datetime):
        return date
    text = str(date)
    if text.replace(".", "", 1).isdecimal():
        return datetime.datetime.fromtimestamp(float(text))
    for form in FORMS:
        try:
            return datetime.datetime.strptime(text, form)
        except ValueError:
            continue
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"Unable to parse {date}: give it as 2026-01-31 or 2026-01-31T12:30:00") from None


def strftime(date: Any = None, format: str = "%Y-%m-%d") -> str:
    """Return a date as a text."""
    return date_cast(date).strftime(format)


def total_seconds(td: datetime.timedelta) -> float:
    """Return how many seconds a time is."""
    return td.total_seconds()
