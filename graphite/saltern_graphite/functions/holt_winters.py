"""Holt-Winters smoothing: level, trend and season of many series at once.

For each value ``a[t]``, with a season of ``m`` steps::

    level[t]      = ALPHA * (a[t] - seasonal[t-m]) + (1 - ALPHA) * (level[t-1] + trend[t-1])
    trend[t]      = BETA * (level[t] - level[t-1]) + (1 - BETA) * trend[t-1]
    seasonal[t]   = GAMMA * (a[t] - level[t]) + (1 - GAMMA) * seasonal[t-m]
    prediction[t] = level[t-1] + trend[t-1] + seasonal[t-m]
    deviation[t]  = GAMMA * abs(a[t] - prediction[t]) + (1 - GAMMA) * deviation[t-m]

The method is Brutlag's "Aberrant Behavior Detection in Time Series for Network Monitoring" (2000); where it begins
and how it crosses gaps is Graphite's: level and trend begin anew after a gap, at the value found there and at 0; a
missing value's season and deviation count as 0, and so does the prediction that there is none of right after it.

Only level and trend depend on the step before. All the rest depends on the season before, and is computed for a
season's steps, and for all series, together. The operations are those above in that order, so that the numbers are
the same to the last bit whichever way they are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from saltern_graphite.series.aggregation import Matrix
from saltern_graphite.series.series import Values

ALPHA = 0.1
BETA = 0.0035
GAMMA = 0.1

ROWS_WORTH_STEPPING = 24
"""From how many series on one vector operation per step is cheaper than a loop for each series (measured)."""

_STEPS_AT_ONCE = 1 << 16
"""How many steps are computed at a time at most, so that long seasons take no more memory than short ones."""

_Mask = npt.NDArray[np.bool_]


def analyse(actual: Matrix, season: int, check: Callable[[], None] | None = None) -> tuple[Matrix, Matrix]:
    """Predictions and deviations of *actual*, one series in each row, for a season of *season* >= 2 steps.

    *check* is called now and then; what it raises ends the work.
    """
    rows, length = actual.shape
    season = min(season, length + 1)  # a longer one is never looked back to
    missing = np.isnan(actual)
    fresh = ~missing
    fresh[:, 1:] &= missing[:, :-1]
    # ``season`` columns of 0 lead, so that column t is what was a season before t
    seasonal = np.zeros((rows, season + length))
    deviation = np.zeros((rows, season + length))
    prediction = np.full((rows, length + 1), np.nan)
    prediction[:, :1] = actual[:, :1] if length else np.nan
    advance = _advance_steps if rows >= ROWS_WORTH_STEPPING else _advance_rows
    level, trend = np.zeros(rows), np.zeros(rows)
    sums = np.empty_like(actual)
    chunks = _chunks(season, length)
    for now, here in chunks:
        if check:
            check()
        values, before = actual[:, now], seasonal[:, now]
        levels, sums[:, now], trend = advance(ALPHA * (values - before), values, fresh[:, now], level, trend)
        level = levels[:, -1]
        seasonal[:, here] = np.where(missing[:, now], 0.0, GAMMA * (values - levels) + (1 - GAMMA) * before)
    prediction[:, 1:] = sums + seasonal[:, 1 : length + 1]
    predicted = prediction[:, :length]
    error = GAMMA * np.abs(actual - np.where(np.isnan(predicted), 0.0, predicted))
    for now, here in chunks:
        deviation[:, here] = np.where(missing[:, now], 0.0, error[:, now] + (1 - GAMMA) * deviation[:, now])
    return predicted, deviation[:, season:]


def _chunks(season: int, length: int) -> list[tuple[slice, slice]]:
    """Steps of which none is a season before another: their columns, and those where a season of columns leads."""
    size = min(season, _STEPS_AT_ONCE)
    ends = [(begin, min(begin + size, length)) for begin in range(0, length, size)]
    return [(slice(begin, end), slice(season + begin, season + end)) for begin, end in ends]


def _advance_rows(
    push: Matrix, values: Matrix, fresh: _Mask, level: Values, trend: Values
) -> tuple[Matrix, Matrix, Values]:
    """Levels from the last ones on, their sums with the trends, and the last trends; series by series."""
    keep, learn, hold = 1 - ALPHA, BETA, 1 - BETA  # local names: this loop is where the time goes
    sums, slopes = np.empty_like(push), np.empty(len(push))
    broken: list[bool] = np.logical_or.reduce(fresh, axis=1).tolist()
    for row, pushes in enumerate(push.tolist()):
        cuts = (0, *np.flatnonzero(fresh[row, 1:]) + 1, len(pushes)) if broken[row] else (0, len(pushes))
        now, slope = float(level[row]), float(trend[row])
        for begin, end in pairwise(cuts):
            if broken[row] and fresh[row, begin]:
                now, slope = float(values[row, begin]), 0.0
            total = now + slope
            for place, pushed in enumerate(pushes[begin:end], begin):
                after = pushed + keep * total
                slope = learn * (after - now) + hold * slope
                pushes[place] = total = after + slope
                now = after
        sums[row], slopes[row] = pushes, slope
    before = np.column_stack((level + trend, sums[:, :-1]))
    levels = push + keep * np.where(fresh, values + 0.0, before)
    return levels, sums, slopes


def _advance_steps(
    push: Matrix, values: Matrix, fresh: _Mask, level: Values, trend: Values
) -> tuple[Matrix, Matrix, Values]:
    """The same, step by step, all series together."""
    pushes = np.ascontiguousarray(push.T)
    levels, sums = np.empty_like(pushes), np.empty_like(pushes)
    fresh_rows = np.count_nonzero(fresh, axis=0).tolist()
    total, change, slope = level + trend, np.empty(len(push)), trend.copy()
    for step in range(len(pushes)):
        if fresh_rows[step]:
            begins = fresh[:, step]
            level, slope = np.where(begins, values[:, step], level), np.where(begins, 0.0, slope)
            total = level + slope
        now = levels[step]
        np.multiply(total, 1 - ALPHA, out=now)
        now += pushes[step]
        np.subtract(now, level, out=change)
        change *= BETA
        slope *= 1 - BETA
        slope += change
        level, total = now, sums[step]
        np.add(now, slope, out=total)
    return levels.T, sums.T, slope
