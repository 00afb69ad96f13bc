"""Calculate: one number, or one line, out of a series' values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.functions.lines import constant
from saltern_graphite.functions.params import Aggregation, Moment
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import aggregation, percentile_of, reduce_all
from saltern_graphite.series.series import Series, SeriesList, Values

GROUP = "Calculate"


def checked_percent(n: float) -> float:
    """*n* if it can name a percentile, else ``FunctionError``."""
    if not 0 < n <= 100:
        raise FunctionError(f"n must be above 0 and at most 100, not {n:g}")
    return n


@function("nPercentile", GROUP, example="response.time, 95")
def n_percentile(series: SeriesList, n: float) -> list[Series]:
    """The *n*-th percentile of each series' values, as a straight line; series without values are left out."""
    checked_percent(n)
    results = []
    for one in series:
        percentile = percentile_of(one.values, n)
        if not math.isnan(percentile):
            values = np.full((one.end - one.start) // one.step, percentile)
            results.append(one.derived(f"nPercentile({one.name}, {n:g})", values, tags={"nPercentile": n}))
    return results


@function("aggregateLine", GROUP, example="servers.web01.load, 'max'")
def aggregate_line(
    context: Context, series: SeriesList, func: Aggregation = "average", keep_step: bool = False
) -> list[Series]:
    """Each series' values, aggregated by *func*, as a straight line: of three points, or, with *keepStep*, of
    as many as the series has.
    """
    results = []
    for one in series:
        number = reduce_all(aggregation(func), one.values)
        unknown = math.isnan(number)
        name = f"aggregateLine({one.name}, {'None' if unknown else f'{number:g}'})"
        if keep_step:
            results.append(one.derived(name, np.full(len(one.values), number)))
            continue
        line = constant(context, number)
        shown = "None" if unknown else str(int(number)) if func == "count" else str(number)
        results.append(replace(line, name=name, path=name, tags={"name": shown}))
    return results


def _total(values: Values) -> float:
    """The sum, taken in order: the fit takes differences of large numbers, so rounding shows."""
    return float(np.cumsum(values)[-1])


def fit(series: Series) -> tuple[float, float] | None:
    """Slope per second and height at the time 0 of the line nearest to the values, by least squares.

    None with less than two values.
    """
    places = np.flatnonzero(~np.isnan(series.values))
    count = len(places)
    if count < 2:
        return None
    known = series.values[places]
    sum_places, sum_squares = int(places.sum()), int((places * places).sum())
    sum_values, sum_products = _total(known), _total(places * known)
    divisor = float(count * sum_squares - sum_places * sum_places)
    slope = (count * sum_products - sum_places * sum_values) / divisor / series.step
    height = (sum_squares * sum_values - sum_products * sum_places) / divisor - slope * series.start
    return slope, height


@function("linearRegression", GROUP, example="disk.used, '-7d'")
def linear_regression(
    context: Context, source: Deferred, start_source_at: Moment | None = None, end_source_at: Moment | None = None
) -> list[Series]:
    """The straight line that fits each series best, or best from *startSourceAt* to *endSourceAt*.

    Series with less than two values there are left out.
    """
    start = context.start if start_source_at is None else context.moment("startSourceAt", start_source_at)
    end = context.end if end_source_at is None else context.moment("endSourceAt", end_source_at)
    results = []
    for seen, one in zip(source.evaluate(context.window(start, end)), source.evaluate(), strict=False):
        line = fit(seen)
        if line is not None:
            slope, height = line
            times = one.start + one.step * np.arange(len(one.values), dtype=np.float64)
            values: Values = height + times * slope
            name = f"linearRegression({one.name}, {start}, {end})"
            results.append(one.derived(name, values, tags={"linearRegressions": f"{start}, {end}"}))
    return results
