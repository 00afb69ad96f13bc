"""A series as a chart draws it: a line, or an area on others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Literal
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgba

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.colors import Color, parse_color, template
from saltern_graphite.render.formats.charts.parameters import FALSE, TRUE, Parameters
from saltern_graphite.render.formats.charts.style import printable
from saltern_graphite.series.aggregation import coarsened
from saltern_graphite.series.series import Series, Values

_MAX_COLORS = 1000
_DASH_PX = 5.0
_MAX_LINE_PX = 100.0
_MOST_PER_PX = 10
"""Points of one series on a pixel, however small ``minXStep`` is."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A line or an area. ``width`` and ``dash`` (0: solid) are pixels.

    ``points`` has rows of times (epoch seconds, ascending), values, and the lower and upper edge of an area; NaN is for
    gaps, and the edges of a line. ``band`` is the role in an area between two lines.
    """

    name: str
    color: Color
    points: npt.NDArray[np.float64]
    step: float
    width: float
    dash: float
    right: bool
    filled: bool
    infinite: bool
    band: Literal["", "first", "second"]

    def without_gaps(self, longest: float) -> Trace:
        """The trace with gaps of up to *longest* points bridged."""
        keep = ~np.isnan(self.points[1])
        marks = np.flatnonzero(keep)
        keep[marks[:-1][np.diff(marks) - 1 > longest] + 1] = True
        return replace(self, points=self.points[:, keep])

    def stepped(self) -> Trace:
        """The trace as stairs: every value holds until the next one's time, or a gap's."""
        points = np.repeat(self.points, 2, axis=1)
        points[0, 1::2] += self.step
        return replace(self, points=points)


def line_colors(parameters: Parameters) -> list[Color]:
    """The colours that lines have in turn."""
    look = template(parameters.text("template"))
    colors = parameters.text("colorList", default=look.lines).split(",")
    if len(colors) > _MAX_COLORS:
        raise GraphiteError(f"colorList has {len(colors)} colours: {_MAX_COLORS} are allowed")
    return [parse_color("colorList", unquote(color)) for color in colors]


def traces(series: Sequence[Series], parameters: Parameters) -> list[Trace]:
    """The traces of *series*, coloured in turn where no function gave them a colour.

    What *parameters* say of the left and right axis counts only where there are two.
    """
    sides = [_side(parameters, "left"), _side(parameters, "right")]
    if not any(one.options.get("secondYAxis") for one in series):
        sides = [(None, None, None)] * 2
    width = parameters.amount("lineWidth", "thickness", high=100, default=1.2)
    zeros = parameters.flag("drawNullAsZero")
    colors = line_colors(parameters)
    pending = cycle(colors)
    drawn: list[Trace] = []
    band: Literal["", "first", "second"] = ""
    for one in series:
        hints = one.options
        infinite, right = bool(hints.get("drawAsInfinite")), bool(hints.get("secondYAxis"))
        # areaBetween makes an invisible series and one that is stacked on it
        band = "first" if hints.get("invisible") else "second" if band == "first" and hints.get("stacked") else ""
        own = sides[right][0] or (parse_color("color", str(hints["color"])) if "color" in hints else None)
        color = own or (colors[0] if band == "first" else next(pending))
        points = np.full((4, len(one.values)), np.nan)
        points[0] = one.start + one.step * np.arange(len(one.values))
        points[1] = np.where(np.isnan(one.values), 0.0, one.values) if zeros and not infinite else one.values
        drawn.append(
            Trace(
                printable(one.name),
                to_rgba(color, _number(hints, "alpha", 1)),
                points,
                one.step,
                _first(sides[right][1], _number(hints, "lineWidth", _MAX_LINE_PX), width),
                _first(sides[right][2], _DASH_PX if hints.get("dashed") is True else _number(hints, "dashed", 1000), 0),
                right,
                bool(hints.get("stacked")),
                infinite,
                band,
            )
        )
    return drawn


def _side(parameters: Parameters, side: str) -> tuple[Color | None, float | None, float | None]:
    """Colour, width and dashes (a length in pixels, or yes or no) of the lines of one axis."""
    color, dashed = parameters.text(f"{side}Color"), parameters.text(f"{side}Dashed").lower()
    return (
        parse_color(f"{side}Color", color) if color else None,
        parameters.number(f"{side}Width", low=0, high=100),
        _DASH_PX * (dashed in TRUE)
        if dashed in {*TRUE, *FALSE} - {"0", "1"}
        else parameters.number(f"{side}Dashed", low=0, high=1000),
    )


def _first(*numbers: float | None) -> float:
    return next(number for number in numbers if number is not None)


def _number(hints: Mapping[str, object], name: str, most: float) -> float | None:
    value = hints.get(name)
    return min(max(float(value), 0.0), most) if isinstance(value, int | float) and math.isfinite(value) else None


def thinned(series: Series, span: float, pixels: float, least_px: float) -> Series:
    """*series* coarsened by its own consolidation, so that its points are *least_px* apart or more."""
    points = span / max(series.step, 1)
    drawable = max(int(pixels / max(least_px, 1 / _MOST_PER_PX)), 1)
    return coarsened(series, max(math.ceil(points / drawable), 1))


def filled(drawn: Sequence[Trace], mode: str) -> list[Trace]:
    """*drawn* with the edges of areas set.

    ``stacked`` puts each series on the sum of those before it; otherwise areas begin at 0 and those before hide those
    after, so that what ``stacked()`` has summed lies side by side. The area between two lines is never stacked.
    """
    done: list[Trace] = []
    totals, above, below = ([_Edge(join), _Edge(join)] for join in (np.add, np.maximum, np.minimum))
    lower: Trace | None = None
    for number, trace in enumerate(drawn):
        times, values, low, high = trace.points
        if trace.band == "first":
            lower = trace
            continue
        if trace.band == "second" and lower is not None:
            edge = _on(times, lower.points[0], lower.points[1])
            low, high, lower = np.minimum(edge, values), np.maximum(edge, values), None
        elif mode == "stacked" and not trace.infinite:
            low = totals[trace.right].joined(times, values)
            values = high = low + values
        elif not trace.infinite and (trace.filled or mode == "all" or (mode == "first" and number == 0)):
            top = above[trace.right].joined(times, np.maximum(values, 0))
            bottom = below[trace.right].joined(times, np.minimum(values, 0))
            low = np.where(values < 0, np.minimum(values, bottom), top)
            high = np.where(values < 0, bottom, np.maximum(values, top))
        done.append(replace(trace, points=np.stack((times, values, low, high))))
    return done if lower is None else [*done, lower]


class _Edge:
    """The outer edge of all areas so far."""

    def __init__(self, join: np.ufunc) -> None:
        self._join = join
        self._times, self._values = np.zeros(0), np.zeros(0)

    def joined(self, times: Values, values: Values) -> Values:
        """The edge at *times* before *values* join it; a gap changes nothing."""
        before = _on(times, self._times, self._values)
        merged = self._times if np.array_equal(self._times, times) else np.union1d(self._times, times)
        added = _on(merged, times, values)
        self._values = self._join(_on(merged, self._times, self._values), np.where(np.isnan(added), 0.0, added))
        self._times = merged
        return before


def _on(times: Values, known: Values, values: Values) -> Values:
    """*values* at other times: in between on the line, 0 outside."""
    if np.array_equal(known, times):
        return values
    there: Values = np.interp(times, known, values, left=0.0, right=0.0) if len(known) else np.zeros(len(times))
    return there
