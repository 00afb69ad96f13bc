"""Filter Series and Sorting: which lines of a list are kept, and in which order. Equal ones keep theirs."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.params import Aggregation, Lists, Param, ParamType
from saltern_graphite.functions.patterns import compiled
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import AGGREGATIONS, aggregation, percentile_of, percentiles, reduce_all
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Filter Series"
SORTING = "Sorting"
_DIGITS = re.compile(r"\d+")
_NATURAL_WIDTH = 10

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}
_Operator = Annotated[str, Param(ParamType.STRING, "operator", options=tuple(_OPERATORS))]
_CountOrOne = Annotated[int, Param(ParamType.INTEGER, unsaid=1)]


def _ranking(func: str) -> Callable[[Series], float]:
    """A sort key: the aggregation *func* of a series' values, minus infinity when there are none."""
    reducer = aggregation(func)

    def key(series: Series) -> float:
        number = reduce_all(reducer, series.values)
        return -math.inf if math.isnan(number) else number

    return key


def _matching(series: SeriesList, func: str, symbol: str, threshold: float) -> list[Series]:
    """The series whose aggregation *func* compares so with *threshold*; no value is less than any number."""
    key, compare = _ranking(func), _OPERATORS[symbol]
    return [one for one in series if compare(key(one), threshold)]


@function("filterSeries", GROUP, example="servers.*.load, 'max', '>', 4")
def filter_series(series: SeriesList, func: Aggregation, symbol: _Operator, threshold: float) -> list[Series]:
    """Keeps the series whose values, aggregated by *func*, compare so with *threshold*."""
    return _matching(series, func, symbol, threshold)


def _threshold_filter(name: str, func: str, symbol: str, words: str) -> Function:
    @function(name, GROUP, does=f"Keeps the series whose {words} *n*.", example="servers.*.load, 4")
    def keep(series: SeriesList, n: float) -> list[Series]:
        return _matching(series, func, symbol, n)

    return keep


average_above = _threshold_filter("averageAbove", "average", ">", "mean is above")
average_below = _threshold_filter("averageBelow", "average", "<=", "mean is not above")
current_above = _threshold_filter("currentAbove", "last", ">", "last value is above")
current_below = _threshold_filter("currentBelow", "last", "<=", "last value is not above")
maximum_above = _threshold_filter("maximumAbove", "max", ">", "greatest value is above")
maximum_below = _threshold_filter("maximumBelow", "max", "<=", "greatest value is not above")
minimum_above = _threshold_filter("minimumAbove", "min", ">", "least value is above")
minimum_below = _threshold_filter("minimumBelow", "min", "<=", "least value is not above")


def _extreme(name: str, func: str, words: str, *, descending: bool) -> Function:
    @function(name, GROUP, does=f"The *n* series with the {words}.", example="servers.*.load, 5")
    def choose(series: SeriesList, n: int) -> list[Series]:
        return sorted(series, key=_ranking(func), reverse=descending)[:n]

    return choose


highest_average = _extreme("highestAverage", "average", "highest mean", descending=True)
highest_current = _extreme("highestCurrent", "current", "highest last value", descending=True)
highest_max = _extreme("highestMax", "max", "highest maximum", descending=True)
lowest_average = _extreme("lowestAverage", "average", "lowest mean", descending=False)
lowest_current = _extreme("lowestCurrent", "current", "lowest last value", descending=False)


@function("highest", GROUP, example="servers.*.load, 5, 'max'")
def highest(series: SeriesList, n: _CountOrOne, func: Aggregation = "average") -> list[Series]:
    """The *n* series whose values, aggregated by *func*, are greatest, the greatest first."""
    return sorted(series, key=_ranking(func), reverse=True)[:n]


@function("lowest", GROUP, example="servers.*.disk.free, 5, 'min'")
def lowest(series: SeriesList, n: _CountOrOne, func: Aggregation = "average") -> list[Series]:
    """The *n* series whose values, aggregated by *func*, are least, the least first."""
    return sorted(series, key=_ranking(func))[:n]


@function("limit", GROUP, example="servers.*.load, 10")
def limit(series: SeriesList, n: int) -> list[Series]:
    """The first *n* series (negative: all but the last so many)."""
    return list(series[:n])


def _by_name(name: str, does: str, example: str, *, keep: bool) -> Function:
    does += " the series in whose name the regular expression *pattern* is found."

    @function(name, GROUP, does=does, example=example)
    def kept(series: SeriesList, pattern: str) -> list[Series]:
        regex = compiled("pattern", pattern)
        return [one for one in series if bool(regex.search(one.name)) is keep]

    return kept


