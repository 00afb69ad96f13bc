"""``graphType=pie``: one slice for each series."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from saltern_graphite.render.formats.charts.legend import Entry, draw_legend
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.style import printable, title
from saltern_graphite.render.formats.charts.trace import line_colors
from saltern_graphite.series.series import Series, Values

_MODES: Mapping[str, Callable[[Values], np.float64]] = MappingProxyType(
    {"average": np.mean, "maximum": np.max, "minimum": np.min}
)
_LEAST_PERCENT = 1.0
"""A smaller slice has no room for a label."""
_RADIUS = 1.2
"""The axes around it reach to 1.25."""


def draw_pie_chart(figure: Figure, parameters: Parameters, series: Sequence[Series]) -> bool:
    """Draw a pie, clockwise from the top; False if there is nothing to draw. A value below 0 has no slice.

    ``GraphiteError`` for a wrong parameter.
    """
    reduce = _MODES[parameters.choice("pieMode", *_MODES)]
    labels = parameters.choice("valueLabels", "percent", "number", "none")
    least = parameters.amount("valueLabelsMin", default=5)
    turned = parameters.choice("pieLabels", "horizontal", "rotated") == "rotated"
    written = parameters.color("valueLabelsColor", "black")
    known = [one.values[np.isfinite(one.values)] for one in series]
    values = [max(float(reduce(one)), 0.0) if len(one) else 0.0 for one in known]
    total = math.fsum(values)
    if not 0 < total < math.inf:
        return False
    alpha = parameters.number("areaAlpha", low=0, high=1)
    colors = [to_rgba(color, alpha) for color, _ in zip(cycle(line_colors(parameters)), values, strict=False)]
    if not parameters.flag("hideLegend"):
        draw_legend(
            figure, parameters, [Entry(printable(one.name), color) for one, color in zip(series, colors, strict=True)]
        )
    axes = figure.add_subplot()
    axes.set_title(title(parameters, "title"))
    slices = [(value, color) for value, color in zip(values, colors, strict=True) if value > 0]
    wedges, _, texts = axes.pie(
        [value / total for value, _ in slices],
        colors=[color for _, color in slices],
        autopct="",
        startangle=90,
        counterclock=False,
        radius=_RADIUS,
        textprops={"color": written},
    )
    for (value, _), wedge, text in zip(slices, wedges, texts, strict=True):
        text.set_text(_label(value, 100 * value / total, labels, least))
        if turned:  # never upside down
            text.set_rotation(((wedge.theta1 + wedge.theta2) / 2 + 90) % 180 - 90)
    return True


def _label(value: float, percent: float, kind: str, least: float) -> str:
    if kind == "percent":
        return f"{percent:.2f}%" if percent >= least else ""
    if kind == "none" or value < least or percent < _LEAST_PERCENT:
        return ""
    return f"{value:.2f}" if value < 10 and not value.is_integer() else f"{value:.0f}"
