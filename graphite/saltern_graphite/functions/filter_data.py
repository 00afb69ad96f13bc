"""Filter data: values that become missing."""

from __future__ import annotations

import math

import numpy as np

from saltern_graphite.functions.calculate import checked_percent
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import percentile_of
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Filter Data"


def _by_value(name: str, outside: np.ufunc, does: str, example: str) -> Function:
    @function(name, GROUP, does=does, example=example)
    def kept(one: Series, n: float) -> Series:
        return one.derived(f"{name}({one.name}, {n:g})", np.where(outside(one.values, n), np.nan, one.values))

    return kept


def _by_percentile(name: str, outside: np.ufunc, does: str, example: str) -> Function:
    @function(name, GROUP, does=does, example=example)
    def kept(series: SeriesList, n: float) -> list[Series]:
        checked_percent(n)
        results = []
        for one in series:
            bound = percentile_of(one.values, n)
            values = np.where(outside(one.values, bound), np.nan, one.values)
            # Graphite leaves a trace of the percentile that it took, where there is one
            tags = {} if math.isnan(bound) else {"nPercentile": n}
            results.append(one.derived(f"{name}({one.name}, {n:g})", values, tags=tags))
        return results

    return kept


remove_above_value = _by_value("removeAboveValue", np.greater, "Leaves out values above *n*.", "response.time, 60")
remove_below_value = _by_value("removeBelowValue", np.less, "Leaves out values below *n*.", "temperature, 0")
remove_above_percentile = _by_percentile(
    "removeAbovePercentile", np.greater, "Leaves out values above the series' *n*-th percentile.", "response.time, 99"
)
remove_below_percentile = _by_percentile(
    "removeBelowPercentile", np.less, "Leaves out values below the series' *n*-th percentile.", "throughput, 1"
)
