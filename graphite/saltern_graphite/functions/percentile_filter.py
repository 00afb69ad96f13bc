"""Filter series: those that stay between percentiles of all."""

from __future__ import annotations

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.aggregation import aggregation, percentile_of, percentiles, reduce_all
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Filter Series"
_N = Param("n", ParamType.FLOAT, required=True)


def _bounds(n: float) -> tuple[float, float]:
    """The lower and the upper percentile that *n*, or 100 less *n*, names."""
    if not 0 <= n <= 100:
        raise FunctionError(f"n must be from 0 to 100, not {n:g}")
    return min(n, 100 - n), max(n, 100 - n)


@function("averageOutsidePercentile", GROUP, series_list(), _N)
def average_outside_percentile(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out the series whose mean lies between the percentiles 100 - *n* and *n* of all means.

    ``averageOutsidePercentile(servers.*.load, 95)``
    """
    lower, upper = _bounds(n)
    means = np.array([reduce_all(aggregation("average"), one.values) for one in series])
    low, high = percentile_of(means, lower), percentile_of(means, upper)
    return [one for one, mean in zip(series, means, strict=True) if mean <= low or mean >= high]


@function("removeBetweenPercentile", GROUP, series_list(), _N)
def remove_between_percentile(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out the series whose values always lie between the percentiles 100 - *n* and *n* of all series'.

    ``removeBetweenPercentile(servers.*.load, 90)``
    """
    lower, upper = _bounds(n)
    if not series:
        return []
    rows = stacked_rows([one.values for one in series])
    if not rows.shape[1]:
        return []
    outside = (rows <= percentiles(rows, lower)) | (rows >= percentiles(rows, upper))
    return [one for one, times in zip(series, np.count_nonzero(outside, axis=1), strict=True) if times]
