"""Combine: series sorted into groups by parts of their names, and what is made of each group."""

from __future__ import annotations

from dataclasses import replace

from saltern.errors import FunctionError
from saltern_graphite.aggregation import aggregation
from saltern_graphite.functions.combine import combine
from saltern_graphite.functions.names import grouped_by
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Combine"


@function(
    "mapSeries",
    GROUP,
    series_list(),
    Param("mapNodes", ParamType.NODE_OR_TAG, required=True, multiple=True),
    aliases=("map",),
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
    Param("reduceFunction", ParamType.STRING, required=True),
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


@function(
    "groupByTags",
    GROUP,
    series_list(),
    Param("callback", ParamType.AGGREGATION_OR_FUNCTION, required=True),
    Param("tags", ParamType.TAG, required=True, multiple=True),
)
def group_by_tags(context: Context, series: SeriesList, callback: str, *tags: str) -> list[Series]:
    """Combines by *callback* the series that share the values of all of *tags*, after which the results are named.

    A series without one of the tags counts as having an empty value.

    ``groupByTags(seriesByTag('name=requests'), 'sum', 'dc', 'rack')``
    """
    known = context.evaluation.knows(callback)
    if not known:
        aggregation(callback)
    names = {one.tags.get("name", "") for one in series}
    common = names.pop() if len(names) == 1 else callback
    groups: dict[tuple[str, ...], list[Series]] = {}
    shown = sorted(tag for tag in tags if tag != "name")
    for one in series:
        name = one.tags.get("name", "") if "name" in tags else common
        groups.setdefault((name, *(one.tags.get(tag, "") for tag in shown)), []).append(one)
    results: list[Series] = []
    for (name, *values), group in groups.items():
        if known:
            made = context.evaluation.apply(callback, group, context)
        else:
            made = combine(group, callback, context.x_files_factor)
        pairs = list(zip(shown, values, strict=True))
        key = ";".join([name, *(f"{tag}={value}" for tag, value in pairs)])
        own = {"name": name, **{tag: value for tag, value in pairs if value}}
        results.extend(replace(one, name=key, path=key, tags=own) for one in made[:1])
    return results
