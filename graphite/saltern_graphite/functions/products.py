"""Combine: powers and weights."""

from __future__ import annotations

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.arithmetic import divide
from saltern_graphite.functions.combine import combine, flat
from saltern_graphite.functions.grid import grid, stacked_rows
from saltern_graphite.functions.names import group_key
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, Values

GROUP = "Combine"


def _raised(base: Values, exponent: Values) -> Values:
    """``base ** exponent``; missing where one is, where that is undefined, or where it overflows."""
    raised = np.power(base, exponent)
    made = np.isinf(raised) & np.isfinite(base) & np.isfinite(exponent)
    return np.where(made | np.isnan(base) | np.isnan(exponent), np.nan, raised)


@function("powSeries", GROUP, series_list(multiple=True))
def pow_series(context: Context, *lists: SeriesList) -> list[Series]:
    """Raises the first series to the power of the second, that to the power of the third, and so on.

    ``powSeries(disk.radius, disk.dimensions)``
    """
    series = flat(lists)
    if not series:
        return []
    cells = grid(series)
    values = cells.matrix[0]
    for exponent in cells.matrix[1:]:
        values = _raised(values, exponent)
    name = f"powSeries({','.join(one.name for one in series)})"
    return [context.result(name, values, cells.start, cells.end, cells.step)]


def _products(
    context: Context, averages: SeriesList, weights: SeriesList, nodes: tuple[int | str, ...]
) -> list[Series]:
    """Each average times its weight, matched by *nodes*; of several with the same ones the last counts."""
    by_key: dict[str, dict[str, Series]] = {}
    for average, weight in zip(averages, weights, strict=True):
        by_key.setdefault(group_key(average, nodes), {})["average"] = average
        by_key.setdefault(group_key(weight, nodes), {})["weight"] = weight
    products = []
    for pair in by_key.values():
        if len(pair) == 2:
            one, weight = pair["average"], pair["weight"]
            rows = stacked_rows([one.values, weight.values])
            name = f"product({weight.name},{one.name})"
            products.append(context.result(name, rows[0] * rows[1], one.start, one.end, one.step))
    return products


@function(
    "weightedAverage",
    GROUP,
    series_list("seriesListAvg"),
    series_list("seriesListWeight"),
    Param("nodes", ParamType.NODE_OR_TAG, multiple=True),
)
def weighted_average(context: Context, averages: SeriesList, weights: SeriesList, *nodes: int | str) -> list[Series]:
    """The mean of the series of the first list, each with the weight that the second list gives it.

    A series and its weight share the path elements (or tags) *nodes*.

    ``weightedAverage(servers.*.latency, servers.*.requests, 1)``
    """
    if len(averages) != len(weights):
        raise FunctionError(
            f"seriesListAvg and seriesListWeight must be of one length, not {len(averages)} and {len(weights)}"
        )
    products = _products(context, averages, weights, nodes)
    if not products:
        return []
    total, weight = (combine(one, "sum", context.x_files_factor)[0] for one in (products, weights))
    rows = stacked_rows([total.values, weight.values])
    paths = (",".join(sorted({one.path for one in series})) for series in (averages, weights))
    name = f"weightedAverage({', '.join(paths)}, {','.join(map(str, nodes))})"
    return [context.result(name, divide(rows[0], rows[1]), total.start, total.end, total.step)]
