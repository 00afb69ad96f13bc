"""``graphType=line``: series over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import tzinfo
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from saltern_graphite.render.formats.charts.colors import template
from saltern_graphite.render.formats.charts.legend import Entry, draw_legend
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.style import inner, title
from saltern_graphite.render.formats.charts.time_axis import DAY_S, scale_times
from saltern_graphite.render.formats.charts.trace import Trace, filled, thinned, traces
from saltern_graphite.render.formats.charts.value_axis import HUGE, scale_values
from saltern_graphite.series.series import Series

_MOST_POINTS = 300_000
"""In one chart; more series than usual get fewer points each."""
_LABELS_PX = 40
"""About what the labels of an axis take."""
_LEGEND_MOST = 10
"""More series than this have no legend, unless it is asked for."""
_MINOR_PX = 0.4
_THINNEST_PX = 0.01
_SHORTEST_DASH_PX = 0.1
"""Nothing finer is drawn: millions of dashes would never end."""
_FAR = 1000.0
"""Heights of the chart beyond which a point is drawn no further away."""


def draw_line_chart(figure: Figure, parameters: Parameters, series: Sequence[Series], zone: tzinfo) -> bool:
    """Draw *series*; False if there is nothing to draw. ``GraphiteError`` for a parameter that is wrong."""
    mode = parameters.choice("lineMode", "slope", "staircase", "connected")
    if mode == "slope" and any(len(one.values) == 1 for one in series):  # a single point can't slope
        mode = "staircase"
    area_mode = parameters.choice("areaMode", "none", "first", "all", "stacked")
    longest_gap = parameters.amount("connectedLimit", default=math.inf)
    alpha = parameters.number("areaAlpha", low=0, high=1)
    least_px = parameters.amount("minXStep", high=1e6, default=1)
    series = [one for one in series if len(one.values)]
    start = min((one.start for one in series), default=0)
    end = max((one.end for one in series), default=0)
    if end <= start:
        return False
    if mode != "staircase":
        end = max(*(one.start + (len(one.values) - 1) * one.step for one in series), start + 1)
    box = inner(figure)
    least_px = max(least_px, box.width * len(series) / _MOST_POINTS)
    drawn = traces([thinned(one, end - start, box.width - _LABELS_PX, least_px) for one in series], parameters)
    sides = _axes(figure, parameters, two=any(one.right for one in drawn))
    rows = (box.height - _legend_height(figure, parameters, drawn)) / (1.8 * mpl.rcParams["font.size"]) - 1
    drawn = filled(drawn, area_mode)
    for number, axes in enumerate(sides):
        shown = [one for one in drawn if one.right == number and not one.infinite]
        edges = [one.points[2:].reshape(-1) if one.band == "second" else one.points[1] for one in shown]
        side = ("Left", "Right")[number] if len(sides) > 1 else ""
        scale_values(axes, np.concatenate((np.zeros(0), *edges)), parameters, max(rows, 1.0), side)
    scale_times(sides[0], start, end, zone, box.width - _LABELS_PX * len(sides), parameters.text("xFormat"))
    for trace in drawn:
        if trace.infinite:
            trace = _draw_verticals(sides[0], trace)
        if mode == "staircase":
            trace = trace.stepped()
        elif mode == "connected":
            trace = trace.without_gaps(longest_gap)
        _draw(sides[0], sides[trace.right], trace, alpha)
    return True


def _axes(figure: Figure, parameters: Parameters, *, two: bool) -> list[Axes]:
    """The axes on the left and, if there are *two*, on the right, without what the request doesn't want."""
    left = figure.add_subplot()
    left.set_title(title(parameters, "title"))
    left.set_ylabel(title(parameters, "vtitle"))
    shown = not parameters.flag("hideAxes")
    below, beside, grid = (shown and not parameters.flag(f"hide{part}") for part in ("XAxis", "YAxis", "Grid"))
    swapped = parameters.choice("yAxisSide", "left", "right") == "right" and not two
    left.tick_params(labelbottom=below, labelleft=beside and not swapped, labelright=beside and swapped)
    minor_line = parameters.color("minorGridLineColor", template(parameters.text("template")).minor_line)
    left.spines[:].set_visible(grid)
    if grid:
        left.grid(which="major")
        left.grid(which="minor", color=minor_line, linewidth=_MINOR_PX)
    if not two:
        return [left]
    right = left.twinx()
    right.set_ylabel(title(parameters, "vtitleRight"), rotation=270, va="bottom")
    right.tick_params(labelright=beside)
    right.spines[:].set_visible(False)
    return [left, right]


def _legend_height(figure: Figure, parameters: Parameters, drawn: Sequence[Trace]) -> float:
    """Draw the legend, if there is to be one; what it takes."""
    if parameters.flag("hideLegend", default=len(drawn) > _LEGEND_MOST):
        return 0.0
    named = [one for one in drawn if one.name and one.band != "first"]
    if parameters.flag("hideNullFromLegend"):
        named = [one for one in named if not np.isnan(one.points[1]).all()]
    return draw_legend(figure, parameters, [Entry(one.name, one.color, one.right) for one in named])


def _draw_verticals(axes: Axes, trace: Trace) -> Trace:
    """Draw lines from bottom to top; what is left of *trace*."""
    times, values, low, high = trace.points
    if trace.width > 0:
        axes.vlines(times[values > 0] / DAY_S, 0, 1, transform=axes.get_xaxis_transform(), **_look(trace))
    return replace(trace, points=np.stack((times, np.where(values > 0, np.nan, values), low, high)))


def _draw(axes: Axes, side: Axes, trace: Trace, alpha: float | None) -> None:
    """Draw *trace* on *axes*, at the height that *side* gives it: one lot of axes holds all, areas under lines.

    An area has a line as its edge only if *alpha* is its opacity. What is far off the chart is drawn no further away.
    """
    log, (bottom, top) = side.get_yscale() == "log", side.get_ylim()
    far = (bottom / (top / bottom), HUGE) if log else (bottom - _FAR * (top - bottom), top + _FAR * (top - bottom))
    days, (values, low, high) = trace.points[0] / DAY_S, np.clip(trace.points[1:], *far)
    area = not np.isnan(low).all()
    if area:
        color = to_rgba(trace.color, alpha)
        axes.fill_between(days, low, high, facecolor=color, edgecolor="none", transform=side.transData)
    if trace.width > 0 and not (area and (alpha is None or trace.band)):
        values = np.where(trace.points[1] > 0, values, np.nan) if log else values
        known = np.concatenate(([False], np.isfinite(values), [False]))
        alone = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:]).tolist()
        dots: dict[str, Any] = {
            "marker": "o",
            "markersize": max(trace.width * 1.8, 2.0),
            "markeredgewidth": 0,
            "markevery": alone,
        }
        axes.plot(days, values, transform=side.transData, **_look(trace), **(dots if alone else {}))


def _look(trace: Trace) -> dict[str, Any]:
    dashes = (0.0, (trace.dash, trace.dash)) if trace.dash >= _SHORTEST_DASH_PX else "solid"
    return {"color": trace.color, "linewidth": max(trace.width, _THINNEST_PX), "linestyle": dashes}
