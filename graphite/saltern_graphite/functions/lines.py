"""Lines: one number drawn over the window, and lines that come from no metric."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from saltern_graphite.aggregation import aggregation, reduce_all
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.functions.shown_integer import ShownInteger
from saltern_graphite.functions.special import constant, time_function
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

_IDENTITY_STEP_S = 60
_NAME = Param("name", ParamType.STRING, required=True)


@function(
    "aggregateLine",
    "Calculate",
    series_list(),
    Param("func", ParamType.AGGREGATION, default="average"),
    Param("keepStep", ParamType.BOOLEAN, default=False),
)
def aggregate_line(context: Context, series: SeriesList, func: str, keep_step: bool) -> list[Series]:
    """Each series' values, aggregated by *func*, as a straight line: of three points, or, with *keepStep*, of
    as many as the series has.

    ``aggregateLine(servers.web01.load, 'max')``
    """
    results = []
    for one in series:
        number = reduce_all(aggregation(func), one.values)
        unknown = math.isnan(number)
        name = f"aggregateLine({one.name}, {'None' if unknown else f'{number:g}'})"
        if keep_step:
            results.append(one.derived(name, np.full(len(one.values), number)))
            continue
        line = constant(context, number)
        shown = "None" if unknown else str(int(number)) if func == "count" else str(number)
        results.append(replace(line, name=name, path=name, tags={"name": shown}))
    return results


@function("identity", "Calculate", _NAME)
def identity(context: Context, name: str) -> list[Series]:
    """The time itself, in epoch seconds, once a minute.

    ``identity('now')``
    """
    line = time_function(context, name, _IDENTITY_STEP_S)[0]
    return [replace(line, path=f'identity("{name}")')]


@function(
    "sinFunction",
    "Transform",
    _NAME,
    ShownInteger("amplitude", ParamType.INTEGER, default=1),
    Param("step", ParamType.INTEGER, default=60),
    aliases=("sin",),
)
def sin_function(context: Context, name: str, amplitude: float, step: int) -> list[Series]:
    """The sine of the time in seconds, *amplitude* high, once every *step* seconds.

    ``sinFunction('wave', 2)``
    """
    line = time_function(context, name, step)[0]
    return [replace(line, values=np.sin(line.values) * amplitude)]
