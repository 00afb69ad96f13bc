"""Moments as users type them, as the jids of that instant: jids are times in UTC, and sort by them."""

from __future__ import annotations

from datetime import UTC, datetime

from saltern.errors import ArgumentError
from saltern.ids import JID_FORMAT
from saltern.visible import shown

MAX_CHARS = 64
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y, %b %d", "%Y %b %d", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%Y%m%d", "%m/%d/%Y")
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f")


def jid_at(moment: str) -> str:
    """Return the jid of *moment*: ``2026, Nov 28 19:44:31.123456``, ``2026-11-28 19:44``, ``2026-11-28``, a jid ….

    In UTC, unless it has an offset. Raises ``ArgumentError``.
    """
    text = " ".join(moment[: MAX_CHARS + 1].split())
    found = _read(text) if len(text) <= MAX_CHARS else None
    if found is None:
        raise ArgumentError(
            f"{shown(moment, 60)} is no time: write it as in '2026-11-28 19:44' or '2026, Nov 28 19:44:31' (UTC)"
        )
    if found.tzinfo is not None:
        found = found.astimezone(UTC)
    return f"{found.year:04d}{found:%m%d%H%M%S%f}"


def _read(text: str) -> datetime | None:
    try:
        if len(text) == 20 and text.isdecimal():
            return datetime.strptime(text, JID_FORMAT)  # UTC, as every jid
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        pass
    for date in _DATES:
        for time in _TIMES:
            try:
                return datetime.strptime(text, date + time)  # UTC, as every jid
            except ValueError:
                continue
    return None
