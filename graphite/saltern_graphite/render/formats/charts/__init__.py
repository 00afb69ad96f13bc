"""Charts: series as pictures. Importing this needs matplotlib, which not every installation has."""

from __future__ import annotations

import json
from collections.abc import Sequence

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.base import Answer, Options
from saltern_graphite.render.formats.charts.line_chart import draw_line_chart
from saltern_graphite.render.formats.charts.pie_chart import draw_pie_chart
from saltern_graphite.render.formats.charts.sheet import Kind, Sheet, drawing
from saltern_graphite.render.formats.charts.style import page, read
from saltern_graphite.series import Series

MAX_SERIES = 500
"""In one chart; nobody can tell that many lines apart."""
_MEDIA_TYPES: dict[Kind, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/x-pdf"}


def draw(kind: Kind, series: Sequence[Series], options: Options) -> Answer:
    """The chart that ``options.chart`` describes. ``jsonp`` gets an SVG as a string.

    ``GraphiteError`` names the parameter that is wrong, or says that there are too many series.
    """
    if len(series) > MAX_SERIES:
        raise GraphiteError(
            f"{len(series)} series in one chart: {MAX_SERIES} are allowed; choose some, as in highestAverage(…, 10)"
        )
    parameters = read(options.chart)
    look = page(parameters)
    graph_type = parameters.choice("graphType", ("line", "pie"), "line")
    with drawing():
        sheet = Sheet(look.width, look.height, look.background, look.font)
        if graph_type == "pie":
            draw_pie_chart(sheet, look, parameters, series)
        else:
            draw_line_chart(sheet, look, parameters, series, options)
        body = sheet.image(kind)
    if kind == "svg" and options.jsonp is not None:
        return Answer(f"{options.jsonp}({json.dumps(body.decode())})".encode(), "text/javascript")
    return Answer(body, _MEDIA_TYPES[kind])


__all__ = ["MAX_SERIES", "draw"]
