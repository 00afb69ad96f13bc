"""Graph: drawing hints. The answer's numbers change only by ``stacked``."""

from __future__ import annotations

import numpy as np

from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.functions.special import constant
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Graph"
_DEFAULT_STACK = "__DEFAULT__"


@function("alpha", GROUP, series_list(), Param("alpha", ParamType.FLOAT, required=True))
def alpha(context: Context, series: SeriesList, opacity: float) -> list[Series]:
    """Draws with this opacity, 0 to 1.

    ``alpha(servers.*.load, 0.5)``
    """
    return [one.drawn(alpha=opacity) for one in series]


@function("color", GROUP, series_list(), Param("theColor", ParamType.STRING, required=True))
def color(context: Context, series: SeriesList, name: str) -> list[Series]:
    """Draws in this colour: a name or six hexadecimal digits.

    ``color(servers.web01.load, 'green')``
    """
    return [one.drawn(color=name) for one in series]


@function("lineWidth", GROUP, series_list(), Param("width", ParamType.FLOAT, required=True))
def line_width(context: Context, series: SeriesList, width: float) -> list[Series]:
    """Draws lines this wide, in pixels.

    ``lineWidth(servers.web01.load, 2)``
    """
    return [one.drawn(lineWidth=width) for one in series]


@function("dashed", GROUP, series_list(), Param("dashLength", ParamType.INTEGER, default=5))
def dashed(context: Context, series: SeriesList, length: int) -> list[Series]:
    """Draws a dashed line.

    ``dashed(servers.web01.load, 3)``
    """
    return [
        one.derived(f"dashed({one.name}, {length})", tags={"dashed": length}).drawn(dashed=length) for one in series
    ]


@function("drawAsInfinite", GROUP, series_list())
def draw_as_infinite(context: Context, series: SeriesList) -> list[Series]:
    """Draws a vertical line wherever the value is not 0.

    ``drawAsInfinite(deployments.count)``
    """
    return [
        one.derived(f"drawAsInfinite({one.name})", tags={"drawAsInfinite": 1}).drawn(drawAsInfinite=True)
        for one in series
    ]


@function("secondYAxis", GROUP, series_list())
def second_y_axis(context: Context, series: SeriesList) -> list[Series]:
    """Draws against the axis on the right.

    ``secondYAxis(servers.web01.requests)``
    """
    return [one.derived(f"secondYAxis({one.name})", tags={"secondYAxis": 1}).drawn(secondYAxis=True) for one in series]


@function("stacked", GROUP, series_list(), Param("stack", ParamType.STRING))
def stacked(context: Context, series: SeriesList, stack: str | None) -> list[Series]:
    """Puts series on top of one another: each becomes the sum so far, across the request's targets.

    ``stacked(servers.*.memory.used)``
    """
    stacks, key = context.evaluation.stacks, stack or _DEFAULT_STACK
    results = []
    for one in series:
        total, values = stacked_rows([stacks.get(key, np.zeros(0)), one.values])
        total = np.where(np.isnan(total), 0.0, total) + np.where(np.isnan(values), 0.0, values)
        stacks[key] = total
        shown = np.where(np.isnan(one.values), np.nan, total[: len(one.values)])
        name = one.name if stack else f"stacked({one.name})"
        tags = {} if stack else {"stacked": key}
        results.append(one.derived(name, shown, tags=tags).drawn(stacked=True))
    return results


@function(
    "threshold",
    GROUP,
    Param("value", ParamType.FLOAT, required=True),
    Param("label", ParamType.STRING),
    Param("color", ParamType.STRING),
)
def threshold(context: Context, value: float, label: str | None, name: str | None) -> list[Series]:
    """A straight line, with a label and a colour.

    ``threshold(4, 'too much', 'red')``
    """
    line = constant(context, value)
    line = line.renamed(label) if label else line
    return [line.drawn(color=name) if name else line]
