"""Graph: drawing hints. The answer's numbers change only by ``stacked``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.lines import constant
from saltern_graphite.functions.params import SERIES, Argument, Param, ParamType, text
from saltern_graphite.functions.registry import Function, for_each, function
from saltern_graphite.series.series import Series, SeriesList

GROUP = "Graph"
_COLOR = Param("color", ParamType.STRING)
_LABEL = Param("label", ParamType.STRING)
_DEFAULT_STACK = "__DEFAULT__"


def _hinting(name: str, param: Param, does: str, example: str) -> Function:
    """The function *name*, which sets the drawing hint of that name."""

    @for_each(name, GROUP, param, does=does, example=example)
    def drawn(one: Series, value: float | str) -> Series:
        return one.drawn(**{name: value})

    return drawn


alpha = _hinting(
    "alpha", Param("alpha", ParamType.FLOAT, required=True), "Draws with this opacity, 0 to 1.", "servers.*.load, 0.5"
)
color = _hinting(
    "color", text("theColor"), "Draws in this colour: a name or six hexadecimal digits.", "servers.web01.load, 'green'"
)
line_width = _hinting(
    "lineWidth",
    Param("width", ParamType.FLOAT, required=True),
    "Draws lines this wide, in pixels.",
    "servers.web01.load, 2",
)


def _marked(series: Series, name: str, tag: str, value: float) -> Series:
    """*series* under a new name and with a tag; its path stays, so that aggregates are not named after hints."""
    return replace(series, name=name, tags={**series.tags, tag: str(value)})


class _Length(Param):
    """Declared an integer, as in Graphite, but a fraction is taken too, as its documentation says."""

    def accept(self, argument: Argument) -> Argument:
        """*argument* as a number; integers stay integers."""
        number = argument if isinstance(argument, int) else Param(self.name, ParamType.FLOAT).accept(argument)
        return self.default if number is None else number


@for_each("dashed", GROUP, _Length("dashLength", ParamType.INTEGER, default=5))
def dashed(one: Series, length: float) -> Series:
    """Draws a dashed line, with dashes and gaps of this many pixels.

    ``dashed(servers.web01.load, 3)``
    """
    return _marked(one, f"dashed({one.name}, {length:g})", "dashed", length).drawn(dashed=length)


def _switching(name: str, does: str, example: str) -> Function:
    """The function *name*, which switches the drawing hint of that name on."""

    @for_each(name, GROUP, does=does, example=example)
    def drawn(one: Series) -> Series:
        return _marked(one, f"{name}({one.name})", name, 1).drawn(**{name: True})

    return drawn


draw_as_infinite = _switching(
    "drawAsInfinite", "Draws a vertical line wherever the value is not 0.", "deployments.count"
)
second_y_axis = _switching("secondYAxis", "Draws against the axis on the right.", "servers.web01.requests")


@function("stacked", GROUP, SERIES, Param("stack", ParamType.STRING, also="stackName"))
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


@function("threshold", GROUP, Param("value", ParamType.FLOAT, required=True), _LABEL, _COLOR)
def threshold(context: Context, value: float, label: str | None, name: str | None) -> list[Series]:
    """A straight line, with a label and a colour.

    ``threshold(4, 'too much', 'red')``
    """
    line = constant(context, value)
    line = line.renamed(label) if label else line
    return [line.drawn(color=name) if name else line]


@function("verticalLine", GROUP, Param("ts", ParamType.DATE, required=True), _LABEL, _COLOR)
def vertical_line(context: Context, when: str, label: str | None, name: str | None) -> list[Series]:
    """A vertical line at a time inside the window, with a label and a colour.

    ``verticalLine('16:00_20110501', 'release 2.1', 'blue')``
    """
    time = context.moment("ts", when)
    if not context.start <= time <= context.end:
        side = "before the start" if time < context.start else "after the end"
        raise FunctionError(f"ts {when!r} ({time}) is {side} of the time range, {context.start} to {context.end}")
    line = context.result(label or "", np.ones(2), time, time, 1)
    return [line.drawn(drawAsInfinite=True, **({"color": name} if name else {}))]


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


@function("areaBetween", GROUP, SERIES)
def area_between(context: Context, series: SeriesList) -> list[Series]:
    """Fills the area between two series, the lower one first.

    ``areaBetween(group(servers.web01.load.min, servers.web01.load.max))``
    """
    return between(series, "areaBetween")
