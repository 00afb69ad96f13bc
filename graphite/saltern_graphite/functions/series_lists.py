"""Combine: two lists into one, the first with the first, the second with the second …"""

from __future__ import annotations

from collections.abc import Iterator

from saltern.errors import FunctionError
from saltern_graphite.functions.combine import combine, divide_series
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Combine"
_FIRST = series_list("seriesListFirstPos")
_SECOND = series_list("seriesListSecondPos")


def _pairs(first: SeriesList, second: SeriesList, names: tuple[str, str]) -> Iterator[tuple[Series, Series]]:
    if len(first) != len(second):
        raise FunctionError(f"{names[0]} and {names[1]} must be of one length, not {len(first)} and {len(second)}")
    return zip(first, second, strict=True)


def combine_pairs(
    context: Context, first: SeriesList, second: SeriesList, func: str, share: float | None = None
) -> list[Series]:
    """Each of *first* with its counterpart of *second* by the aggregation *func*, named after both.

    Raises ``FunctionError`` unless both lists have one length.
    """
    share = context.x_files_factor if share is None else share
    results = []
    for one, other in _pairs(first, second, (_FIRST.name, _SECOND.name)):
        for made in combine([one, other], func, share):
            results.append(made.renamed(f"{func.removesuffix('Series')}Series({one.name},{other.name})"))
    return results


@function(
    "aggregateSeriesLists",
    GROUP,
    _FIRST,
    _SECOND,
    Param("func", ParamType.AGGREGATION, required=True),
    Param("xFilesFactor", ParamType.FLOAT),
)
def aggregate_series_lists(
    context: Context, first: SeriesList, second: SeriesList, func: str, share: float | None
) -> list[Series]:
    """Combines by *func* the first series of both lists, the second ones, and so on.

    ``aggregateSeriesLists(servers.*.bytes.in, servers.*.bytes.out, 'max')``
    """
    return combine_pairs(context, first, second, func, share)


@function("sumSeriesLists", GROUP, _FIRST, _SECOND)
def sum_series_lists(context: Context, first: SeriesList, second: SeriesList) -> list[Series]:
    """Adds up the first series of both lists, the second ones, and so on.

    ``sumSeriesLists(servers.*.bytes.in, servers.*.bytes.out)``
    """
    return combine_pairs(context, first, second, "sum")


@function("diffSeriesLists", GROUP, _FIRST, _SECOND)
def diff_series_lists(context: Context, first: SeriesList, second: SeriesList) -> list[Series]:
    """Takes the first series of the second list off the first of the first list, and so on.

    ``diffSeriesLists(servers.*.memory.total, servers.*.memory.used)``
    """
    return combine_pairs(context, first, second, "diff")


@function("multiplySeriesLists", GROUP, _FIRST, _SECOND)
def multiply_series_lists(context: Context, first: SeriesList, second: SeriesList) -> list[Series]:
    """Multiplies the first series of both lists, the second ones, and so on.

    ``multiplySeriesLists(queues.*.length, queues.*.item_size)``
    """
    return combine_pairs(context, first, second, "multiply")


@function("divideSeriesLists", GROUP, series_list("dividendSeriesList"), series_list("divisorSeriesList"))
def divide_series_lists(context: Context, dividends: SeriesList, divisors: SeriesList) -> list[Series]:
    """Divides the first series of the first list by the first of the second list, and so on.

    ``divideSeriesLists(servers.*.errors, servers.*.requests)``
    """
    pairs = _pairs(dividends, divisors, ("dividendSeriesList", "divisorSeriesList"))
    return [made for one, other in pairs for made in divide_series(context, [one], [other])]
