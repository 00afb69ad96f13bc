"""Alias: what a series is called. Values, tags and paths stay as they are."""

from __future__ import annotations

import re

from saltern.errors import FunctionError
from saltern_graphite.functions.names import group_key
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.patterns import compiled
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Alias"
_ARGUMENTS = re.compile(r",.*$")


@function("alias", GROUP, series_list(), Param("newName", ParamType.STRING, required=True))
def alias(context: Context, series: SeriesList, name: str) -> list[Series]:
    """Calls each series *newName*.

    ``alias(servers.web01.load, 'web')``
    """
    return [one.renamed(name) for one in series]


@function(
    "aliasSub",
    GROUP,
    series_list(),
    Param("search", ParamType.STRING, required=True),
    Param("replace", ParamType.STRING, required=True),
)
def alias_sub(context: Context, series: SeriesList, search: str, replace: str) -> list[Series]:
    """Replaces in each name what the regular expression *search* finds; ``\\1`` is its first group.

    ``aliasSub(servers.*.load, '^servers\\.([^.]+).*', '\\1')``
    """
    pattern = compiled("search", search)
    try:
        return [one.renamed(pattern.sub(replace, one.name)) for one in series]
    except (re.error, IndexError) as error:
        raise FunctionError(f"replace {replace!r} does not fit search {search!r}: {error}") from None


@function(
    "aliasByNode",
    GROUP,
    series_list(),
    Param("nodes", ParamType.NODE_OR_TAG, required=True, multiple=True),
)
def alias_by_node(context: Context, series: SeriesList, *nodes: int | str) -> list[Series]:
    """Calls each series after elements of its path, counted from 0 (negative: from the end), or tags.

    ``aliasByNode(servers.*.cpu.*, 1, -1)``
    """
    return [one.renamed(group_key(one, nodes)) for one in series]


@function(
    "aliasByTags",
    GROUP,
    series_list(),
    Param("tags", ParamType.NODE_OR_TAG, required=True, multiple=True),
)
def alias_by_tags(context: Context, series: SeriesList, *tags: int | str) -> list[Series]:
    """Calls each series after its tags, or elements of its path.

    ``aliasByTags(servers.*.load, 'name', 1)``
    """
    return [one.renamed(group_key(one, tags)) for one in series]


def path_slice(name: str, start: int, stop: int) -> str:
    """Elements *start* to *stop* (0: to the end) of the path inside *name*."""
    left = name.rfind("(") + 1
    right = name.find(")")
    elements = name[left : right if right >= 0 else None].split(".")
    return _ARGUMENTS.sub("", ".".join(elements[start : stop or None]))


@function("aliasByMetric", GROUP, series_list())
def alias_by_metric(context: Context, series: SeriesList) -> list[Series]:
    """Calls each series after the last element of its path.

    ``aliasByMetric(servers.web01.cpu.*)``
    """
    return [one.renamed(path_slice(one.name, -1, 0)) for one in series]
