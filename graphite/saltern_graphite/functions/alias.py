"""Alias: what a series is called. Values, tags and paths stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.names import group_key
from saltern_graphite.functions.params import NodeOrTag, Param, ParamType
from saltern_graphite.functions.patterns import compiled
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Alias"
_Letter = Annotated[int, Param(ParamType.INTEGER, required=False)]
_MOST_REPLACED_CHARS = 10_000_000
_ARGUMENTS = re.compile(r",.*$")


@function("alias", GROUP, example="servers.web01.load, 'web'")
def alias(one: Series, new_name: str) -> Series:
    """Calls each series *newName*."""
    return one.renamed(new_name)


def replaced(context: Context, series: SeriesList, search: str, replacement: str) -> list[str]:
    """The names of *series* with *replacement* for what the regular expression *search* finds.

    Raises ``FunctionError`` when they are no expression and what fits it, and where names may become too long.
    """
    pattern = compiled("search", search)
    names = []
    for one in series:
        if len(one.name) * len(replacement) > _MOST_REPLACED_CHARS:
            raise FunctionError(f"replace may make a name of over {_MOST_REPLACED_CHARS} characters: shorten it first")
        try:
            names.append(pattern.sub(replacement, one.name))
        except (re.error, IndexError) as error:
            raise FunctionError(f"replace {replacement!r} does not fit search {search!r}: {error}") from None
        context.evaluation.spend_names(names[-1:])
    return names


@function("aliasSub", GROUP, example="servers.*.load, '^servers\\.([^.]+).*', '\\1'")
def alias_sub(context: Context, series: SeriesList, search: str, replace: str) -> list[Series]:
    """Replaces in each name what the regular expression *search* finds; ``\\1`` is its first group."""
    return [one.renamed(name) for one, name in zip(series, replaced(context, series, search, replace), strict=True)]


@function("aliasByNode", GROUP, example="servers.*.cpu.*, 1, -1")
def alias_by_node(one: Series, *nodes: NodeOrTag) -> Series:
    """Calls each series after elements of its path, counted from 0 (negative: from the end), or tags."""
    return one.renamed(group_key(one, nodes))


@function("aliasByTags", GROUP, example="servers.*.load, 'name', 1")
def alias_by_tags(one: Series, *tags: NodeOrTag) -> Series:
    """Calls each series after its tags, or elements of its path."""
    return one.renamed(group_key(one, tags))


def path_slice(name: str, start: int, stop: int) -> str:
    """Elements *start* to *stop* (0: to the end) of the path inside *name*."""
    left = name.rfind("(") + 1
    right = name.find(")")
    elements = name[left : right if right >= 0 else None].split(".")
    return _ARGUMENTS.sub("", ".".join(elements[start : stop or None]))


@function("aliasByMetric", GROUP, example="servers.web01.cpu.*")
def alias_by_metric(one: Series) -> Series:
    """Calls each series after the last element of its path."""
    return one.renamed(path_slice(one.name, -1, 0))


def _recasing(name: str, recase: Callable[[str], str], example: str) -> Function:
    does = f"Puts names into {name} case, or only the letters at *pos* (negative: from the end)."

    @function(name, GROUP, does=does, example=example)
    def recased(one: Series, *pos: _Letter) -> Series:
        if not pos:
            return one.renamed(recase(one.name))
        letters = list(one.name)
        for position in pos:
            if -len(letters) <= position < len(letters):
                letters[position] = recase(letters[position])
        return one.renamed("".join(letters))

    return recased


upper = _recasing("upper", str.upper, "aliasByNode(servers.*.load, 1), 0")
lower = _recasing("lower", str.lower, "aliasByNode(servers.*.load, 1)")
