"""Alias and Special: names that carry the series' own numbers, for legends."""

from __future__ import annotations

import math
from typing import Annotated

from saltern.errors import FunctionError
from saltern_graphite.functions.params import Param, ParamType
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import AGGREGATIONS, aggregation, reduce_all
from saltern_graphite.series.series import Series, SeriesList
from saltern_graphite.series.units import UNIT_SYSTEMS, prefixed

_COLUMNS = {"Current": "last", "Max": "max", "Min": "min"}
_GAP = 3
"""Blanks between cactiStyle's columns."""
_PLACEHOLDER = 3.0
"""What cactiStyle measures where there is no number."""
_SYSTEMS = ("binary", "si")
_OFFERED = sorted((*AGGREGATIONS, *(f"{one}Series" for one in AGGREGATIONS), *_SYSTEMS))
_Values = Annotated[
    str, Param(ParamType.STRING, "valuesTypes", required=False, unsaid="None", shown={"options": _OFFERED})
]
_System = Annotated[str, Param(ParamType.STRING, shown={"options": list(_SYSTEMS)})]
"""Editors offer these; others are taken too."""


@function("legendValue", "Alias", example="sales.count, 'avg', 'max', 'si'")
def legend_value(series: SeriesList, *wanted: _Values) -> list[Series]:
    """Adds aggregations of the values to each name, in the units of ``si`` or ``binary`` if that comes last."""
    system = wanted[-1] if wanted and wanted[-1] in _SYSTEMS else None
    kinds = wanted[:-1] if system else wanted
    return [one.renamed(_with_values(one, kinds, system)) for one in series]


def _with_values(series: Series, kinds: tuple[str, ...], system: str | None) -> str:
    name = series.name
    for kind in kinds:
        shown = _shown(reduce_all(aggregation(kind), series.values), kind, system) if kind in AGGREGATIONS else "(?)"
        name = f"{name} ({kind}: {shown})" if system is None else f"{name:<20}{kind:<5}{shown:<10}"
    return name


def _shown(number: float, kind: str, system: str | None) -> str:
    if math.isnan(number):
        return "None"
    if system is None:
        return str(int(number)) if kind == "count" else repr(number)
    value, prefix = prefixed(number, system)
    return f"{value:.2f}{prefix}"


@function("cactiStyle", "Special", example="net.*.bytes, 'si', 'b'")
def cacti_style(series: SeriesList, system: _System | None = None, units: str | None = None) -> list[Series]:
    """Adds each series' current, highest and lowest value to its name, in columns, as Cacti does."""
    if system and system not in UNIT_SYSTEMS:
        raise FunctionError(f"system must be one of {', '.join(UNIT_SYSTEMS)}, not {system!r}")
    if not series:
        return []

    def shown(number: float) -> str:
        value, prefix = prefixed(number, system or "none")
        return f"{value:.2f}{' ' if units else ''}{prefix}{units or ''}"

    numbers = {title: [reduce_all(aggregation(kind), one.values) for one in series] for title, kind in _COLUMNS.items()}
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
