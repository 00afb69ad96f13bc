"""Graph: drawing hints. The answer's numbers change only by ``stacked``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.lines import constant
from saltern_graphite.functions.params import Moment, Number, Param, ParamType
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Graph"
_Stack = Annotated[str, Param(ParamType.STRING, also="stackName")]
_DEFAULT_STACK = "__DEFAULT__"


@function("alpha", GROUP, example="servers.*.load, 0.5")
def alpha(one: Series, alpha: float) -> Series:
    """Draws with this opacity, 0 to 1."""
    return one.drawn(alpha=alpha)


@function("color", GROUP, example="servers.web01.load, 'green'")
def color(one: Series, the_color: str) -> Series:
    """Draws in this colour: a name or six hexadecimal digits."""
    return one.drawn(color=the_color)


@function("lineWidth", GROUP, example="servers.web01.load, 2")
def line_width(one: Series, width: float) -> Series:
    """Draws lines this wide, in pixels."""
    return one.drawn(lineWidth=width)


def _marked(series: Series, name: str, tag: str, value: float) -> Series:
    """*series* under a new name and with a tag; its path stays, so that aggregates are not named after hints."""
    return replace(series, name=name, tags={**series.tags, tag: str(value)})


@function("dashed", GROUP, example="servers.web01.load, 3")
def dashed(one: Series, dash_length: Number = 5) -> Series:
    """Draws a dashed line, with dashes and gaps of this many pixels."""
    return _marked(one, f"dashed({one.name}, {dash_length:g})", "dashed", dash_length).drawn(dashed=dash_length)


def _switching(name: str, does: str, example: str) -> Function:
    """The function *name*, which switches the drawing hint of that name on."""

    @function(name, GROUP, does=does, example=example)
    def drawn(one: Series) -> Series:
        return _marked(one, f"{name}({one.name})", name, 1).drawn(**{name: True})

    return drawn


draw_as_infinite = _switching(
    "drawAsInfinite", "Draws a vertical line wherever the value is not 0.", "deployments.count"
)
second_y_axis = _switching("secondYAxis", "Draws against the axis on the right.", "servers.web01.requests")


@function("stacked", GROUP, example="servers.*.memory.used")
def stacked(context: Context, series: SeriesList, stack: _Stack | None = None) -> list[Series]:
    """Puts series on top of one another: each becomes the sum so far, across the request's targets."""
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


@function("threshold", GROUP, example="4, 'too much', 'red'")
def threshold(context: Context, value: float, label: str | None = None, color: str | None = None) -> list[Series]:
    """A straight line, with a label and a colour."""
    line = constant(context, value)
    line = line.renamed(label) if label else line
    return [line.drawn(color=color) if color else line]


@function("verticalLine", GROUP, example="'16:00_20110501', 'release 2.1', 'blue'")
def vertical_line(context: Context, ts: Moment, label: str | None = None, color: str | None = None) -> list[Series]:
    """A vertical line at a time inside the window, with a label and a colour."""
    time = context.moment("ts", ts)
    if not context.start <= time <= context.end:
        side = "before the start" if time < context.start else "after the end"
        raise FunctionError(f"ts {ts!r} ({time}) is {side} of the time range, {context.start} to {context.end}")
    line = context.result(label or "", np.ones(2), time, time, 1)
    return [line.drawn(drawAsInfinite=True, **({"color": color} if color else {}))]


def between(series: SeriesList, label: str) -> list[Series]:
    """The first of two series, invisible, and the second stacked on it, both named *label* of the second's path.

    Both get the second's tags and one of their own. Raises ``FunctionError`` unless there are exactly two.
    """
    if len(series) != 2:
        raise FunctionError(f"seriesList must be exactly two series, the lower and the upper, not {len(series)}")
    lower, upper = series
    name = f"{label}({upper.path})"
    tags = {**upper.tags, label: "1"}
    return [
        replace(lower, name=name, tags=tags).drawn(stacked=True, invisible=True),
        replace(upper, name=name, tags=tags).drawn(stacked=True),
    ]


@function("areaBetween", GROUP, example="group(servers.web01.load.min, servers.web01.load.max)")
def area_between(series: SeriesList) -> list[Series]:
    """Fills the area between two series, the lower one first."""
    return between(series, "areaBetween")
