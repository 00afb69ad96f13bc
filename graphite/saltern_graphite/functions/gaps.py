"""Transform: missing values between known ones."""

from __future__ import annotations

import numpy as np

from saltern_graphite.aggregation import aggregation
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, Values
from saltern_graphite.spans import reduce_spans

GROUP = "Transform"


def interpolated(values: Values, limit: float) -> Values:
    """*values* with straight lines across gaps of up to *limit* points; gaps at either end stay."""
    places = np.arange(len(values))
    known = ~np.isnan(values)
    before = np.maximum.accumulate(np.where(known, places, -1))
    after = np.minimum.accumulate(np.where(known, places, len(places))[::-1])[::-1]
    width = after - before
    filled = np.flatnonzero(~known & (before >= 0) & (after < len(places)) & (width - 1 <= limit))
    left, right = values[before[filled]], values[after[filled]]
    answer = values.copy()
    answer[filled] = left + (filled - before[filled]) * (right - left) / width[filled]
    return answer


@function("interpolate", GROUP, series_list(), Param("limit", ParamType.INTEGER_OR_INF, default=float("inf")))
def interpolate(context: Context, series: SeriesList, limit: float) -> list[Series]:
    """Fills gaps of up to *limit* points with a straight line from the value before to the one after.

    ``interpolate(battery.charge, 10)``
    """
    return [one.derived(f"interpolate({one.name})", interpolated(one.values, limit)) for one in series]


def _period(values: Values) -> tuple[int, int] | None:
    """Where the first value stands and how many steps lie between values, if they look regular.

    Graphite's guess: from the first two values that are not 0, confirmed by a third one that stands alone where it
    should.
    """
    something = ~np.isnan(values) & (values != 0)
    seen = np.flatnonzero(something)[:2]
    if len(seen) < 2:
        return None
    first, second = seen.tolist()
    third = 2 * second - first
    if second - first < 2 or third > len(values) - 2 or not something[third]:
        return None
    alone = np.isnan(values[third - 1]) and np.isnan(values[third + 1])
    return (first, second - first) if alone else None


def compressed(series: Series) -> Series:
    """*series* at the step at which it really has values, if that can be told, else *series* itself."""
    period = _period(series.values)
    if period is None:
        return series
    first, width = period
    size = min(len(series.values), -(-(series.end - series.start) // series.step))
    start, step = series.start + first * series.step, width * series.step
    count = max(-(-(series.end - start) // step), 0)
    starts = np.minimum(first + width * np.arange(count, dtype=np.int64), size)
    stops = np.minimum(starts + width, size)
    values = reduce_spans(aggregation("last"), series.values, starts, stops, width, series.x_files_factor)
    return series.derived(series.name, values, start=start, end=start + step * (count - 1), step=step)


@function("compressPeriodicGaps", GROUP, series_list())
def compress_periodic_gaps(context: Context, series: SeriesList) -> list[Series]:
    """Where values come regularly, but less often than there are places for them: leaves out the places between.

    ``derivative(compressPeriodicGaps(servers.web01.bytes))``
    """
    return [compressed(one.derived(f"compressPeriodicGaps({one.name})")) for one in series]
