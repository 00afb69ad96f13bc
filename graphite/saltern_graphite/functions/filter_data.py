"""Filter data: values that become missing."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from saltern_graphite.aggregation import percentile_of
from saltern_graphite.functions.calculate import checked_percent
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Filter Data"
_N = Param("n", ParamType.FLOAT, required=True)


def _without_above(
    series: Series, label: str, n: float, bound: float, tags: Mapping[str, object] | None = None
) -> Series:
    values = np.where(series.values > bound, np.nan, series.values)
    return series.derived(f"{label}({series.name}, {n:g})", values, tags=tags)


def _without_below(
    series: Series, label: str, n: float, bound: float, tags: Mapping[str, object] | None = None
) -> Series:
    values = np.where(series.values < bound, np.nan, series.values)
    return series.derived(f"{label}({series.name}, {n:g})", values, tags=tags)


@function("removeAboveValue", GROUP, series_list(), _N)
def remove_above_value(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out values above *n*.

    ``removeAboveValue(response.time, 60)``
    """
    return [_without_above(one, "removeAboveValue", n, n) for one in series]


@function("removeBelowValue", GROUP, series_list(), _N)
def remove_below_value(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out values below *n*.

    ``removeBelowValue(temperature, 0)``
    """
    return [_without_below(one, "removeBelowValue", n, n) for one in series]


def _percentile_tag(bound: float, n: float) -> dict[str, object]:
    """Graphite leaves a trace of the percentile that it took, where there is one."""
    return {} if math.isnan(bound) else {"nPercentile": n}


@function("removeAbovePercentile", GROUP, series_list(), _N)
def remove_above_percentile(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out values above the series' *n*-th percentile.

    ``removeAbovePercentile(response.time, 99)``
    """
    checked_percent(n)
    bounds = [percentile_of(one.values, n) for one in series]
    return [
        _without_above(one, "removeAbovePercentile", n, bound, _percentile_tag(bound, n))
        for one, bound in zip(series, bounds, strict=True)
    ]


@function("removeBelowPercentile", GROUP, series_list(), _N)
def remove_below_percentile(context: Context, series: SeriesList, n: float) -> list[Series]:
    """Leaves out values below the series' *n*-th percentile.

    ``removeBelowPercentile(throughput, 1)``
    """
    checked_percent(n)
    bounds = [percentile_of(one.values, n) for one in series]
    return [
        _without_below(one, "removeBelowPercentile", n, bound, _percentile_tag(bound, n))
        for one, bound in zip(series, bounds, strict=True)
    ]
