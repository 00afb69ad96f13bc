"""Combine: many series into few."""

from __future__ import annotations

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.aggregation import aggregation, percentiles
from saltern_graphite.functions.arithmetic import divide
from saltern_graphite.functions.grid import grid
from saltern_graphite.functions.names import grouped_by
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, paths_of

GROUP = "Combine"
_LISTS = series_list("seriesLists", multiple=True)
_FUNC = Param("func", ParamType.AGGREGATION, required=True)
_POSITIONS = Param("position", ParamType.NODE, multiple=True)
_CALLBACK = Param("callback", ParamType.AGGREGATION_OR_FUNCTION, required=True)


def combine(
    series: SeriesList, func: str, x_files_factor: float | None = None, *, prefix: str | None = None
) -> list[Series]:
    """All of *series* into one by the aggregation *func*; none at all stay none.

    *x_files_factor* is the share of the inputs that must be known, the first one's own unless it is given. The result
    keeps the tags that all inputs share. Its name begins with *prefix*, else ``<func>Series``.
    """
    reducer = aggregation(func)
    if not series:
        return []
    func = func.removesuffix("Series")
    share = series[0].x_files_factor if x_files_factor is None else x_files_factor
    cells = grid(series)
    name = f"{prefix or func + 'Series'}({paths_of(series)})"
    tags = dict(series[0].tags)
    for one in series[1:]:
        if one.tags is not series[0].tags:
            tags = {tag: value for tag, value in tags.items() if one.tags.get(tag) == value}
    tags.setdefault("name", name)
    tags["aggregatedBy"] = func
    values = cells.reduced(reducer, share)
    return [Series(name, cells.start, cells.end, cells.step, values, name, tags, x_files_factor=share)]


def flat(lists: tuple[SeriesList, ...]) -> list[Series]:
    """The lists one after the other."""
    return [series for one in lists for series in one]


@function("sumSeries", GROUP, _LISTS, aliases=("sum",))
def sum_series(context: Context, *lists: SeriesList) -> list[Series]:
    """Adds up series, value by value. Missing values count as nothing.

    ``sumSeries(servers.*.requests)``
    """
    return combine(flat(lists), "sum", context.x_files_factor)


@function("averageSeries", GROUP, _LISTS, aliases=("avg",))
def average_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The mean of the series at each time, over those that have a value.

    ``averageSeries(servers.*.cpu.user)``
    """
    return combine(flat(lists), "average", context.x_files_factor)


@function("minSeries", GROUP, _LISTS)
def min_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The least value at each time.

    ``minSeries(servers.*.disk.free)``
    """
    return combine(flat(lists), "min", context.x_files_factor)


@function("maxSeries", GROUP, _LISTS)
def max_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The greatest value at each time.

    ``maxSeries(servers.*.load)``
    """
    return combine(flat(lists), "max", context.x_files_factor)


@function("diffSeries", GROUP, _LISTS)
def diff_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The first series minus all the others.

    ``diffSeries(service.requests, service.errors)``
    """
    return combine(flat(lists), "diff", context.x_files_factor)


@function("multiplySeries", GROUP, _LISTS)
def multiply_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The product of the series; missing as soon as one factor is.

    ``multiplySeries(queue.length, queue.item_size)``
    """
    series = flat(lists)
    return series if len(series) == 1 else combine(series, "multiply", context.x_files_factor)


@function("rangeOfSeries", GROUP, _LISTS)
def range_of_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The distance between the greatest and the least value at each time.

    ``rangeOfSeries(servers.*.load)``
    """
    return combine(flat(lists), "rangeOf", context.x_files_factor)


