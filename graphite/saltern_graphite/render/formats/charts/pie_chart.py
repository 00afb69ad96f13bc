"""``graphType=pie``: one slice for each series."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

import numpy as np

from saltern_graphite.render.formats.charts.frame import no_data, titled
from saltern_graphite.render.formats.charts.legend import Entry, legend
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.sheet import Sheet
from saltern_graphite.render.formats.charts.style import Page
from saltern_graphite.render.formats.charts.trace import label_of
from saltern_graphite.series import Series, Values

_MODES: Mapping[str, Callable[[Values], float]] = MappingProxyType(
    {
        "average": lambda values: float(values.mean()),
        "maximum": lambda values: float(values.max()),
        "minimum": lambda values: float(values.min()),
    }
)
_TOP_DEGREES = 90.0
_LEAST_PERCENT = 1.0
"""A smaller slice has no room for a label."""


def draw_pie_chart(sheet: Sheet, page: Page, parameters: Parameters, series: Sequence[Series]) -> None:
    """Draw a pie, clockwise from the top. A value below 0 has no slice. ``GraphiteError`` for a wrong parameter."""
    reduce = _MODES[parameters.choice("pieMode", tuple(_MODES), "average")]
    labels = parameters.choice("valueLabels", ("none", "number", "percent"), "percent")
    least = parameters.number("valueLabelsMin", low=0)
    turned = parameters.choice("pieLabels", ("horizontal", "rotated"), "horizontal") == "rotated"
    written = parameters.color("valueLabelsColor", "black")
    values = [_slice(one, reduce) for one in series]
    total = math.fsum(values)
    if not 0 < total < math.inf:
        no_data(sheet, page)
        return
    colors = [color.faded(page.area_alpha) for _, color in zip(values, cycle(page.colors), strict=False)]
    box = titled(sheet, page)
    if not page.hide_legend:
        entries = [Entry(label_of(one), color) for one, color in zip(series, colors, strict=True)]
        below = legend(entries, sheet, box, page.font.size, unique=page.unique_legend)
        below.draw(sheet, box, page.foreground)
        box = box._replace(bottom=box.bottom + below.height)
    center = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    radius = max(min(box.width, box.height) / 2 * 0.95, 1.0)
    angle, middles = _TOP_DEGREES, []
    for value, color in zip(values, colors, strict=True):
        width = 360.0 * value / total
        if width > 0:
            sheet.wedge(center, radius, angle - width, angle, color)
        middles.append(math.radians(angle - width / 2))
        angle -= width
    for value, middle in zip(values, middles, strict=True):
        text = _label(value, 100 * value / total, labels, 5.0 if least is None else least)
        if text:
            x, y = center[0] + radius * 0.6 * math.cos(middle), center[1] + radius * 0.6 * math.sin(middle)
            degrees = (math.degrees(middle) + 90) % 180 - 90 if turned else 0.0  # never upside down
            sheet.text(x, y, text, written, align="center", turned=degrees)


def _slice(series: Series, reduce: Callable[[Values], float]) -> float:
    known = series.values[np.isfinite(series.values)]
    return max(reduce(known), 0.0) if len(known) else 0.0


def _label(value: float, percent: float, kind: str, least: float) -> str:
    if kind == "percent":
        return f"{percent:.2f}%" if percent >= least else ""
    if kind == "none" or value < least or percent < _LEAST_PERCENT:
        return ""
    return f"{value:.2f}" if value < 10 and not value.is_integer() else f"{value:.0f}"
