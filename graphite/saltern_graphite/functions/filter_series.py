"""Filter series: which lines of a list are kept."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from saltern_graphite.aggregation import aggregation, reduce_all
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.patterns import compiled
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Filter Series"
_N = Param("n", ParamType.FLOAT, required=True)
_COUNT = Param("n", ParamType.INTEGER, required=True)
_COUNT_OR_ONE = Param("n", ParamType.INTEGER, required=True, unsaid=1)
_FUNC = Param("func", ParamType.AGGREGATION, default="average")
_PATTERN = Param("pattern", ParamType.STRING, required=True)

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        "=": operator.eq,
        ">": operator.gt,
        ">=": operator.ge,
    }
)


def ranking(func: str) -> Callable[[Series], float]:
    """A sort key: the aggregation *func* of a series' values, minus infinity when there are none."""
    reducer = aggregation(func)

    def key(series: Series) -> float:
        number = reduce_all(reducer, series.values)
        return -math.inf if math.isnan(number) else number

    return key


def matching(series: SeriesList, func: str, symbol: str, threshold: float) -> list[Series]:
    """The series whose aggregation *func* compares so with *threshold*; no value is less than any number."""
    key, compare = ranking(func), _OPERATORS[symbol]
    return [one for one in series if compare(key(one), threshold)]


@function(
    "filterSeries",
    GROUP,
    series_list(),
    Param("func", ParamType.AGGREGATION, required=True),
    Param("operator", ParamType.STRING, required=True, options=tuple(_OPERATORS)),
    Param("threshold", ParamType.FLOAT, required=True),
)
def filter_series(context: Context, series: SeriesList, func: str, symbol: str, threshold: float) -> list[Series]:
    """Keeps the series whose values, aggregated by *func*, compare so with *threshold*.

    ``filterSeries(servers.*.load, 'max', '>', 4)``
    """
    return matching(series, func, symbol, threshold)


def _threshold_filter(name: str, func: str, symbol: str, words: str) -> Function:
    def keep(context: Context, series: SeriesList, n: float) -> list[Series]:
        return matching(series, func, symbol, n)

    keep.__doc__ = f"Keeps the series whose {words} *n*.\n\n``{name}(servers.*.load, 4)``"
    return function(name, GROUP, series_list(), _N)(keep)


average_above = _threshold_filter("averageAbove", "average", ">", "mean is above")
average_below = _threshold_filter("averageBelow", "average", "<=", "mean is not above")
current_above = _threshold_filter("currentAbove", "last", ">", "last value is above")
current_below = _threshold_filter("currentBelow", "last", "<=", "last value is not above")
maximum_above = _threshold_filter("maximumAbove", "max", ">", "greatest value is above")
maximum_below = _threshold_filter("maximumBelow", "max", "<=", "greatest value is not above")
minimum_above = _threshold_filter("minimumAbove", "min", ">", "least value is above")
minimum_below = _threshold_filter("minimumBelow", "min", "<=", "least value is not above")


@function("highest", GROUP, series_list(), _COUNT_OR_ONE, _FUNC)
def highest(context: Context, series: SeriesList, n: int, func: str) -> list[Series]:
    """The *n* series whose values, aggregated by *func*, are greatest, the greatest first.

    ``highest(servers.*.load, 5, 'max')``
    """
    return sorted(series, key=ranking(func), reverse=True)[:n]


@function("lowest", GROUP, series_list(), _COUNT_OR_ONE, _FUNC)
def lowest(context: Context, series: SeriesList, n: int, func: str) -> list[Series]:
    """The *n* series whose values, aggregated by *func*, are least, the least first.

    ``lowest(servers.*.disk.free, 5, 'min')``
    """
    return sorted(series, key=ranking(func))[:n]


def _extreme(name: str, func: str, *, descending: bool, words: str) -> Function:
    def choose(context: Context, series: SeriesList, n: int) -> list[Series]:
        return sorted(series, key=ranking(func), reverse=descending)[:n]

    choose.__doc__ = f"The *n* series with the {words}.\n\n``{name}(servers.*.load, 5)``"
    return function(name, GROUP, series_list(), _COUNT)(choose)


highest_average = _extreme("highestAverage", "average", descending=True, words="highest mean")
highest_current = _extreme("highestCurrent", "current", descending=True, words="highest last value")
highest_max = _extreme("highestMax", "max", descending=True, words="highest maximum")
lowest_average = _extreme("lowestAverage", "average", descending=False, words="lowest mean")
lowest_current = _extreme("lowestCurrent", "current", descending=False, words="lowest last value")


@function("limit", GROUP, series_list(), _COUNT)
def limit(context: Context, series: SeriesList, n: int) -> list[Series]:
    """The first *n* series (negative: all but the last so many).

    ``limit(servers.*.load, 10)``
    """
    return list(series[:n])


@function("grep", GROUP, series_list(), _PATTERN)
def grep(context: Context, series: SeriesList, pattern: str) -> list[Series]:
    """Keeps the series in whose name the regular expression *pattern* is found.

    ``grep(servers.*.load, 'web[0-9]+')``
    """
    regex = compiled("pattern", pattern)
    return [one for one in series if regex.search(one.name)]


@function("exclude", GROUP, series_list(), _PATTERN)
def exclude(context: Context, series: SeriesList, pattern: str) -> list[Series]:
    """Leaves out the series in whose name the regular expression *pattern* is found.

    ``exclude(servers.*.load, 'test')``
    """
    regex = compiled("pattern", pattern)
    return [one for one in series if not regex.search(one.name)]


@function("removeEmptySeries", GROUP, series_list(), Param("xFilesFactor", ParamType.FLOAT))
def remove_empty_series(context: Context, series: SeriesList, share: float | None) -> list[Series]:
    """Leaves out series without any value, or with less than the share *xFilesFactor* known.

    ``removeEmptySeries(servers.*.load)``
    """
    kept = []
    for one in series:
        known = np.count_nonzero(~np.isnan(one.values))
        if known and known / len(one.values) >= (share or 0):
            kept.append(one)
    return kept


@function("unique", GROUP, series_list("seriesLists", multiple=True))
def unique(context: Context, *lists: SeriesList) -> list[Series]:
    """All series with different names; of those with one name, the first.

    ``unique(mostDeviant(servers.*.load, 3), servers.web01.load)``
    """
    by_name: dict[str, Series] = {}
    for one in lists:
        for series in one:
            by_name.setdefault(series.name, series)
    return list(by_name.values())


@function("mostDeviant", GROUP, series_list(), _COUNT)
def most_deviant(context: Context, series: SeriesList, n: int) -> list[Series]:
    """The *n* series whose values spread most around their mean.

    ``mostDeviant(servers.*.load, 5)``
    """
    key = ranking("stddev")
    known = [one for one in series if not np.isnan(one.values).all()]
    return sorted(known, key=key, reverse=True)[:n]
