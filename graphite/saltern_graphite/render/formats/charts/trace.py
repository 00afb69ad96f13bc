"""A series as a chart draws it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Literal
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from saltern_graphite.aggregation import consolidation, reduce_groups
from saltern_graphite.render.formats.charts.colors import Color, parse_color
from saltern_graphite.render.formats.charts.style import DEFAULT_DASH_PX, SideStyle
from saltern_graphite.series import Series, Values

Band = Literal["", "first", "second"]
Times = npt.NDArray[np.float64]
_MAX_LINE_PX = 100.0
_MOST_PER_PX = 10
"""Points of one series on a pixel, however small ``minXStep`` is."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A line or area: values at times (epoch seconds, ascending), NaN for gaps.

    ``width`` and ``dash`` are pixels; ``width`` None means the chart's. ``band`` is the role in an area between two
    lines. An area is what lies between ``low`` and ``high``; both are None for a line.
    """

    name: str
    color: Color
    times: Times
    values: Values
    step: float
    width: float | None = None
    dash: float | None = None
    right: bool = False
    filled: bool = False
    infinite: bool = False
    band: Band = ""
    low: Values | None = None
    high: Values | None = None

    def picked(self, keep: npt.NDArray[np.bool_]) -> Trace:
        """The trace at some of its times."""
        low, high = (None if edge is None else edge[keep] for edge in (self.low, self.high))
        return replace(self, times=self.times[keep], values=self.values[keep], low=low, high=high)


def label_of(series: Series) -> str:
    """The name for the legend: without what can't be printed, and decoded, as the tree of metrics shows it."""
    return "".join(letter if letter.isprintable() else " " for letter in unquote(series.name))


def traces(series: Sequence[Series], colors: Sequence[Color], sides: Mapping[bool, SideStyle]) -> list[Trace]:
    """The traces of *series*, coloured in turn where no function gave them a colour.

    *sides* are the styles of the left (False) and right (True) axis, which count only where there are two.
    """
    pending = cycle(colors)
    drawn: list[Trace] = []
    two = any(one.options.get("secondYAxis") for one in series)
    for one in series:
        hints = one.options
        right = bool(hints.get("secondYAxis"))
        side = sides[right] if two else SideStyle(None, None, None)
        band = _band(hints, drawn[-1].band if drawn else "")
        own = parse_color("color", str(hints["color"])) if "color" in hints else None
        color = side.color or own or (colors[0] if band == "first" else next(pending))
        drawn.append(
            Trace(
                label_of(one),
                color.faded(_number(hints, "alpha", 1.0)),
                one.start + one.step * np.arange(len(one.values), dtype=np.float64),
                one.values,
                one.step,
                side.width if side.width is not None else _number(hints, "lineWidth", _MAX_LINE_PX),
                side.dash or _dash(hints),
                right,
                bool(hints.get("stacked")),
                bool(hints.get("drawAsInfinite")),
                band,
            )
        )
    return drawn


def _band(hints: Mapping[str, object], before: Band) -> Band:
    """``areaBetween`` makes an invisible series and one that is stacked on it."""
    if hints.get("invisible"):
        return "first"
    return "second" if before == "first" and hints.get("stacked") else ""


def _number(hints: Mapping[str, object], name: str, most: float) -> float | None:
    value = hints.get(name)
    usable = isinstance(value, int | float) and math.isfinite(value)
    return min(max(float(value), 0.0), most) if usable and isinstance(value, int | float) else None


def _dash(hints: Mapping[str, object]) -> float | None:
    return _number(hints, "dashed", 1000.0) if hints.get("dashed") is not True else DEFAULT_DASH_PX


def thinned(series: Series, span: float, pixels: float, least_px: float) -> Series:
    """*series* coarsened by its own consolidation, so that its points are *least_px* apart or more."""
    points = span / max(series.step, 1)
    drawable = max(int(pixels / max(least_px, 1 / _MOST_PER_PX)), 1)
    if points <= drawable:
        return series
    width = math.ceil(points / drawable)
    with np.errstate(all="ignore"):
        reducer = consolidation(series.consolidation)
        values = reduce_groups(reducer, series.values, width, series.x_files_factor)
    return replace(series, values=values, step=series.step * width)


def without_gaps(trace: Trace, longest: float) -> Trace:
    """*trace* with gaps of up to *longest* points bridged."""
    known = ~np.isnan(trace.values)
    if known.all() or not known.any():
        return trace
    marks = np.flatnonzero(known)
    lengths = np.diff(marks) - 1
    keep = known.copy()
    for start in marks[:-1][lengths > longest].tolist():
        keep[start + 1] = True
    return trace.picked(keep)


def stepped(trace: Trace) -> Trace:
    """*trace* as stairs: every value holds until the next one's time."""
    times = np.column_stack((trace.times, trace.times + trace.step)).reshape(-1)
    low, high = (None if edge is None else np.repeat(edge, 2) for edge in (trace.low, trace.high))
    return replace(trace, times=times, values=np.repeat(trace.values, 2), low=low, high=high)
