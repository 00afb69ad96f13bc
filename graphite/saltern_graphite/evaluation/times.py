"""Times and intervals as Graphite writes them, after at(1).

::

    time      := epoch seconds | YYYYMMDD | reference [offset]
    reference := '' | now | [time of day] [day]
    time of day := HH:MM[am|pm] | H[H]am | H[H]pm | noon | midnight | teatime
    day       := today | yesterday | tomorrow | MM/DD/YY[YY] | YYYYMMDD | month day | weekday
    offset    := ('+' | '-') (number unit)+
    unit      := s… | min… | h… | d… | w… | mon… (30 days) | y… (365 days)

Case, blanks, ``_`` and ``,`` don't matter. A reference is read in the request's time zone; an offset is exact
seconds. ``12am`` is midnight and ``12pm`` noon (Graphite has them the wrong way round).
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from saltern.errors import FunctionError, GraphiteError
from saltern_graphite.series.local_time import local_time

_IGNORED = str.maketrans("", "", "_, ")
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(am|pm)?|(\d{1,2})(am|pm)|(noon|midnight|teatime)")
_NAMED_HOURS = {"noon": 12, "midnight": 0, "teatime": 16}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = {"": 0, "today": 0, "yesterday": -1, "tomorrow": 1}
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{1,2})")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH_DAY = re.compile(r"([a-z]{3})[a-z]*?(\d{1,2})")
_OFFSET_PART = re.compile(r"(\d{1,9})([a-z]+)")
_UNITS_S = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800, "mon": 2592000, "y": 31536000}
MAX_EPOCH_S = 2**40
"""Times beyond this (far after any Whisper file can reach) are refused, so that arithmetic stays exact."""

UTC = ZoneInfo("UTC")


def parse_time(text: str, zone: tzinfo, now: int) -> int:
    """The time that *text* means, in epoch seconds. ``GraphiteError`` names what is wrong with it."""
    compact = text.strip().lower().translate(_IGNORED)
    if compact.isdecimal() and compact.isascii() and not _is_compact_date(compact):
        return _checked(int(compact[:20]), text)
    match = re.search(r"[+-]", compact)
    split = match.start() if match else len(compact)
    try:
        moment = _reference(compact[:split], zone, now)
        return _checked(moment + parse_interval(compact[split:]), text)
    except (GraphiteError, ValueError, OverflowError) as error:
        raise GraphiteError(f"time {text!r}: {error}") from None


def parse_interval(text: str) -> int:
    """Seconds in an offset such as ``5min``, ``-1d``, ``+1h30min``; 0 for an empty one.

    Raises ``FunctionError`` for anything else.
    """
    sign = -1 if text.startswith("-") else 1
    rest = text.removeprefix("-") if sign < 0 else text.removeprefix("+")
    rest = rest.lower()
    total = 0
    position = 0
    while position < len(rest):
        match = _OFFSET_PART.match(rest, position)
        if match is None:
            raise FunctionError(f"{text!r} is no interval: write numbers with units, as in 90s, 5min or 1d12h")
        total += int(match[1]) * _UNITS_S[unit_of(match[2])]
        position = match.end()
    if total >= MAX_EPOCH_S:
        raise FunctionError(f"{text[:50]!r} is too far: over 30,000 years")
    return sign * total


def unit_of(text: str) -> str:
    """The unit that *text* abbreviates: one of ``s min h d w mon y``. ``FunctionError`` if none."""
    for prefix in _UNITS_S:
        if text.startswith(prefix):
            return prefix
    hint = ": write min or mon" if text == "m" else ": use s, min, h, d, w, mon or y"
    raise FunctionError(f"unknown time unit {text!r}{hint}")


def _checked(epoch: int, text: str) -> int:
    if not -MAX_EPOCH_S < epoch < MAX_EPOCH_S:
        raise GraphiteError(f"time {text!r} is too far from now")
    return epoch


def _is_compact_date(digits: str) -> bool:
    if len(digits) != 8:
        return False
    return int(digits[:4]) > 1900 and int(digits[4:6]) < 13 and int(digits[6:]) < 32


def _reference(text: str, zone: tzinfo, now: int) -> int:
    if text in ("", "now"):
        return now
    hour, minute, rest = _clock(text)
    today = local_time(now, zone)
    try:
        day = _day(rest, today)
    except ValueError as error:
        raise GraphiteError(f"{rest!r} is no day ({error})") from None
    return _epoch(day.replace(hour=hour, minute=minute, second=0, microsecond=0))


def _epoch(moment: datetime) -> int:
    """*moment* in epoch seconds.

    In an hour that clocks show twice, and in one that they leave out, standard time counts, as in Graphite.
    """
    first, second = moment.replace(fold=0), moment.replace(fold=1)
    return int(max(first.timestamp(), second.timestamp()))


def _clock(text: str) -> tuple[int, int, str]:
    """Hour, minute, and what follows the time of day; midnight when there is none."""
    match = _CLOCK.match(text)
    if match is None:
        return 0, 0, text
    if match[6]:
        return _NAMED_HOURS[match[6]], 0, text[match.end() :]
    hour, minute = int(match[1] or match[4]), int(match[2] or 0)
    half = match[3] or match[5]
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    if hour > 23 or minute > 59:
        raise GraphiteError(f"there is no {match[0]!r} in a day")
    return hour, minute, text[match.end() :]


def _day(text: str, today: datetime) -> datetime:
    if text in _DAYS:
        return today + timedelta(days=_DAYS[text])
    if match := _US_DATE.fullmatch(text):
        year = int(match[3])
        if year < 100:
            year += 1900 if year >= 70 else 2000
        return today.replace(year=year, month=int(match[1]), day=int(match[2]))
    if match := _COMPACT_DATE.fullmatch(text):
        return today.replace(year=int(match[1]), month=int(match[2]), day=int(match[3]))
    match = _MONTH_DAY.fullmatch(text)
    if match and match[1] in _MONTHS:
        return today.replace(month=_MONTHS.index(match[1]) + 1, day=int(match[2]))
    if text[:3] in _WEEKDAYS and text.isalpha():
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(text[:3])) % 7)
    if text[:3] in _MONTHS and text.isalpha():
        raise GraphiteError(f"{text!r} needs a day after the month, as in {text[:3]}10")
    raise GraphiteError(f"{text!r} is no day: use now, today, monday, jun10, 06/10/24, 20240610 or epoch seconds")
