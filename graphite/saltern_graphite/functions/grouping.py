"""Combine: series sorted into groups by parts of their names, and what is made of each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.combine import GROUP, combine
from saltern_graphite.functions.names import grouped_by
from saltern_graphite.functions.params import NODES, SERIES, Param, ParamType, text
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import aggregation
from saltern_graphite.series.series import Series, SeriesList

_CALLBACK = Param("callback", ParamType.AGGREGATION_OR_FUNCTION, required=True)


def _calling(context: Context, callback: str) -> Callable[[list[Series]], list[Series]]:
    """What makes one series, or none, of a group by *callback*, a function or an aggregation."""
    if context.evaluation.knows(callback):
        return lambda group: context.evaluation.apply(callback, group, context)[:1]
    aggregation(callback)
    return lambda group: combine(group, callback, context.x_files_factor)


def _group_by(context: Context, series: SeriesList, callback: str, nodes: tuple[int | str, ...]) -> list[Series]:
    """Each group of series with the same *nodes* into one."""
    call = _calling(context, callback)
    return [one.renamed(key) for key, group in grouped_by(series, nodes).items() for one in call(group)]


@function(
    "groupByNode",
    GROUP,
    SERIES,
    Param("nodeNum", ParamType.NODE_OR_TAG, required=True),
    Param("callback", ParamType.AGGREGATION_OR_FUNCTION, default="average"),
)
def group_by_node(context: Context, series: SeriesList, node: int | str, callback: str) -> list[Series]:
    """Combines by *callback* the series that share one path element, after which the results are named.

    ``groupByNode(dc.*.host.*.load, 1, 'max')``
    """
    return _group_by(context, series, callback, (node,))


@function("groupByNodes", GROUP, SERIES, _CALLBACK, NODES)
def group_by_nodes(context: Context, series: SeriesList, callback: str, *nodes: int | str) -> list[Series]:
    """Combines by *callback* the series that share all of the path elements given.

    ``groupByNodes(dc.*.host.*.cpu.*, 'sum', 1, 5)``
    """
    return _group_by(context, series, callback, nodes)


@function(
    "mapSeries", GROUP, SERIES, Param("mapNodes", ParamType.NODE_OR_TAG, required=True, multiple=True), aliases=("map",)
)
def map_series(context: Context, series: SeriesList, *nodes: int | str) -> list[Series]:
    """Puts series with the same path elements (or tags) *mapNodes* next to one another, for ``reduceSeries``.

    ``mapSeries(servers.*.disk.*, 1)``
    """
    # one flat list: ``reduceSeries`` tells groups by name, and other functions can use the answer too
    return [one for group in grouped_by(series, nodes).values() for one in group]


@function(
    "reduceSeries",
    GROUP,
    Param("seriesLists", ParamType.SERIES_LISTS, required=True),
    text("reduceFunction"),
    Param("reduceNode", ParamType.NODE, required=True),
    Param("reduceMatchers", ParamType.STRING, required=True, multiple=True),
    aliases=("reduce",),
)
def reduce_series(context: Context, series: SeriesList, func: str, node: int, *matchers: str) -> list[Series]:
    """Calls *reduceFunction* once for each beginning of a name, with the series whose next element, number
    *reduceNode*, is one of *reduceMatchers*, in their order. Groups that lack one of them are left out.

    ``reduceSeries(mapSeries(servers.*.disk.*, 1), 'asPercent', 3, 'used', 'total')``
    """
    if not context.evaluation.knows(func):
        raise FunctionError(f"reduceFunction: there is no function {func!r}")
    groups: dict[str, dict[str, Series]] = {}
    for one in series:
        elements = one.name.split(".")
        if not -len(elements) <= node < len(elements):
            raise FunctionError(f"reduceNode is {node}, but {one.name[:200]!r} has {len(elements)} elements")
        if elements[node] in matchers:
            key = f"{'.'.join(elements[:node])}.reduce.{func}"
            groups.setdefault(key, {})[elements[node]] = one
    results: list[Series] = []
    for key, found in groups.items():
        if all(matcher in found for matcher in matchers):
            first, *others = ([found[matcher]] for matcher in matchers)
            made = context.evaluation.apply(func, first, context, *others)
            results.extend(one.renamed(key) for one in made[:1])
    return results


@function("groupByTags", GROUP, SERIES, _CALLBACK, Param("tags", ParamType.TAG, required=True, multiple=True))
def group_by_tags(context: Context, series: SeriesList, callback: str, *tags: str) -> list[Series]:
    """Combines by *callback* the series that share the values of all of *tags*, after which the results are named.

    A series without one of the tags counts as having an empty value.

    ``groupByTags(seriesByTag('name=requests'), 'sum', 'dc', 'rack')``
    """
    call = _calling(context, callback)
    names = {one.tags.get("name", "") for one in series}
    common = names.pop() if len(names) == 1 else callback
    groups: dict[tuple[str, ...], list[Series]] = {}
    shown = sorted(tag for tag in tags if tag != "name")
    for one in series:
        name = one.tags.get("name", "") if "name" in tags else common
        groups.setdefault((name, *(one.tags.get(tag, "") for tag in shown)), []).append(one)
    results: list[Series] = []
    for (name, *values), group in groups.items():
        pairs = list(zip(shown, values, strict=True))
        key = ";".join([name, *(f"{tag}={value}" for tag, value in pairs)])
        own = {"name": name, **{tag: value for tag, value in pairs if value}}
        results.extend(replace(one, name=key, path=key, tags=own) for one in call(group))
    return results
