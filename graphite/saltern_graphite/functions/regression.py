"""Calculate: the straight line that fits a series best."""

from __future__ import annotations

import numpy as np

from saltern_graphite.functions.moment import moment
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context, Deferred
from saltern_graphite.series import Series, Values

_START = Param("startSourceAt", ParamType.DATE)
_END = Param("endSourceAt", ParamType.DATE)


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


@function("linearRegression", "Calculate", series_list(), _START, _END, deferred=True)
def linear_regression(context: Context, source: Deferred, start_text: str | None, end_text: str | None) -> list[Series]:
    """The straight line that fits each series best, or best from *startSourceAt* to *endSourceAt*.

    Series with less than two values there are left out.

    ``linearRegression(disk.used, '-7d')``
    """
    start = context.start if start_text is None else moment(_START.name, start_text, context)
    end = context.end if end_text is None else moment(_END.name, end_text, context)
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
