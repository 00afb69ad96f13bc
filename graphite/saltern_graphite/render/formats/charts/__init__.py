"""Charts: series as pictures. Importing this needs matplotlib, which not every installation has.

Only figures and canvases are used, never ``pyplot``, which keeps global state.
"""

from __future__ import annotations

import io
import json
import math
import re
import threading
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.base import Answer, Options, answer
from saltern_graphite.render.formats.charts.colors import parse_color
from saltern_graphite.render.formats.charts.line_chart import draw_line_chart
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.pie_chart import draw_pie_chart
from saltern_graphite.render.formats.charts.style import settings
from saltern_graphite.series.series import Series

Kind = Literal["png", "svg", "pdf"]
MAX_SERIES = 500
"""In one chart; nobody can tell that many lines apart."""
_MEDIA_TYPES: dict[Kind, str] = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/x-pdf"}
_UNWANTED: dict[Kind, tuple[str, ...]] = {"png": ("Software",), "svg": ("Date", "Creator"), "pdf": ("CreationDate",)}
"""What matplotlib would note in files, and would differ from one answer to the next."""
_PNG_LEVEL = 3
"""Half the time of the usual level 6, for files a few percent larger."""
_LEGEND_GAP_PX = 4
_ONE_AT_A_TIME = threading.Lock()
_SVG_SIZE = re.compile(r'\b(width|height)="([\d.]+)pt"')
_SVG_FONT = re.compile(r"""(<text style="[^"]*font-family: [^";]+)""")


def draw(kind: Kind, series: Sequence[Series], options: Options) -> Answer:
    """The chart that ``options.chart`` describes. ``jsonp`` gets an SVG as a string.

    ``GraphiteError`` names the parameter that is wrong, or says that there are too many series.
    """
    if len(series) > MAX_SERIES:
        raise GraphiteError(
            f"{len(series)} series in one chart: {MAX_SERIES} are allowed; choose some, as in highestAverage(…, 10)"
        )
    parameters = Parameters(options.chart)
    graph_type = parameters.choice("graphType", "line", "pie")
    look: dict[Any, Any] = settings(parameters)
    # One at a time: matplotlib's settings are the process's. Warnings are about glyphs that no font here has, which
    # are drawn as boxes, and charts too small for their labels.
    with _ONE_AT_A_TIME, mpl.rc_context(look), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure = Figure()
        if graph_type == "pie":
            drawn = draw_pie_chart(figure, parameters, series)
        else:
            drawn = draw_line_chart(figure, parameters, series, options.zone)
        if drawn:
            _lay_out(figure)
        else:
            size, color = max(math.log(figure.bbox.width * figure.bbox.height), 6.0), parse_color("", "red")
            figure.text(0.5, 0.5, "No Data", color=color, size=size, ha="center", va="center")
        body = _image(figure, kind)
    if kind == "svg" and options.jsonp is not None:
        return answer(json.dumps(body.decode()).encode(), options)
    return Answer(body, _MEDIA_TYPES[kind])


def _lay_out(figure: Figure) -> None:
    """Give the axes all of the page but its margins, the legend and what is written around them."""
    legend = sum(legend.get_window_extent().height + _LEGEND_GAP_PX for legend in figure.legends)
    pars = figure.subplotpars
    bottom = min(pars.bottom + legend / figure.bbox.height, pars.top - 1 / figure.bbox.height)
    figure.tight_layout(pad=0, rect=(pars.left, bottom, pars.right, pars.top))


def _image(figure: Figure, kind: Kind) -> bytes:
    """The finished drawing as a file of this kind, the same bytes for the same drawing."""
    buffer = io.BytesIO()
    packing: dict[str, Any] = {"pil_kwargs": {"compress_level": _PNG_LEVEL}} if kind == "png" else {}
    figure.savefig(buffer, format=kind, metadata=dict.fromkeys(_UNWANTED[kind]), **packing)
    return _for_browsers(buffer.getvalue()) if kind == "svg" else buffer.getvalue()


def _for_browsers(svg: bytes) -> bytes:
    """Sizes in pixels, which a point is 4/3 of there; blanks kept, for names in columns; a font where ours is not."""
    text = _SVG_SIZE.sub(r'\1="\2px"', svg.decode(), count=2).replace("</style>", " text{white-space: pre}</style>", 1)
    return _SVG_FONT.sub(r"\1, sans-serif", text).encode()


__all__ = ["MAX_SERIES", "draw"]
