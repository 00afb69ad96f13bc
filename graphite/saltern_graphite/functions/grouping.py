"""Combine: series sorted into groups by parts of their names, and what is made of each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.combine import GROUP, combine
from saltern_graphite.functions.names import grouped_by
from saltern_graphite.functions.params import Callback, Node, NodeOrTag, Nodes, Param, ParamType, Tag
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import aggregation
from saltern_graphite.series.series import Series, SeriesList

_AllLists = Annotated[SeriesList, Param(ParamType.SERIES_LISTS, "seriesLists")]


def _calling(context: Context, callback: str) -> Callable[[list[Series]], list[Series]]:
    """What makes one series, or none, of a group by *callback*, a function or an aggregation."""
    if callback in context.evaluation.library:
        return lambda group: context.evaluation.apply(callback, group, context)[:1]
    aggregation(callback)
    return lambda group: combine(group, callback, context.x_files_factor)


def _group_by(context: Context, series: SeriesList, callback: str, nodes: tuple[int | str, ...]) -> list[Series]:
    """Each group of series with the same *nodes* into one."""
    call = _calling(context, callback)
    return [one.renamed(key) for key, group in grouped_by(series, nodes).items() for one in call(group)]


@function("groupByNode", GROUP, example="dc.*.host.*.load, 1, 'max'")
def group_by_node(
    context: Context, series: SeriesList, node_num: NodeOrTag, callback: Callback = "average"
) -> list[Series]:
    """Combines by *callback* the series that share one path element, after which the results are named."""
    return _group_by(context, series, callback, (node_num,))


@function("groupByNodes", GROUP, example="dc.*.host.*.cpu.*, 'sum', 1, 5")
def group_by_nodes(context: Context, series: SeriesList, callback: Callback, *nodes: Nodes) -> list[Series]:
    """Combines by *callback* the series that share all of the path elements given."""
    return _group_by(context, series, callback, nodes)


@function("mapSeries", GROUP, aliases=("map",), example="servers.*.disk.*, 1")
def map_series(series: SeriesList, *map_nodes: NodeOrTag) -> list[Series]:
    """Puts series with the same path elements (or tags) *mapNodes* next to one another, for ``reduceSeries``."""
    # one flat list: ``reduceSeries`` tells groups by name, and other functions can use the answer too
    return [one for group in grouped_by(series, map_nodes).values() for one in group]


@function(
    "reduceSeries",
    GROUP,
    aliases=("reduce",),
    example="mapSeries(servers.*.disk.*, 1), 'asPercent', 3, 'used', 'total'",
)
def reduce_series(
    context: Context, series: _AllLists, reduce_function: str, reduce_node: Node, *reduce_matchers: str
) -> list[Series]:
    """Calls *reduceFunction* once for each beginning of a name, with the series whose next element, number
    *reduceNode*, is one of *reduceMatchers*, in their order. Groups that lack one of them are left out.
    """
    if reduce_function not in context.evaluation.library:
        raise FunctionError(f"reduceFunction: there is no function {reduce_function!r}")
    groups: dict[str, dict[str, Series]] = {}
    for one in series:
        elements = one.name.split(".")
        if not -len(elements) <= reduce_node < len(elements):
            raise FunctionError(f"reduceNode is {reduce_node}, but {one.name[:200]!r} has {len(elements)} elements")
        if elements[reduce_node] in reduce_matchers:
            key = f"{'.'.join(elements[:reduce_node])}.reduce.{reduce_function}"
            groups.setdefault(key, {})[elements[reduce_node]] = one
    results: list[Series] = []
    for key, found in groups.items():
        if all(matcher in found for matcher in reduce_matchers):
            first, *others = ([found[matcher]] for matcher in reduce_matchers)
            made = context.evaluation.apply(reduce_function, first, context, *others)
            results.extend(one.renamed(key) for one in made[:1])
    return results


@function("groupByTags", GROUP, example="seriesByTag('name=requests'), 'sum', 'dc', 'rack'")
def group_by_tags(context: Context, series: SeriesList, callback: Callback, *tags: Tag) -> list[Series]:
    """Combines by *callback* the series that share the values of all of *tags*, after which the results are named.

    A series without one of the tags counts as having an empty value.
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
