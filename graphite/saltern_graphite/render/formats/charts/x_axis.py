"""The time axis: round times of the request's zone, as many as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

from saltern.errors import GraphiteError

_HOUR_S = 3600
_DAY_S = 86400
_MONTH_S = 2629800
_YEAR_S = 31557600
_GAP_PX = 14
"""Between two labels."""
_MAX_MARKS = 1000
_MAX_FORMAT_CHARS = 100


class Spacing(NamedTuple):
    """Every so many seconds, days, months or years."""

    every: int
    unit: Literal["second", "day", "month", "year"]

    @property
    def seconds(self) -> int:
        """Its length, about."""
        return self.every * {"second": 1, "day": _DAY_S, "month": _MONTH_S, "year": _YEAR_S}[self.unit]


def _seconds(major: int, minor: int) -> tuple[Spacing, Spacing]:
    return Spacing(major, "second"), Spacing(minor, "second")


_SPACINGS: tuple[tuple[Spacing, Spacing], ...] = (
    _seconds(1, 1),
    _seconds(5, 1),
    _seconds(10, 5),
    _seconds(15, 5),
    _seconds(30, 10),
    _seconds(60, 15),
    _seconds(120, 30),
    _seconds(300, 60),
    _seconds(600, 120),
    _seconds(900, 300),
    _seconds(1800, 600),
    _seconds(3600, 900),
    _seconds(2 * 3600, 1800),
    _seconds(3 * 3600, 3600),
    _seconds(6 * 3600, 3600),
    _seconds(12 * 3600, 3 * 3600),
    (Spacing(1, "day"), Spacing(6 * 3600, "second")),
    (Spacing(2, "day"), Spacing(12 * 3600, "second")),
    (Spacing(7, "day"), Spacing(1, "day")),
    (Spacing(14, "day"), Spacing(7, "day")),
    (Spacing(1, "month"), Spacing(7, "day")),
    (Spacing(2, "month"), Spacing(1, "month")),
    (Spacing(3, "month"), Spacing(1, "month")),
    (Spacing(6, "month"), Spacing(1, "month")),
    (Spacing(1, "year"), Spacing(3, "month")),
    (Spacing(2, "year"), Spacing(1, "year")),
    (Spacing(5, "year"), Spacing(1, "year")),
    (Spacing(10, "year"), Spacing(5, "year")),
    (Spacing(100, "year"), Spacing(50, "year")),
    (Spacing(1000, "year"), Spacing(500, "year")),
)
"""What is between two labels, and between two of the fine lines."""


@dataclass(frozen=True, slots=True)
class TimeMarks:
    """Times (epoch seconds) with labels, and those of the fine lines."""

    major: tuple[tuple[int, str], ...]
    minor: tuple[int, ...]


def time_marks(
    start: float, end: float, zone: tzinfo, width: float, measure: Callable[[str], float], wanted: str = ""
) -> TimeMarks:
    """The marks between *start* and *end* on *width* pixels. *wanted* is a strftime format for the labels.

    ``GraphiteError`` for a format that strftime refuses.
    """
    spacing, fine, style = _chosen(start, end, zone, width, measure, wanted)
    major = tuple((time, _shown(time, zone, style)) for time in _times(start, end, zone, spacing))
    return TimeMarks(major, tuple(_times(start, end, zone, fine)))


def _chosen(
    start: float, end: float, zone: tzinfo, width: float, measure: Callable[[str], float], wanted: str
) -> tuple[Spacing, Spacing, str]:
    """The closest spacing whose labels don't touch, its fine lines, and the labels' format."""
    for spacing, fine in _SPACINGS:
        style = wanted or _style(spacing, end - start)
        count = (end - start) / spacing.seconds
        if count * (measure(_shown(int(start), zone, style)) + _GAP_PX) <= width:
            return spacing, fine, style
    return *_SPACINGS[-1], wanted or "%Y"


def _style(spacing: Spacing, span: float) -> str:
    if spacing.unit == "year":
        return "%Y"
    if spacing.unit == "month":
        return "%b %Y"
    if spacing.unit == "day":
        return "%b %d"
    if spacing.every < 60:
        return "%H:%M:%S"
    return "%H:%M" if span <= 36 * _HOUR_S else "%a %H:%M"


def _shown(time: int, zone: tzinfo, style: str) -> str:
    if len(style) > _MAX_FORMAT_CHARS:
        raise GraphiteError(f"xFormat has {len(style)} characters: {_MAX_FORMAT_CHARS} are allowed")
    try:
        return datetime.fromtimestamp(time, zone).strftime(style)
    except ValueError:
        raise GraphiteError(f"xFormat must be a format for times such as %H:%M, not {style!r}") from None


def _times(start: float, end: float, zone: tzinfo, spacing: Spacing) -> Iterator[int]:
    """The round times from *start* to *end*, in ascending order."""
    moments = _short_steps if spacing.unit == "second" and spacing.every < _HOUR_S else _wall_clock_steps
    last = start - 1
    for number, time in enumerate(moments(start, zone, spacing)):
        if time > end or number > _MAX_MARKS:
            return
        if time >= start and time > last:
            yield time
            last = time


def _short_steps(start: float, zone: tzinfo, spacing: Spacing) -> Iterator[int]:
    """Steps of less than an hour go on through a change of clocks."""
    shift = datetime.fromtimestamp(int(start), zone).utcoffset() or timedelta()
    offset = int(shift.total_seconds())
    time = (int(start) + offset) // spacing.every * spacing.every - offset
    while True:
        yield time
        time += spacing.every


def _wall_clock_steps(start: float, zone: tzinfo, spacing: Spacing) -> Iterator[int]:
    """Longer ones are what the clock on the wall shows."""
    local = datetime.fromtimestamp(int(start), zone).replace(tzinfo=None)
    moment = local.replace(hour=0, minute=0, second=0)
    if spacing.unit == "day":
        moment -= timedelta(days=(moment.toordinal() - 1) % spacing.every)  # day 1 of the calendar was a Monday
    elif spacing.unit == "month":
        moment = moment.replace(day=1, month=(moment.month - 1) // spacing.every * spacing.every + 1)
    elif spacing.unit == "year":
        moment = moment.replace(day=1, month=1, year=max(moment.year // spacing.every * spacing.every, 1))
    while True:
        yield int(moment.replace(tzinfo=zone).timestamp())
        try:
            moment = _next(moment, spacing)
        except (ValueError, OverflowError):  # the end of the calendar
            return


def _next(moment: datetime, spacing: Spacing) -> datetime:
    if spacing.unit == "second":
        return moment + timedelta(seconds=spacing.every)
    if spacing.unit == "day":
        return moment + timedelta(days=spacing.every)
    if spacing.unit == "month":
        months = moment.month - 1 + spacing.every
        return moment.replace(year=moment.year + months // 12, month=months % 12 + 1)
    return moment.replace(year=moment.year + spacing.every)