@function("stddevSeries", GROUP, _LISTS)
def stddev_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The standard deviation of the series at each time.

    ``stddevSeries(servers.*.load)``
    """
    return combine(flat(lists), "stddev", context.x_files_factor)


@function("countSeries", GROUP, series_list("seriesLists", required=False, multiple=True))
def count_series(context: Context, *lists: SeriesList) -> list[Series]:
    """How many series there are, whether they have values or not.

    ``countSeries(servers.*.load)``
    """
    series = flat(lists)
    if lists and not series:
        return []
    if not series:
        middle = max((context.end - context.start) // 2, 1)
        return [context.synthetic("0", np.zeros(3), middle, path="countSeries()")]
    cells = grid(series)
    count = np.full(len(cells.rows[0]), float(len(series)))
    return [context.result(f"countSeries({paths_of(series)})", count, cells.start, cells.end, cells.step)]


@function(
    "percentileOfSeries",
    GROUP,
    series_list(),
    Param("n", ParamType.FLOAT, required=True),
    Param("interpolate", ParamType.BOOLEAN, default=False),
)
def percentile_of_series(context: Context, series: SeriesList, n: float, interpolate: bool) -> list[Series]:
    """The *n*-th percentile of the series at each time.

    ``percentileOfSeries(servers.*.latency, 95)``
    """
    if not 0 < n <= 100:
        raise FunctionError(f"n must be above 0 and at most 100, not {n:g}")
    if not series:
        return []
    cells = grid(series)
    values = percentiles(cells.matrix, n, interpolate=interpolate)
    name = f"percentileOfSeries({series[0].path},{n:g})"
    return [context.result(name, values, cells.start, cells.end, cells.step)]


@function("aggregate", GROUP, series_list(), _FUNC, Param("xFilesFactor", ParamType.FLOAT))
def aggregate(context: Context, series: SeriesList, func: str, x_files_factor: float | None) -> list[Series]:
    """All the series into one by *func*.

    ``aggregate(servers.*.load, 'median')``
    """
    return combine(series, func, context.x_files_factor if x_files_factor is None else x_files_factor)


def with_wildcards(context: Context, series: SeriesList, func: str, positions: tuple[int, ...]) -> list[Series]:
    """Combine the series whose names are the same without the path elements at *positions*."""
    groups: dict[str, list[Series]] = {}
    for one in series:
        elements = one.name.split(".")
        key = ".".join(element for index, element in enumerate(elements) if index not in positions)
        groups.setdefault(key, []).append(one)
    share = context.x_files_factor
    return [result.renamed(key) for key, group in groups.items() for result in combine(group, func, share)]


@function("aggregateWithWildcards", GROUP, series_list(), _FUNC, _POSITIONS)
def aggregate_with_wildcards(context: Context, series: SeriesList, func: str, *positions: int) -> list[Series]:
    """Combines by *func* the series whose names differ only in the path elements at *position*.

    ``aggregateWithWildcards(dc.*.host.*.load, 'max', 3)``
    """
    return with_wildcards(context, series, func, positions)


@function("sumSeriesWithWildcards", GROUP, series_list(), _POSITIONS)
def sum_series_with_wildcards(context: Context, series: SeriesList, *positions: int) -> list[Series]:
    """Adds up the series whose names differ only in the path elements at *position*.

    ``sumSeriesWithWildcards(dc.*.host.*.requests, 3)``
    """
    return with_wildcards(context, series, "sum", positions)


@function("averageSeriesWithWildcards", GROUP, series_list(), _POSITIONS)
def average_series_with_wildcards(context: Context, series: SeriesList, *positions: int) -> list[Series]:
    """The mean of the series whose names differ only in the path elements at *position*.

    ``averageSeriesWithWildcards(dc.*.host.*.load, 3)``
    """
    return with_wildcards(context, series, "average", positions)


@function("multiplySeriesWithWildcards", GROUP, series_list(), _POSITIONS)
def multiply_series_with_wildcards(context: Context, series: SeriesList, *positions: int) -> list[Series]:
    """Multiplies the series whose names differ only in the path elements at *position*.

    ``multiplySeriesWithWildcards(dc.*.host.*.share, 3)``
    """
    return with_wildcards(context, series, "multiply", positions)


def group_by(context: Context, series: SeriesList, callback: str, nodes: tuple[int | str, ...]) -> list[Series]:
    """Each group of series with the same *nodes* into one, by a function or an aggregation."""
    known = context.evaluation.knows(callback)
    if not known:
        aggregation(callback)
    results: list[Series] = []
    for key, group in grouped_by(series, nodes).items():
        if known:
            made = context.evaluation.apply(callback, group, context)
        else:
            made = combine(group, callback, context.x_files_factor)
        results.extend(one.renamed(key) for one in made[:1])
    return results


@function(
    "groupByNode",
    GROUP,
    series_list(),
    Param("nodeNum", ParamType.NODE_OR_TAG, required=True),
    Param("callback", ParamType.AGGREGATION_OR_FUNCTION, default="average"),
)
def group_by_node(context: Context, series: SeriesList, node: int | str, callback: str) -> list[Series]:
    """Combines by *callback* the series that share one path element, after which the results are named.

    ``groupByNode(dc.*.host.*.load, 1, 'max')``
    """
    return group_by(context, series, callback, (node,))


@function(
    "groupByNodes",
    GROUP,
    series_list(),
    _CALLBACK,
    Param("nodes", ParamType.NODE_OR_TAG, multiple=True),
)
def group_by_nodes(context: Context, series: SeriesList, callback: str, *nodes: int | str) -> list[Series]:
    """Combines by *callback* the series that share all of the path elements given.

    ``groupByNodes(dc.*.host.*.cpu.*, 'sum', 1, 5)``
    """
    return group_by(context, series, callback, nodes)


@function("group", GROUP, series_list("seriesLists", required=False, multiple=True))
def group(context: Context, *lists: SeriesList) -> list[Series]:
    """Several lists as one, for functions that take a single list.

    ``sumSeries(group(web.requests, api.requests))``
    """
    return flat(lists)


@function("divideSeries", GROUP, series_list("dividendSeriesList"), series_list("divisorSeries"))
def divide_series(context: Context, dividends: SeriesList, divisors: SeriesList) -> list[Series]:
    """Divides each series by one other. Where that is missing or 0, so is the result.

    ``divideSeries(service.errors.*, service.requests)``
    """
    if len(divisors) > 1:
        raise FunctionError(f"divisorSeries must be exactly one series, not {len(divisors)}")
    if not divisors:
        return [one.derived(f"divideSeries({one.name},MISSING)", np.full(len(one.values), np.nan)) for one in dividends]
    results = []
    for dividend in dividends:
        cells = grid((dividend, divisors[0]))
        name = f"divideSeries({dividend.name},{divisors[0].name})"
        quotient = divide(*cells.rows)
        results.append(context.result(name, quotient, cells.start, cells.end, cells.step))
    return results
