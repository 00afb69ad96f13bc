"""Transform: curves that values are put through, and scales that they are brought to."""

from __future__ import annotations

import math

import numpy as np

from saltern_graphite.aggregation import aggregation, reduce_all
from saltern_graphite.functions.params import series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, Values

GROUP = "Transform"


def _exponential(values: Values) -> Values:
    """e to the power of *values*; missing where that overflows."""
    raised = np.exp(values)
    return np.where(np.isinf(raised) & np.isfinite(values), np.nan, raised)


def _log_odds(values: Values) -> Values:
    odds = np.where(values == 1, np.nan, values / (1 - values))
    return np.log(np.where(odds > 0, odds, np.nan))


@function("exp", GROUP, series_list())
def exp(context: Context, series: SeriesList) -> list[Series]:
    """e to the power of every value; missing where that is too large.

    ``exp(growth.rate)``
    """
    return [one.derived(f"exp({one.name})", _exponential(one.values), tags={"exp": "e"}) for one in series]


@function("logit", GROUP, series_list())
def logit(context: Context, series: SeriesList) -> list[Series]:
    """The logarithm of the odds of every value, ``log(x / (1 - x))``; missing outside 0 to 1.

    ``logit(cache.hit_share)``
    """
    return [one.derived(f"logit({one.name})", _log_odds(one.values), tags={"logit": "logit"}) for one in series]


@function("sigmoid", GROUP, series_list())
def sigmoid(context: Context, series: SeriesList) -> list[Series]:
    """Every value brought between 0 and 1, by ``1 / (1 + exp(-x))``.

    ``sigmoid(clock.drift)``
    """
    return [
        one.derived(f"sigmoid({one.name})", 1 / (1 + np.exp(-one.values)), tags={"sigmoid": "sigmoid"})
        for one in series
    ]


@function("minMax", GROUP, series_list())
def min_max(context: Context, series: SeriesList) -> list[Series]:
    """Each series brought between 0 (its least value) and 1 (its greatest); 0 where all are the same.

    ``minMax(servers.*.load)``
    """
    results = []
    for one in series:
        least = reduce_all(aggregation("min"), one.values)
        span = reduce_all(aggregation("max"), one.values) - least
        height = one.values - least
        values = np.where(np.isnan(height), np.nan, height / span if span else 0.0)
        results.append(one.derived(f"minMax({one.name})", values))
    return results


@function("offsetToZero", GROUP, series_list())
def offset_to_zero(context: Context, series: SeriesList) -> list[Series]:
    """Takes each series' least value off all its values.

    ``offsetToZero(servers.*.uptime)``
    """
    results = []
    for one in series:
        least = reduce_all(aggregation("min"), one.values)
        tags = {"offsetToZero": None if math.isnan(least) else least}
        results.append(one.derived(f"offsetToZero({one.name})", one.values - least, tags=tags))
    return results
