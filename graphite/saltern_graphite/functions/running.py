"""Numbers that carry over from point to point: running sums, spreads and averages."""

from __future__ import annotations

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.times import parse_interval
from saltern_graphite.functions.arithmetic import round_decimal
from saltern_graphite.functions.moving import preview_of
from saltern_graphite.functions.params import PointsOrTime
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series, SeriesList, Values

_AVERAGE_DIGITS = 6
"""Graphite rounds exponential averages to this many digits."""


def _sums_by_interval(series: Series, origin: int, interval: int) -> Values:
    """Running sums that begin again at each multiple of *interval* seconds after *origin*."""
    since = series.start - origin + series.step * np.arange(len(series.values), dtype=np.int64)
    fresh = since // interval != (since - series.step) // interval
    fresh[:1] = True
    begins = np.flatnonzero(fresh)
    row = np.cumsum(fresh) - 1
    column = np.arange(len(since)) - begins[row]
    cells = np.zeros((len(begins), int(column.max(initial=0)) + 1))  # stretches are of one length, give or take 1
    cells[row, column] = np.where(np.isnan(series.values), 0.0, series.values)
    sums: Values = np.cumsum(cells, axis=1)[row, column]
    return sums


@function("integralByInterval", "Transform", example="sales.count, '1d'")
def integral_by_interval(context: Context, series: SeriesList, interval_unit: str) -> list[Series]:
    """The sum of the values so far, beginning again at 0 after every *intervalUnit* since the start of the window."""
    interval = abs(parse_interval(interval_unit))
    if not interval:
        raise FunctionError(f"intervalUnit must be an interval such as '1d', not {interval_unit!r}")
    return [
        one.derived(
            f"integralByInterval({one.name},'{interval_unit}')",
            _sums_by_interval(one, context.start, interval),
            tags={"integralByInterval": interval_unit},
        )
        for one in series
    ]


def _window_sums(values: Values, width: int) -> Values:
    """The sums of the last *width* values, each got from the one before by dropping a value and adding one.

    In that order, as rounding shows in a deviation of values that hardly differ.
    """
    steps = np.zeros(2 * len(values))
    steps[2 * width :: 2] = -values[:-width]
    steps[1::2] = values
    sums: Values = np.cumsum(steps)[1::2]
    return sums


@function("stdev", "Calculate", example="response.time, 30, 0.5")
def stdev(series: SeriesList, points: int, window_tolerance: float = 0.1) -> list[Series]:
    """The standard deviation of the last *points* values at each time; missing where less than the share
    *windowTolerance* of them is known.
    """
    if points < 0:
        raise FunctionError(f"points must not be negative, as {points} is")
    results = []
    for one in series:
        known = ~np.isnan(one.values)
        values = np.where(known, one.values, 0.0)
        width = min(points, len(values)) or 1
        count = np.rint(_window_sums(known.astype(np.float64), width))
        sums, squares = _window_sums(values, width), _window_sums(values * values, width)
        spread = np.sqrt(count * squares - sums * sums) / count
        enough = (count > 0) & (points > 0) & (count / max(points, 1) >= window_tolerance)
        name = f"stdev({one.name},{points})"
        results.append(one.derived(name, np.where(enough, spread, np.nan), tags={"stdev": points}))
    return results


def _decayed(values: Values, keep: float) -> Values:
    """``y[t] = values[t] + keep * y[t - 1]``, in as many passes as the length has binary digits.

    After each pass every sum reaches back twice as far.
    """
    sums = values.copy()
    reach = 1
    while reach < len(sums) and keep:
        sums[reach:] += keep * sums[:-reach]
        keep, reach = keep * keep, reach * 2
    return sums


def exponential_average(values: Values, lead: int, weight: float) -> Values:
    """The exponential average of *values*: first the plain mean of the *lead* first ones, then one more for each
    of the others, in which the new value weighs *weight* and all before it the rest.
    """
    seeding = values[:lead][~np.isnan(values[:lead])]
    seed = np.cumsum(seeding)[-1] / len(seeding) if len(seeding) else 0.0
    rest = values[lead:]
    known = ~np.isnan(rest)
    averages = np.full(len(rest) + 1, np.nan)
    averages[0] = seed
    averages[1:][known] = _decayed(np.concatenate(([seed], weight * rest[known])), 1 - weight)[1:]
    return round_decimal(averages, _AVERAGE_DIGITS)


@function("exponentialMovingAverage", "Calculate", example="servers.*.load, '5min'")
def exponential_moving_average(context: Context, source: Deferred, window: PointsOrTime) -> list[Series]:
    """An average in which older values weigh less and less. For a window of n points (or seconds, if it is an
    interval) the newest value weighs ``2 / (n + 1)``. It begins with the mean of one window before.
    """
    length = abs(parse_interval(window)) if isinstance(window, str) else window
    if length < 1:
        raise FunctionError(f"windowSize must be 1 point, or 1 second, or more, not {window!r}")
    preview, shown = preview_of(source, window)
    results = []
    for one in source.evaluate(context.window(context.start - preview)):
        lead = preview // one.step if isinstance(window, str) else window
        results.append(
            one.derived(
                f"exponentialMovingAverage({one.name},{shown})",
                exponential_average(one.values, lead, 2 / (length + 1)),
                start=one.start + preview,
                tags={"exponentialMovingAverage": window},
            )
        )
    return results
