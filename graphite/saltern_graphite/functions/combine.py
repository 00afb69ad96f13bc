"""Combine: many series into few."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.calculate import checked_percent
from saltern_graphite.functions.grid import grid
from saltern_graphite.functions.params import Aggregation, Lists, Param, ParamType
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import aggregation, percentiles
from saltern_graphite.series.incremental import reduce_lines
from saltern_graphite.series.series import Series, SeriesList, paths_of

GROUP = "Combine"
_AnyLists = Annotated[SeriesList, Param(ParamType.SERIES, "seriesLists", required=False)]
_Positions = Annotated[int, Param(ParamType.NODE, "position", required=False)]


def combine(series: SeriesList, func: str, share: float) -> list[Series]:
    """All of *series* into one by the aggregation *func*; none at all stay none.

    *share* is that of the inputs that must be known. The result, ``<func>Series(…)``, keeps the tags that all inputs
    share. ``FunctionError``: there is no such aggregation.
    """
    reducer = aggregation(func)
    if not series:
        return []
    func = func.removesuffix("Series")
    cells = grid(series)
    name = f"{func}Series({paths_of(series)})"
    tags = dict(series[0].tags)
    for one in series[1:]:
        if one.tags is not series[0].tags:
            tags = {tag: value for tag, value in tags.items() if one.tags.get(tag) == value}
    tags.setdefault("name", name)
    tags["aggregatedBy"] = func
    values = reduce_lines(reducer, cells.rows, share)
    return [Series(name, cells.start, cells.end, cells.step, values, name, tags, x_files_factor=share)]


def flat(lists: tuple[SeriesList, ...]) -> list[Series]:
    """The lists one after the other."""
    return [series for one in lists for series in one]


def _combining(name: str, func: str, does: str, example: str, *aliases: str) -> Function:
    """The function *name*, which combines all that it is given by the aggregation *func*."""

    @function(name, GROUP, aliases=aliases, does=does, example=example)
    def combined(context: Context, *lists: Lists) -> list[Series]:
        return combine(flat(lists), func, context.x_files_factor)

    return combined


sum_series = _combining(
    "sumSeries", "sum", "Adds up series, value by value. Missing values count as nothing.", "servers.*.requests", "sum"
)
average_series = _combining(
    "averageSeries",
    "average",
    "The mean of the series at each time, over those that have a value.",
    "servers.*.cpu.user",
    "avg",
)
min_series = _combining("minSeries", "min", "The least value at each time.", "servers.*.disk.free")
max_series = _combining("maxSeries", "max", "The greatest value at each time.", "servers.*.load")
diff_series = _combining(
    "diffSeries", "diff", "The first series minus all the others.", "service.requests, service.errors"
)
range_of_series = _combining(
    "rangeOfSeries", "rangeOf", "The distance between the greatest and the least value at each time.", "servers.*.load"
)
stddev_series = _combining(
    "stddevSeries", "stddev", "The standard deviation of the series at each time.", "servers.*.load"
)


@function("multiplySeries", GROUP, example="queue.length, queue.item_size")
def multiply_series(context: Context, *lists: Lists) -> list[Series]:
    """The product of the series; missing as soon as one factor is."""
    series = flat(lists)
    if len(lists) == 1 and len(series) == 1:
        return series
    return combine(series, "multiply", context.x_files_factor)


@function("countSeries", GROUP, example="servers.*.load")
def count_series(context: Context, *lists: _AnyLists) -> list[Series]:
    """How many series there are, whether they have values or not."""
    series = flat(lists)
    if lists and not series:
        return []
    if not series:
        middle = max((context.end - context.start) // 2, 1)
        return [context.synthetic("0", np.zeros(3), middle, path="countSeries()")]
    cells = grid(series)
    count = np.full(len(cells.rows[0]), float(len(series)))
    return [context.result(f"countSeries({paths_of(series)})", count, cells.start, cells.end, cells.step)]


@function("percentileOfSeries", GROUP, example="servers.*.latency, 95")
def percentile_of_series(context: Context, series: SeriesList, n: float, interpolate: bool = False) -> list[Series]:
    """The *n*-th percentile of the series at each time."""
    checked_percent(n)
    if not series:
        return []
    cells = grid(series)
    values = percentiles(cells.matrix, n, interpolate=interpolate)
    name = f"percentileOfSeries({series[0].path},{n:g})"
    return [context.result(name, values, cells.start, cells.end, cells.step)]


@function("group", GROUP)
def group(*lists: _AnyLists) -> list[Series]:
    """Several lists as one, for functions that take a single list.

    ``sumSeries(group(web.requests, api.requests))``
    """
    return flat(lists)


@function("aggregate", GROUP, example="servers.*.load, 'median'")
def aggregate(
    context: Context, series: SeriesList, func: Aggregation, x_files_factor: float | None = None
) -> list[Series]:
    """All the series into one by *func*."""
    return combine(series, func, context.x_files_factor if x_files_factor is None else x_files_factor)


def _with_wildcards(context: Context, series: SeriesList, func: str, positions: tuple[int, ...]) -> list[Series]:
    """Combine the series whose names are the same without the path elements at *positions*."""
    groups: dict[str, list[Series]] = {}
    for one in series:
        elements = one.name.split(".")
        key = ".".join(element for index, element in enumerate(elements) if index not in positions)
        groups.setdefault(key, []).append(one)
    share = context.x_files_factor
    return [result.renamed(key) for key, group in groups.items() for result in combine(group, func, share)]


@function("aggregateWithWildcards", GROUP, example="dc.*.host.*.load, 'max', 3")
def aggregate_with_wildcards(
    context: Context, series: SeriesList, func: Aggregation, *positions: _Positions
) -> list[Series]:
    """Combines by *func* the series whose names differ only in the path elements at *position*."""
    return _with_wildcards(context, series, func, positions)


@function("sumSeriesWithWildcards", GROUP, example="dc.*.host.*.requests, 3")
def sum_series_with_wildcards(context: Context, series: SeriesList, *positions: _Positions) -> list[Series]:
    """Adds up the series whose names differ only in the path elements at *position*."""
    return _with_wildcards(context, series, "sum", positions)


@function("averageSeriesWithWildcards", GROUP, example="dc.*.host.*.load, 3")
def average_series_with_wildcards(context: Context, series: SeriesList, *positions: _Positions) -> list[Series]:
    """The mean of the series whose names differ only in the path elements at *position*."""
    return _with_wildcards(context, series, "average", positions)


@function("multiplySeriesWithWildcards", GROUP, example="dc.*.host.*.share, 3")
def multiply_series_with_wildcards(context: Context, series: SeriesList, *positions: _Positions) -> list[Series]:
    """Multiplies the series whose names differ only in the path elements at *position*."""
    return _with_wildcards(context, series, "multiply", positions)
