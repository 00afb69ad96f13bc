"""Combine: shares of a total."""

from __future__ import annotations

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.aggregation import AGGREGATIONS
from saltern_graphite.functions.arithmetic import divide
from saltern_graphite.functions.grid import grid, normalized, stacked_rows
from saltern_graphite.functions.names import grouped_by
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, Values, paths_of

_HUNDRED_PERCENT = 100.0


@function(
    "asPercent",
    "Combine",
    series_list(),
    Param("total", ParamType.ANY),
    Param("nodes", ParamType.NODE_OR_TAG, multiple=True),
    aliases=("pct",),
)
def as_percent(
    context: Context, series: SeriesList, total: list[Series] | float | None, *nodes: int | str
) -> list[Series]:
    """Each series as a percentage of a total.

    The total is the sum of all the series (none given), a number, one series, or as many series as there are,
    matched by name. With *nodes*, series and totals are matched by those path elements.

    ``asPercent(servers.*.requests)``, ``asPercent(disk.used, disk.size)``,
    ``asPercent(dc.*.host.*.load, None, 1)``
    """
    if nodes:
        return _by_nodes(context, series, total, nodes)
    if not series:
        return []
    rows = normalized(series)
    if total is None:
        whole = AGGREGATIONS["sum"](stacked_rows([one.values for one in rows]))
        return [_share_of(context, one, whole, f"sumSeries({paths_of(series)})") for one in rows]
    if isinstance(total, str):
        raise FunctionError(f"total must be a number or a series list, not {total[:100]!r}")
    if not isinstance(total, list):
        return [_share_of(context, one, np.full(len(one.values), float(total)), str(total)) for one in rows]
    if len(total) == len(series):
        pairs = zip(_by_name(series), _by_name(total), strict=True)
        return [_share(context, one, other) for one, other in pairs]
    if len(total) == 1:
        *parts, reference = normalized([*series, total[0]])
        return [_share_of(context, one, reference.values, reference.name) for one in parts]
    raise FunctionError(
        f"total must be a number, one series, or as many as in seriesList ({len(series)}), not {len(total)}"
    )


def _by_name(series: SeriesList) -> list[Series]:
    return sorted(series, key=lambda one: one.name)


def _share(context: Context, part: Series, whole: Series) -> Series:
    cells = grid((part, whole))
    percent = divide(cells.matrix[0], cells.matrix[1]) * _HUNDRED_PERCENT
    name = f"asPercent({part.name},{whole.name})"
    return context.result(name, percent, cells.start, cells.end, cells.step)


def _share_of(context: Context, part: Series, whole: Values, text: str) -> Series:
    """The share of *part* in a column that begins with it."""
    rows = stacked_rows([part.values, whole])
    percent = divide(rows[0], rows[1]) * _HUNDRED_PERCENT
    return context.result(f"asPercent({part.name},{text})", percent, part.start, part.end, part.step)


def _missing(context: Context, name: str, like: Series) -> Series:
    return context.result(name, np.full(len(like.values), np.nan), like.start, like.end, like.step)


def _by_nodes(
    context: Context, series: SeriesList, total: list[Series] | float | None, nodes: tuple[int | str, ...]
) -> list[Series]:
    if total is not None and not isinstance(total, list):
        raise FunctionError("total must be a series list or None when nodes are given")
    parts = grouped_by(series, nodes)
    wholes = {
        key: group[0] if len(group) == 1 else _total(context, group)
        for key, group in grouped_by(series if total is None else total, nodes).items()
    }
    results = []
    for key in dict.fromkeys((*parts, *wholes)):
        whole = wholes.get(key)
        if key not in parts and whole is not None:
            results.append(_missing(context, f"asPercent(MISSING,{whole.name})", whole))
        for part in parts.get(key, ()):
            if whole is None:
                results.append(_missing(context, f"asPercent({part.name},MISSING)", part))
            else:
                results.append(_share(context, part, whole))
    return results


def _total(context: Context, group: SeriesList) -> Series:
    cells = grid(group)
    whole = AGGREGATIONS["sum"](cells.matrix)
    return context.result(f"sumSeries({paths_of(group)})", whole, cells.start, cells.end, cells.step)
