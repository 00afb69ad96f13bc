"""``graphType=line``: series over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from saltern_graphite.render.formats.base import Options
from saltern_graphite.render.formats.charts.areas import AREA_MODES, filled
from saltern_graphite.render.formats.charts.axis_wishes import axis_wishes
from saltern_graphite.render.formats.charts.box import Box
from saltern_graphite.render.formats.charts.frame import Frame, Scale, draw_grid, draw_labels, no_data, titled
from saltern_graphite.render.formats.charts.legend import Entry, legend
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.sheet import Sheet
from saltern_graphite.render.formats.charts.style import Page, lines_of, side_style
from saltern_graphite.render.formats.charts.trace import Trace, stepped, thinned, traces, without_gaps
from saltern_graphite.render.formats.charts.x_axis import time_marks
from saltern_graphite.render.formats.charts.y_axis import ValueAxis, value_axis
from saltern_graphite.series import Series

LINE_MODES = ("slope", "staircase", "connected")
_MOST_POINTS = 300_000
"""In one chart; more series than usual get fewer points each."""
_ASIDE_PX = 40
"""About what the axis labels take."""
_LEGEND_MOST = 10
"""More series than this have no legend, unless it is asked for."""


@dataclass(frozen=True, slots=True)
class LineStyle:
    """How lines run."""

    mode: str
    area_mode: str
    width: float
    least_px: float
    longest_gap: float
    null_as_zero: bool


def line_style(parameters: Parameters, series: Sequence[Series]) -> LineStyle:
    """What *parameters* say; a series of one point can't slope, so that stairs are drawn then."""
    mode = parameters.choice("lineMode", LINE_MODES, "slope")
    width = parameters.number("lineWidth", "thickness", low=0, high=100)
    least = parameters.number("minXStep", low=0, high=1e6)
    gap = parameters.number("connectedLimit", low=0)
    return LineStyle(
        "staircase" if mode == "slope" and any(len(one.values) == 1 for one in series) else mode,
        parameters.choice("areaMode", AREA_MODES, "none"),
        1.2 if width is None else width,
        1.0 if least is None else least,
        math.inf if gap is None else gap,
        parameters.flag("drawNullAsZero"),
    )


def draw_line_chart(
    sheet: Sheet, page: Page, parameters: Parameters, series: Sequence[Series], options: Options
) -> None:
    """Draw *series* on *sheet*. ``GraphiteError`` for a parameter that is wrong."""
    style = line_style(parameters, series)
    sides = {False: side_style(parameters, "left"), True: side_style(parameters, "right")}
    series = [one for one in series if len(one.values)]
    start = min((one.start for one in series), default=0)
    end = max((one.end for one in series), default=0)
    if end <= start:
        no_data(sheet, page)
        return
    if style.mode != "staircase":
        end = max(*(one.start + (len(one.values) - 1) * one.step for one in series), start + 1)
    vtitles = lines_of(parameters.text("vtitle")), lines_of(parameters.text("vtitleRight"))
    two = any(one.options.get("secondYAxis") for one in series)
    box = titled(sheet, page, vtitles[0], vtitles[1] if two else ())
    least = max(style.least_px, box.width * len(series) / _MOST_POINTS)
    coarse = [thinned(one, end - start, box.width - _ASIDE_PX, least) for one in series]
    drawn = traces(coarse, page.colors, sides)
    if style.null_as_zero:
        drawn = [
            one if one.infinite else replace(one, values=np.nan_to_num(one.values, posinf=np.inf, neginf=-np.inf))
            for one in drawn
        ]
    box = _with_legend(sheet, page, parameters, drawn, box)
    drawn = filled(drawn, style.area_mode)
    rows = box.height / (1.8 * page.font.size)
    axes = {right: _axis(drawn, parameters, rows, right, two=two) for right in ((False, True) if two else (False,))}
    frame = Frame(sheet, page, parameters, box, axes)
    marks = time_marks(start, end, options.zone, max(frame.box.width, 1.0), sheet.measure, parameters.text("xFormat"))
    scale = Scale(frame.box, start, end)
    draw_grid(frame, scale, marks)
    for trace in drawn:
        _draw(sheet, scale, axes[trace.right and two], trace, style, page)
    draw_labels(frame, scale, marks)


def _with_legend(sheet: Sheet, page: Page, parameters: Parameters, drawn: list[Trace], box: Box) -> Box:
    hidden = len(drawn) > _LEGEND_MOST if page.hide_legend is None else page.hide_legend
    if hidden:
        return box
    without_empty = parameters.flag("hideNullFromLegend")
    entries = [
        Entry(trace.name, trace.color, trace.right)
        for trace in drawn
        if trace.name and trace.band != "first" and not (without_empty and np.isnan(trace.values).all())
    ]
    below = legend(entries, sheet, box, page.font.size, unique=page.unique_legend)
    below.draw(sheet, box, page.foreground)
    return box._replace(bottom=box.bottom + below.height)


def _axis(drawn: Sequence[Trace], parameters: Parameters, rows: float, right: bool, *, two: bool) -> ValueAxis:
    wishes = axis_wishes(parameters, rows, ("Right" if right else "Left") if two else "")
    shown = [edge for one in drawn if one.right == right and not one.infinite for edge in _edges(one)]
    values = np.concatenate([edge[np.isfinite(edge)] for edge in shown]) if shown else np.zeros(0)
    if wishes.log_base is not None:
        values = values[values > 0]
    limits = (
        (float(values.min()), float(values.max())) if len(values) else (0.0 if wishes.log_base is None else 1.0, 1.0)
    )
    return value_axis(*limits, wishes)


def _edges(trace: Trace) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    if trace.band and trace.low is not None and trace.high is not None:
        return [trace.low, trace.high]
    return [trace.values]


def _draw(sheet: Sheet, scale: Scale, axis: ValueAxis, trace: Trace, style: LineStyle, page: Page) -> None:
    width = style.width if trace.width is None else trace.width
    if trace.infinite:
        _draw_verticals(sheet, scale, trace, width)
        trace = replace(trace, values=np.where(trace.values > 0, np.nan, trace.values))
    if style.mode == "staircase":
        trace = stepped(trace)
    elif style.mode == "connected":
        trace = without_gaps(trace, style.longest_gap)
    xs, ys = scale.across(trace.times), scale.up(axis.position(trace.values))
    if trace.low is not None and trace.high is not None:
        color = trace.color if page.area_alpha is None else trace.color.faded(page.area_alpha)
        low, high = scale.up(axis.base(trace.low)), scale.up(axis.base(trace.high))
        sheet.area(xs, low, high, color, scale.box)
        if page.area_alpha is None or trace.band:
            return
    if width > 0:
        sheet.line(xs, ys, trace.color, width, dash=trace.dash, clip=scale.box)


def _draw_verticals(sheet: Sheet, scale: Scale, trace: Trace, width: float) -> None:
    times = trace.times[trace.values > 0]
    if len(times) and width > 0:
        xs = scale.across(times)
        feet = np.column_stack((xs, np.full(len(xs), scale.box.bottom)))
        heads = np.column_stack((xs, np.full(len(xs), scale.box.top)))
        sheet.lines(feet, heads, trace.color, width, dash=trace.dash, clip=scale.box)
