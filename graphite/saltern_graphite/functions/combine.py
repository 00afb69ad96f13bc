"""Combine: many series into few."""

from __future__ import annotations

import numpy as np

from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.calculate import checked_percent
from saltern_graphite.functions.grid import grid
from saltern_graphite.functions.params import FUNC, SERIES, SERIES_LISTS, SHARE, N, Param, ParamType, flag, series_list
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import aggregation, percentiles
from saltern_graphite.series.series import Series, SeriesList, paths_of

GROUP = "Combine"
_ANY_LISTS = series_list("seriesLists", required=False, multiple=True)
_POSITIONS = Param("position", ParamType.NODE, multiple=True)


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


def _combining(name: str, func: str, does: str, example: str, *aliases: str) -> Function:
    """The function *name*, which combines all that it is given by the aggregation *func*."""

    @function(name, GROUP, SERIES_LISTS, aliases=aliases, does=does, example=example)
    def combined(context: Context, *lists: SeriesList) -> list[Series]:
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


@function("multiplySeries", GROUP, SERIES_LISTS)
def multiply_series(context: Context, *lists: SeriesList) -> list[Series]:
    """The product of the series; missing as soon as one factor is.

    ``multiplySeries(queue.length, queue.item_size)``
    """
    series = flat(lists)
    if len(lists) == 1 and len(series) == 1:
        return series
    return combine(series, "multiply", context.x_files_factor)


@function("countSeries", GROUP, _ANY_LISTS)
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


@function("percentileOfSeries", GROUP, SERIES, N, flag("interpolate"))
def percentile_of_series(context: Context, series: SeriesList, n: float, interpolate: bool) -> list[Series]:
    """The *n*-th percentile of the series at each time.

    ``percentileOfSeries(servers.*.latency, 95)``
    """
    checked_percent(n)
    if not series:
        return []
    cells = grid(series)
    values = percentiles(cells.matrix, n, interpolate=interpolate)
    name = f"percentileOfSeries({series[0].path},{n:g})"
    return [context.result(name, values, cells.start, cells.end, cells.step)]


@function("group", GROUP, _ANY_LISTS)
def group(context: Context, *lists: SeriesList) -> list[Series]:
    """Several lists as one, for functions that take a single list.

    ``sumSeries(group(web.requests, api.requests))``
    """
    return flat(lists)


@function("aggregate", GROUP, SERIES, FUNC, SHARE)
def aggregate(context: Context, series: SeriesList, func: str, x_files_factor: float | None) -> list[Series]:
    """All the series into one by *func*.

    ``aggregate(servers.*.load, 'median')``
    """
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


@function("aggregateWithWildcards", GROUP, SERIES, FUNC, _POSITIONS)
def aggregate_with_wildcards(context: Context, series: SeriesList, func: str, *positions: int) -> list[Series]:
    """Combines by *func* the series whose names differ only in the path elements at *position*.

    ``aggregateWithWildcards(dc.*.host.*.load, 'max', 3)``
    """
    return _with_wildcards(context, series, func, positions)


def _by_wildcards(name: str, func: str, does: str, example: str) -> Function:
    @function(name, GROUP, SERIES, _POSITIONS, does=f"{does} *position*.", example=f"{example}, 3")
    def combined(context: Context, series: SeriesList, *positions: int) -> list[Series]:
        return _with_wildcards(context, series, func, positions)

    return combined


sum_series_with_wildcards = _by_wildcards(
    "sumSeriesWithWildcards",
    "sum",
    "Adds up the series whose names differ only in the path elements at",
    "dc.*.host.*.requests",
)
average_series_with_wildcards = _by_wildcards(
    "averageSeriesWithWildcards",
    "average",
    "The mean of the series whose names differ only in the path elements at",
    "dc.*.host.*.load",
)
multiply_series_with_wildcards = _by_wildcards(
    "multiplySeriesWithWildcards",
    "multiply",
    "Multiplies the series whose names differ only in the path elements at",
    "dc.*.host.*.share",
)
