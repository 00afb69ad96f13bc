"""Sorting: the order of a list. Equal series keep theirs."""

from __future__ import annotations

import re

from saltern_graphite.aggregation import AGGREGATIONS, reduce_all
from saltern_graphite.functions.filter_series import ranking
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Sorting"
_DIGITS = re.compile(r"\d+")
_NATURAL_WIDTH = 10
_REVERSE = Param("reverse", ParamType.BOOLEAN, default=False)


@function("sortBy", GROUP, series_list(), Param("func", ParamType.AGGREGATION, default="average"), _REVERSE)
def sort_by(context: Context, series: SeriesList, func: str, reverse: bool) -> list[Series]:
    """Sorts by the series' values, aggregated by *func*; ascending unless *reverse*.

    ``sortBy(servers.*.load, 'max', true)``
    """
    return sorted(series, key=ranking(func), reverse=reverse)


@function("sortByName", GROUP, series_list(), Param("natural", ParamType.BOOLEAN, default=False), _REVERSE)
def sort_by_name(context: Context, series: SeriesList, natural: bool, reverse: bool) -> list[Series]:
    """Sorts by name; *natural* puts web2 before web10.

    ``sortByName(servers.*.load, true)``
    """

    def key(one: Series) -> str:
        if not natural:
            return one.name
        return _DIGITS.sub(lambda digits: digits[0].zfill(_NATURAL_WIDTH), one.name)

    return sorted(series, key=key, reverse=reverse)


@function("sortByTotal", GROUP, series_list())
def sort_by_total(context: Context, series: SeriesList) -> list[Series]:
    """Sorts by the sum of the values, the greatest first.

    ``sortByTotal(servers.*.requests)``
    """
    return sorted(series, key=ranking("sum"), reverse=True)


@function("sortByMaxima", GROUP, series_list())
def sort_by_maxima(context: Context, series: SeriesList) -> list[Series]:
    """Sorts by the greatest value, the greatest first.

    ``sortByMaxima(servers.*.load)``
    """
    return sorted(series, key=ranking("max"), reverse=True)


@function("sortByMinima", GROUP, series_list())
def sort_by_minima(context: Context, series: SeriesList) -> list[Series]:
    """Sorts by the least value, the least first; series that never exceed 0 are left out.

    ``sortByMinima(servers.*.load)``
    """
    rising = [one for one in series if reduce_all(AGGREGATIONS["max"], one.values) > 0]
    return sorted(rising, key=ranking("min"))
