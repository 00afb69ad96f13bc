"""Combine: lists with one another, series by series: quotients, powers, weights, shares of a total."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.arithmetic import divide
from saltern_graphite.functions.combine import GROUP, combine, flat
from saltern_graphite.functions.grid import grid, normalized, stacked_rows
from saltern_graphite.functions.names import group_key, grouped_by
from saltern_graphite.functions.params import Aggregation, Nodes, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import AGGREGATIONS
from saltern_graphite.series.series import Series, SeriesList, Values, paths_of

_First = Annotated[SeriesList, Param(ParamType.SERIES, "seriesListFirstPos")]
_Second = Annotated[SeriesList, Param(ParamType.SERIES, "seriesListSecondPos")]
_Dividends = Annotated[SeriesList, Param(ParamType.SERIES, "dividendSeriesList")]
_Divisor = Annotated[SeriesList, Param(ParamType.SERIES, "divisorSeries")]
_Divisors = Annotated[SeriesList, Param(ParamType.SERIES, "divisorSeriesList")]
_Averages = Annotated[SeriesList, Param(ParamType.SERIES, "seriesListAvg")]
_Weights = Annotated[SeriesList, Param(ParamType.SERIES, "seriesListWeight")]
_Total = Annotated[list[Series] | float, Param(ParamType.ANY)]
_HUNDRED_PERCENT = 100.0


def _pairs(first: SeriesList, second: SeriesList, names: tuple[str, str]) -> Iterator[tuple[Series, Series]]:
    """The first of both, the second of both, …; ``FunctionError``, with the lists' *names*, unless of one length."""
    if len(first) != len(second):
        raise FunctionError(f"{names[0]} and {names[1]} must be of one length, not {len(first)} and {len(second)}")
    return zip(first, second, strict=True)


def _combine_pairs(first: SeriesList, second: SeriesList, func: str, share: float) -> list[Series]:
    """Each of *first* with its counterpart of *second* by the aggregation *func*, named after both."""
    results = []
    for one, other in _pairs(first, second, ("seriesListFirstPos", "seriesListSecondPos")):
        for made in combine([one, other], func, share):
            results.append(made.renamed(f"{func.removesuffix('Series')}Series({one.name},{other.name})"))
    return results


@function("aggregateSeriesLists", GROUP, example="servers.*.bytes.in, servers.*.bytes.out, 'max'")
def aggregate_series_lists(
    context: Context, first: _First, second: _Second, func: Aggregation, x_files_factor: float | None = None
) -> list[Series]:
    """Combines by *func* the first series of both lists, the second ones, and so on."""
    return _combine_pairs(first, second, func, context.x_files_factor if x_files_factor is None else x_files_factor)


@function("sumSeriesLists", GROUP, example="servers.*.bytes.in, servers.*.bytes.out")
def sum_series_lists(context: Context, first: _First, second: _Second) -> list[Series]:
    """Adds up the first series of both lists, the second ones, and so on."""
    return _combine_pairs(first, second, "sum", context.x_files_factor)


@function("diffSeriesLists", GROUP, example="servers.*.memory.total, servers.*.memory.used")
def diff_series_lists(context: Context, first: _First, second: _Second) -> list[Series]:
    """Takes the first series of the second list off the first of the first list, and so on."""
    return _combine_pairs(first, second, "diff", context.x_files_factor)


@function("multiplySeriesLists", GROUP, example="queues.*.length, queues.*.item_size")
def multiply_series_lists(context: Context, first: _First, second: _Second) -> list[Series]:
    """Multiplies the first series of both lists, the second ones, and so on."""
    return _combine_pairs(first, second, "multiply", context.x_files_factor)


@function("divideSeries", GROUP, example="service.errors.*, service.requests")
def divide_series(context: Context, dividends: _Dividends, divisors: _Divisor) -> list[Series]:
    """Divides each series by one other. Where that is missing or 0, so is the result."""
    if len(divisors) > 1:
        raise FunctionError(f"divisorSeries must be exactly one series, not {len(divisors)}")
    if not divisors:
        return [one.derived(f"divideSeries({one.name},MISSING)", np.full(len(one.values), np.nan)) for one in dividends]
    return [_quotient(context, one, divisors[0]) for one in dividends]


@function("divideSeriesLists", GROUP, example="servers.*.errors, servers.*.requests")
def divide_series_lists(context: Context, dividends: _Dividends, divisors: _Divisors) -> list[Series]:
    """Divides the first series of the first list by the first of the second list, and so on."""
    pairs = _pairs(dividends, divisors, ("dividendSeriesList", "divisorSeriesList"))
    return [_quotient(context, one, other) for one, other in pairs]


def _quotient(context: Context, dividend: Series, divisor: Series) -> Series:
    cells = grid((dividend, divisor))
    name = f"divideSeries({dividend.name},{divisor.name})"
    return context.result(name, divide(*cells.rows), cells.start, cells.end, cells.step)


def _raised(base: Values, exponent: Values) -> Values:
    """``base ** exponent``; missing where one is, where that is undefined, or where it overflows."""
    raised = np.power(base, exponent)
    made = np.isinf(raised) & np.isfinite(base) & np.isfinite(exponent)
    return np.where(made | np.isnan(base) | np.isnan(exponent), np.nan, raised)


@function("powSeries", GROUP, example="disk.radius, disk.dimensions")
def pow_series(context: Context, *lists: SeriesList) -> list[Series]:
    """Raises the first series to the power of the second, that to the power of the third, and so on."""
    series = flat(lists)
    if not series:
        return []
    cells = grid(series)
    values = cells.matrix[0]
    for exponent in cells.matrix[1:]:
        values = _raised(values, exponent)
    name = f"powSeries({','.join(one.name for one in series)})"
    return [context.result(name, values, cells.start, cells.end, cells.step)]


def _products(
    context: Context, weighted: Iterator[tuple[Series, Series]], nodes: tuple[int | str, ...]
) -> list[Series]:
    """Each average times its weight, matched by *nodes*; of several with the same ones the last counts."""
    by_key: dict[str, dict[str, Series]] = {}
    for average, weight in weighted:
        by_key.setdefault(group_key(average, nodes), {})["average"] = average
        by_key.setdefault(group_key(weight, nodes), {})["weight"] = weight
    products = []
    for pair in by_key.values():
        if len(pair) == 2:
            one, weight = pair["average"], pair["weight"]
            rows = stacked_rows([one.values, weight.values])
            name = f"product({weight.name},{one.name})"
            products.append(context.result(name, rows[0] * rows[1], one.start, one.end, one.step))
    return products


@function("weightedAverage", GROUP, example="servers.*.latency, servers.*.requests, 1")
def weighted_average(context: Context, averages: _Averages, weights: _Weights, *nodes: Nodes) -> list[Series]:
    """The mean of the series of the first list, each with the weight that the second list gives it.

    A series and its weight share the path elements (or tags) *nodes*.
    """
    products = _products(context, _pairs(averages, weights, ("seriesListAvg", "seriesListWeight")), nodes)
    if not products:
        return []
    total, weight = (combine(one, "sum", context.x_files_factor)[0] for one in (products, weights))
    rows = stacked_rows([total.values, weight.values])
    paths = (",".join(sorted({one.path for one in series})) for series in (averages, weights))
    name = f"weightedAverage({', '.join(paths)}, {','.join(map(str, nodes))})"
    return [context.result(name, divide(rows[0], rows[1]), total.start, total.end, total.step)]


@function("asPercent", GROUP, aliases=("pct",))
def as_percent(context: Context, series: SeriesList, total: _Total | None = None, *nodes: Nodes) -> list[Series]:
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
