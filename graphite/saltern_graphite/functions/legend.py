"""Alias and Special: names that carry the series' own numbers, for legends."""

from __future__ import annotations

import math

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.params import SERIES, Argument, Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import AGGREGATIONS, aggregation
from saltern_graphite.series.series import Series, SeriesList
from saltern_graphite.series.units import UNIT_SYSTEMS, prefixed

_COLUMNS = {"Current": "last", "Max": "max", "Min": "min"}
_GAP = 3
"""Blanks between cactiStyle's columns."""
_PLACEHOLDER = 3.0
"""What cactiStyle measures where there is no number."""
_SYSTEMS = ("si", "binary")


class _Text(Param):
    """A string whose options are offered by editors, while others are taken too."""

    def accept(self, argument: Argument) -> Argument:
        """*argument* as text."""
        return Param(self.name, ParamType.STRING).accept(argument)


@function(
    "legendValue",
    "Alias",
    SERIES,
    _Text(
        "valuesTypes",
        ParamType.STRING,
        multiple=True,
        options=(*AGGREGATIONS, *(f"{one}Series" for one in AGGREGATIONS), *_SYSTEMS),
    ),
)
def legend_value(context: Context, series: SeriesList, *wanted: str) -> list[Series]:
    """Adds aggregations of the values to each name, in the units of ``si`` or ``binary`` if that comes last.

    ``legendValue(sales.count, 'avg', 'max', 'si')``
    """
    system = wanted[-1] if wanted and wanted[-1] in _SYSTEMS else None
    kinds = wanted[:-1] if system else wanted
    return [one.renamed(_with_values(one, kinds, system)) for one in series]


def _with_values(series: Series, kinds: tuple[str, ...], system: str | None) -> str:
    name = series.name
    for kind in kinds:
        shown = _shown(_aggregate(series, kind), kind, system) if kind in AGGREGATIONS else "(?)"
        name = f"{name} ({kind}: {shown})" if system is None else f"{name:<20}{kind:<5}{shown:<10}"
    return name


def _aggregate(series: Series, kind: str) -> float:
    """Of two equal columns, for numpy then adds row by row, and the last digit is shown here."""
    if not len(series.values):
        return math.nan
    with np.errstate(all="ignore"):
        return float(aggregation(kind)(np.column_stack((series.values, series.values)))[0])


def _shown(number: float, kind: str, system: str | None) -> str:
    if math.isnan(number):
        return "None"
    if system is None:
        return str(int(number)) if kind == "count" else repr(number)
    value, prefix = prefixed(number, system)
    return f"{value:.2f}{prefix}"


@function(
    "cactiStyle",
    "Special",
    SERIES,
    _Text("system", ParamType.STRING, options=_SYSTEMS),
    Param("units", ParamType.STRING),
)
def cacti_style(context: Context, series: SeriesList, system: str | None, units: str | None) -> list[Series]:
    """Adds each series' current, highest and lowest value to its name, in columns, as Cacti does.

    ``cactiStyle(net.*.bytes, 'si', 'b')``
    """
    if system and system not in UNIT_SYSTEMS:
        raise FunctionError(f"system must be one of {', '.join(UNIT_SYSTEMS)}, not {system!r}")
    if not series:
        return []

    def shown(number: float) -> str:
        value, prefix = prefixed(number, system or "none")
        return f"{value:.2f}{' ' if units else ''}{prefix}{units or ''}"

    numbers = {title: [_aggregate(one, kind) for one in series] for title, kind in _COLUMNS.items()}
    widths = {title: max(len(shown(_measured(number))) for number in column) for title, column in numbers.items()}
    longest = max(len(one.name) for one in series)
    names = []
    for row, one in enumerate(series):
        cells = [
            f"{title}:{'nan' if math.isnan(column[row]) else shown(column[row]):<{widths[title] + _GAP}}"
            for title, column in numbers.items()
        ]
        names.append(f"{one.name:<{longest}} {' '.join(cells)} ")
    return [one.renamed(name) for one, name in zip(series, names, strict=True)]


def _measured(number: float) -> float:
    """Columns are as wide as the numbers without their fractions need."""
    if math.isnan(number):
        return _PLACEHOLDER
    return number if math.isinf(number) else float(int(number) if number else _PLACEHOLDER)
