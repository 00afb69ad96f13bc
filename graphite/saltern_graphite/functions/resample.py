"""Transform: values gathered into intervals of another length."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval, unit_of
from saltern_graphite.functions.params import Aggregation, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import aggregation
from saltern_graphite.series.local_time import local_time
from saltern_graphite.series.series import Series, SeriesList, Values
from saltern_graphite.series.spans import Spans

GROUP = "Transform"
_DAY_S = 86400
_HOUR_S = 3600
_MINUTE_S = 60

_Interval = Annotated[str, Param(ParamType.INTERVAL, "intervalString", suggestions=("10min", "1h", "1d"))]
_UNITS = ("days", "hours", "minutes", "months", "seconds", "weeks", "years")
_Unit = Annotated[str, Param(ParamType.STRING, shown={"options": [False, None, True, *_UNITS]})]
"""What editors offer, beside what old dashboards send; any abbreviation is taken."""


def _interval_s(text: str) -> int:
    seconds = parse_interval(text)
    if seconds <= 0:
        raise FunctionError(f"intervalString must be longer than 0, not {text!r}")
    return seconds


class _Buckets:
    """Series gathered into buckets of *interval* seconds by *func*; those on one grid are cut at the same places."""

    def __init__(self, context: Context, func: str, interval: int) -> None:
        self._context = context
        self._reducer = aggregation(func)
        self._interval = interval
        self._spans: dict[tuple[int, int, int, int, int], Spans] = {}

    def gathered(self, series: Series, name: str, start: int, end: int, tags: Mapping[str, object]) -> Series:
        """A series of one value for each bucket, from *start* on, that cover all up to *end*; with *tags* more."""
        interval, step = self._interval, series.step
        count = max(-(-(end - start) // interval), 0)
        self._context.evaluation.spend_points(count)
        size = min(len(series.values), max(-(-(series.end - series.start) // step), 0))
        grid = (start, count, series.start, step, size)
        if grid not in self._spans:
            edges = start + interval * np.arange(count, dtype=np.int64)
            starts, stops = (np.clip(-((series.start - one) // step), 0, size) for one in (edges, edges + interval))
            self._spans[grid] = Spans(starts, stops)
        values = self._spans[grid].reduced(self._reducer, series.values, interval / step, series.x_files_factor)
        return series.derived(name, values, start=start, end=start + count * interval, step=interval, tags=tags)


@function("summarize", GROUP, example="sales.count, '1h', 'sum'")
def summarize(
    context: Context,
    series: SeriesList,
    interval_text: _Interval,
    func: Aggregation = "sum",
    align_to_from: bool = False,
) -> list[Series]:
    """One value for each interval, by *func*. Intervals begin at multiples of their length since 1970 (UTC),
    or at the first value with *alignToFrom*.
    """
    interval = _interval_s(interval_text)
    suffix = ", true" if align_to_from else ""
    tags = {"summarize": interval_text, "summarizeFunction": func}
    buckets = _Buckets(context, func, interval)
    results = []
    for one in series:
        start, end = one.start, one.end
        if not align_to_from:
            start, end = start - start % interval, end - end % interval + interval
        name = f'summarize({one.name}, "{interval_text}", "{func}"{suffix})'
        results.append(buckets.gathered(one, name, start, end, tags))
    return results


@function("smartSummarize", GROUP, example="sales.count, '1d', 'sum', 'days'")
def smart_summarize(
    context: Context,
    source: Deferred,
    interval_text: _Interval,
    func: Aggregation = "sum",
    align_to: _Unit | None = None,
) -> list[Series]:
    """One value for each interval, by *func*. Intervals begin at the start of the request, or, with
    *alignTo* ('hours', 'days', 'weeks1' …), at the start of that unit in the request's time zone.
    """
    interval = _interval_s(interval_text)
    if align_to is not None and align_to.lower() not in ("true", "false"):
        context = context.window(_aligned_start(context, align_to))
    buckets = _Buckets(context, func, interval)
    tags = {"smartSummarize": interval_text, "smartSummarizeFunction": func}
    results = []
    for one in source.evaluate(context):
        name = f'smartSummarize({one.name}, "{interval_text}", "{func}")'
        results.append(buckets.gathered(one, name, one.start, one.end, tags))
    return results


def _aligned_start(context: Context, align_to: str) -> int:
    """The start of the window, moved back to the start of a unit: ``hours``, ``days``, ``weeks7`` (Sunday) …"""
    unit = unit_of(align_to.lower())
    moment = local_time(context.start, context.zone)
    if unit == "s":
        return context.start
    moment = moment.replace(second=0)
    if unit == "min":
        return int(moment.timestamp())
    moment = moment.replace(minute=0)
    if unit == "h":
        return int(moment.timestamp())
    moment = moment.replace(hour=0)
    if unit == "w":
        weekday = int(align_to[-1]) if align_to[-1] in "01234567" else 1  # 0 is Sunday, as 7 is
        first = max(moment.toordinal() - (moment.isoweekday() - weekday) % 7, 1)  # 1: the calendar begins
        moment = datetime.fromordinal(first).replace(tzinfo=context.zone)
    elif unit == "mon":
        moment = moment.replace(day=1)
    elif unit == "y":
        moment = moment.replace(month=1, day=1)
    return int(moment.timestamp())


@function("hitcount", GROUP, example="requests.rate, '1d'")
def hitcount(
    context: Context, source: Deferred, interval_text: _Interval, align_to_interval: bool = False
) -> list[Series]:
    """How many events a rate per second makes in each interval. Intervals end where the series does, or,
    with *alignToInterval*, begin on a whole minute, hour or day.
    """
    interval = _interval_s(interval_text)
    suffix = ", true" if align_to_interval else ""
    if align_to_interval and interval >= _MINUTE_S:
        unit = "d" if interval >= _DAY_S else "h" if interval >= _HOUR_S else "min"
        context = context.window(_aligned_start(context, unit))
    results = []
    for one in source.evaluate(context):
        end = one.end
        if align_to_interval:
            end = one.start + (one.end - one.start) // interval * interval + interval
        buckets = -(-(end - one.start) // interval)
        context.evaluation.spend_points(buckets)
        start = end - buckets * interval
        results.append(
            one.derived(
                f'hitcount({one.name}, "{interval_text}"{suffix})',
                _hits(one, start, interval, buckets),
                start=start,
                end=end,
                step=interval,
                tags={"hitcount": interval_text},
            )
        )
    return results


def _hits(series: Series, start: int, interval: int, buckets: int) -> Values:
    """Value times seconds in each of *buckets* intervals from *start* on; a value may span several."""
    places = np.flatnonzero(~np.isnan(series.values))
    begins = series.start + places * series.step - start
    ends = begins + series.step
    first = begins // interval
    pieces = (ends - 1) // interval - first + 1
    owner = np.repeat(np.arange(len(places)), pieces)
    bucket = first[owner] + np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    seconds = np.minimum(ends[owner], (bucket + 1) * interval) - np.maximum(begins[owner], bucket * interval)
    inside = (bucket >= 0) & (bucket < buckets)
    bucket, weights = bucket[inside], (series.values[places][owner] * seconds)[inside]
    hits = np.bincount(bucket, weights, minlength=buckets)
    return np.where(np.bincount(bucket, minlength=buckets) > 0, hits, np.nan)
