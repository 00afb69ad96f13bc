"""Alias: what a series is called. Values, tags and paths stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.names import group_key
from saltern_graphite.functions.params import REPLACE, SEARCH, SERIES, Param, ParamType, text
from saltern_graphite.functions.patterns import compiled
from saltern_graphite.functions.registry import Function, for_each, function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Alias"
_ARGUMENTS = re.compile(r",.*$")


@for_each("alias", GROUP, text("newName"))
def alias(one: Series, name: str) -> Series:
    """Calls each series *newName*.

    ``alias(servers.web01.load, 'web')``
    """
    return one.renamed(name)


def replaced(series: SeriesList, search: str, replacement: str) -> list[str]:
    """The names of *series* with *replacement* for what the regular expression *search* finds.

    Raises ``FunctionError`` when they are no expression and what fits it.
    """
    pattern = compiled("search", search)
    try:
        return [pattern.sub(replacement, one.name) for one in series]
    except (re.error, IndexError) as error:
        raise FunctionError(f"replace {replacement!r} does not fit search {search!r}: {error}") from None


@function("aliasSub", GROUP, SERIES, SEARCH, REPLACE)
def alias_sub(context: Context, series: SeriesList, search: str, replacement: str) -> list[Series]:
    """Replaces in each name what the regular expression *search* finds; ``\\1`` is its first group.

    ``aliasSub(servers.*.load, '^servers\\.([^.]+).*', '\\1')``
    """
    return [one.renamed(name) for one, name in zip(series, replaced(series, search, replacement), strict=True)]


def _by_elements(name: str, param: str, does: str, example: str) -> Function:
    elements = Param(param, ParamType.NODE_OR_TAG, required=True, multiple=True)

    @for_each(name, GROUP, elements, does=does, example=example)
    def named(one: Series, *nodes: int | str) -> Series:
        return one.renamed(group_key(one, nodes))

    return named


alias_by_node = _by_elements(
    "aliasByNode",
    "nodes",
    "Calls each series after elements of its path, counted from 0 (negative: from the end), or tags.",
    "servers.*.cpu.*, 1, -1",
)
alias_by_tags = _by_elements(
    "aliasByTags", "tags", "Calls each series after its tags, or elements of its path.", "servers.*.load, 'name', 1"
)


def path_slice(name: str, start: int, stop: int) -> str:
    """Elements *start* to *stop* (0: to the end) of the path inside *name*."""
    left = name.rfind("(") + 1
    right = name.find(")")
    elements = name[left : right if right >= 0 else None].split(".")
    return _ARGUMENTS.sub("", ".".join(elements[start : stop or None]))


@for_each("aliasByMetric", GROUP)
def alias_by_metric(one: Series) -> Series:
    """Calls each series after the last element of its path.

    ``aliasByMetric(servers.web01.cpu.*)``
    """
    return one.renamed(path_slice(one.name, -1, 0))


def _recasing(name: str, recase: Callable[[str], str], example: str) -> Function:
    does = f"Puts names into {name} case, or only the letters at *pos* (negative: from the end)."

    @for_each(name, GROUP, Param("pos", ParamType.INTEGER, multiple=True), does=does, example=example)
    def recased(one: Series, *positions: int) -> Series:
        if not positions:
            return one.renamed(recase(one.name))
        letters = list(one.name)
        for position in positions:
            if -len(letters) <= position < len(letters):
                letters[position] = recase(letters[position])
        return one.renamed("".join(letters))

    return recased


upper = _recasing("upper", str.upper, "aliasByNode(servers.*.load, 1), 0")
lower = _recasing("lower", str.lower, "aliasByNode(servers.*.load, 1)")
