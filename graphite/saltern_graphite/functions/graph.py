"""Graph: drawing hints. The answer's numbers change only by ``stacked``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.moment import moment
from saltern_graphite.functions.params import Argument, Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.functions.special import constant
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList

GROUP = "Graph"
_DEFAULT_STACK = "__DEFAULT__"


def _marked(series: Series, name: str, tag: str, value: float) -> Series:
    """*series* under a new name and with a tag; its path stays, so that aggregates are not named after hints."""
    return replace(series, name=name, tags={**series.tags, tag: str(value)})


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


class _Length(Param):
    """Declared an integer, as in Graphite, but a fraction is taken too, as its documentation says."""

    def accept(self, argument: Argument) -> Argument:
        """*argument* as a number; integers stay integers."""
        number = argument if isinstance(argument, int) else Param(self.name, ParamType.FLOAT).accept(argument)
        return self.default if number is None else number


@function("dashed", GROUP, series_list(), _Length("dashLength", ParamType.INTEGER, default=5))
def dashed(context: Context, series: SeriesList, length: float) -> list[Series]:
    """Draws a dashed line, with dashes and gaps of this many pixels.

    ``dashed(servers.web01.load, 3)``
    """
    return [_marked(one, f"dashed({one.name}, {length:g})", "dashed", length).drawn(dashed=length) for one in series]


@function("drawAsInfinite", GROUP, series_list())
def draw_as_infinite(context: Context, series: SeriesList) -> list[Series]:
    """Draws a vertical line wherever the value is not 0.

    ``drawAsInfinite(deployments.count)``
    """
    return [
        _marked(one, f"drawAsInfinite({one.name})", "drawAsInfinite", 1).drawn(drawAsInfinite=True) for one in series
    ]


@function("secondYAxis", GROUP, series_list())
def second_y_axis(context: Context, series: SeriesList) -> list[Series]:
    """Draws against the axis on the right.

    ``secondYAxis(servers.web01.requests)``
    """
    return [_marked(one, f"secondYAxis({one.name})", "secondYAxis", 1).drawn(secondYAxis=True) for one in series]


@function("stacked", GROUP, series_list(), Param("stack", ParamType.STRING, also="stackName"))
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


@function(
    "verticalLine",
    GROUP,
    Param("ts", ParamType.DATE, required=True),
    Param("label", ParamType.STRING),
    Param("color", ParamType.STRING),
)
def vertical_line(context: Context, text: str, label: str | None, name: str | None) -> list[Series]:
    """A vertical line at a time inside the window, with a label and a colour.

    ``verticalLine('16:00_20110501', 'release 2.1', 'blue')``
    """
    time = moment("ts", text, context)
    if not context.start <= time <= context.end:
        side = "before the start" if time < context.start else "after the end"
        raise FunctionError(f"ts {text!r} ({time}) is {side} of the time range, {context.start} to {context.end}")
    line = context.result(label or "", np.ones(2), time, time, 1)
    return [line.drawn(drawAsInfinite=True, **({"color": name} if name else {}))]
