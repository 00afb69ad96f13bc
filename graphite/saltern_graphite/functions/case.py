"""Alias: upper and lower case."""

from __future__ import annotations

from collections.abc import Callable

from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Alias"
_POSITIONS = Param("pos", ParamType.INTEGER, multiple=True)


def _recased(series: SeriesList, positions: tuple[int, ...], recase: Callable[[str], str]) -> list[Series]:
    """*series* with *recase* on their names, or on the letters at *positions* alone, as far as there are any."""
    if not positions:
        return [one.renamed(recase(one.name)) for one in series]
    results = []
    for one in series:
        letters = list(one.name)
        for position in positions:
            if -len(letters) <= position < len(letters):
                letters[position] = recase(letters[position])
        results.append(one.renamed("".join(letters)))
    return results


@function("upper", GROUP, series_list(), _POSITIONS)
def upper(context: Context, series: SeriesList, *positions: int) -> list[Series]:
    """Puts names into upper case, or only the letters at *pos* (negative: from the end).

    ``upper(aliasByNode(servers.*.load, 1), 0)``
    """
    return _recased(series, positions, str.upper)


@function("lower", GROUP, series_list(), _POSITIONS)
def lower(context: Context, series: SeriesList, *positions: int) -> list[Series]:
    """Puts names into lower case, or only the letters at *pos* (negative: from the end).

    ``lower(aliasByNode(servers.*.load, 1))``
    """
    return _recased(series, positions, str.lower)