grep = _by_name("grep", "Keeps", "servers.*.load, 'web[0-9]+'", keep=True)
exclude = _by_name("exclude", "Leaves out", "servers.*.load, 'test'", keep=False)


@function("removeEmptySeries", GROUP, example="servers.*.load")
def remove_empty_series(series: SeriesList, x_files_factor: float | None = None) -> list[Series]:
    """Leaves out series without any value, or with less than the share *xFilesFactor* known."""
    kept = []
    for one in series:
        known = np.count_nonzero(~np.isnan(one.values))
        if known and known / len(one.values) >= (x_files_factor or 0):
            kept.append(one)
    return kept


@function("unique", GROUP, example="mostDeviant(servers.*.load, 3), servers.web01.load")
def unique(*lists: Lists) -> list[Series]:
    """All series with different names; of those with one name, the first."""
    by_name: dict[str, Series] = {}
    for one in lists:
        for series in one:
            by_name.setdefault(series.name, series)
    return list(by_name.values())


@function("mostDeviant", GROUP, example="servers.*.load, 5")
def most_deviant(series: SeriesList, n: int) -> list[Series]:
    """The *n* series whose values spread most around their mean."""
    known = [one for one in series if not np.isnan(one.values).all()]
    return sorted(known, key=_ranking("stddev"), reverse=True)[:n]


def _bounds(n: float) -> tuple[float, float]:
    """The lower and the upper percentile that *n*, or 100 less *n*, names."""
    if not 0 <= n <= 100:
        raise FunctionError(f"n must be from 0 to 100, not {n:g}")
    return min(n, 100 - n), max(n, 100 - n)


@function("averageOutsidePercentile", GROUP, example="servers.*.load, 95")
def average_outside_percentile(series: SeriesList, n: float) -> list[Series]:
    """Leaves out the series whose mean lies between the percentiles 100 - *n* and *n* of all means."""
    lower, upper = _bounds(n)
    means = np.array([reduce_all(aggregation("average"), one.values) for one in series])
    low, high = percentile_of(means, lower), percentile_of(means, upper)
    return [one for one, mean in zip(series, means, strict=True) if mean <= low or mean >= high]


@function("removeBetweenPercentile", GROUP, example="servers.*.load, 90")
def remove_between_percentile(series: SeriesList, n: float) -> list[Series]:
    """Leaves out the series whose values always lie between the percentiles 100 - *n* and *n* of all series'."""
    lower, upper = _bounds(n)
    if not series:
        return []
    rows = stacked_rows([one.values for one in series])
    if not rows.shape[1]:
        return []
    outside = (rows <= percentiles(rows, lower)) | (rows >= percentiles(rows, upper))
    return [one for one, times in zip(series, np.count_nonzero(outside, axis=1), strict=True) if times]


@function("sortBy", SORTING, example="servers.*.load, 'max', true")
def sort_by(series: SeriesList, func: Aggregation = "average", reverse: bool = False) -> list[Series]:
    """Sorts by the series' values, aggregated by *func*; ascending unless *reverse*."""
    return sorted(series, key=_ranking(func), reverse=reverse)


@function("sortByName", SORTING, example="servers.*.load, true")
def sort_by_name(series: SeriesList, natural: bool = False, reverse: bool = False) -> list[Series]:
    """Sorts by name; *natural* puts web2 before web10."""

    def key(one: Series) -> str:
        if not natural:
            return one.name
        return _DIGITS.sub(lambda digits: digits[0].zfill(_NATURAL_WIDTH), one.name)

    return sorted(series, key=key, reverse=reverse)


def _descending(name: str, func: str, words: str, example: str) -> Function:
    @function(name, SORTING, does=f"Sorts by the {words}, the greatest first.", example=example)
    def ordered(series: SeriesList) -> list[Series]:
        return sorted(series, key=_ranking(func), reverse=True)

    return ordered


sort_by_total = _descending("sortByTotal", "sum", "sum of the values", "servers.*.requests")
sort_by_maxima = _descending("sortByMaxima", "max", "greatest value", "servers.*.load")


@function("sortByMinima", SORTING, example="servers.*.load")
def sort_by_minima(series: SeriesList) -> list[Series]:
    """Sorts by the least value, the least first; series that never exceed 0 are left out."""
    rising = [one for one in series if reduce_all(AGGREGATIONS["max"], one.values) > 0]
    return sorted(rising, key=_ranking("min"))
