"""Calculate: one number, or one line, out of a series' values."""

from __future__ import annotations

import math

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.aggregation import percentile_of
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Calculate"


def checked_percent(n: float) -> float:
    """*n* if it can name a percentile, else ``FunctionError``."""
    if not 0 < n <= 100:
        raise FunctionError(f"n must be above 0 and at most 100, not {n:g}")
    return n


@function("nPercentile", GROUP, series_list(), Param("n", ParamType.FLOAT, required=True))
def n_percentile(context: Context, series: SeriesList, n: float) -> list[Series]:
    """The *n*-th percentile of each series' values, as a straight line; series without values are left out.

    ``nPercentile(response.time, 95)``
    """
    checked_percent(n)
    results = []
    for one in series:
        percentile = percentile_of(one.values, n)
        if not math.isnan(percentile):
            values = np.full((one.end - one.start) // one.step, percentile)
            results.append(one.derived(f"nPercentile({one.name}, {n:g})", values, tags={"nPercentile": n}))
    return results
