"""The paper that charts are drawn on: the one file, beside :mod:`.fonts`, that knows
matplotlib.

Only figure objects and canvases are used, never ``pyplot``, which keeps global state. All coordinates and lengths
are pixels, from the lower left corner; in SVG and PDF too, where a pixel is a unit of the page.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, Wedge
from matplotlib.text import Text
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Bbox, IdentityTransform

from saltern_graphite.render.formats.charts.box import Box
from saltern_graphite.render.formats.charts.colors import Color
from saltern_graphite.render.formats.charts.fonts import families
from saltern_graphite.render.formats.charts.style import Font

Pixels = npt.NDArray[np.float64]
Kind = Literal["png", "svg", "pdf"]
Align = Literal["left", "center", "right"]
VerticalAlign = Literal["baseline", "center_baseline", "top", "bottom", "center"]

_DPI = 72
"""A point is a pixel then."""
_UNWANTED: dict[Kind, tuple[str, ...]] = {"png": ("Software",), "svg": ("Date", "Creator"), "pdf": ("CreationDate",)}
"""What matplotlib would note in files, and would differ from one answer to the next."""
_SHORTEST_DASH_PX = 0.1
_THINNEST_PX = 0.01
"""Nothing finer is drawn: dashes are counted in widths, and millions of them would never end."""
_PNG_LEVEL = 3
"""Half the time of the usual level 6, for files a few percent larger."""
_ONE_AT_A_TIME = threading.Lock()
_SVG_SIZE = re.compile(r'\b(width|height)="([\d.]+)pt"')
_SVG_FONT = re.compile(r"""(<text style="[^"]*font-family: [^";]+)""")


@contextmanager
def drawing() -> Iterator[None]:
    """To be held while a :class:`Sheet` is used: one drawing at a time, for matplotlib's settings are global."""
    settings = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "saltern"})
    with _ONE_AT_A_TIME, settings, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about glyphs that no font here has: they are drawn as boxes
        yield


class Sheet:
    """One drawing, made while :func:`drawing` is held. What is drawn later lies on top."""

    def __init__(self, width: int, height: int, background: Color, font: Font) -> None:
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=background, edgecolor="none")
        self._ruler = TextToPath()
        self._font = font
        self._family = families(font.name)
        self._drawn = 0

    def measure(self, text: str, size: float | None = None) -> float:
        """The width of *text*."""
        width, _, _ = self._ruler.get_text_width_height_descent(text, self._properties(size), ismath=False)
        return float(width)

    def line(
        self, xs: Pixels, ys: Pixels, color: Color, width: float, *, dash: float | None = None, clip: Box | None = None
    ) -> None:
        """A line through all points, broken at NaN; a point alone between two breaks is a dot."""
        width = max(width, _THINNEST_PX)
        line = Line2D(xs, ys, linewidth=width, color=color, solid_capstyle="butt", dash_capstyle="butt")
        if dash and dash >= _SHORTEST_DASH_PX:
            line.set_linestyle(_dashes(dash, width))
        alone = _alone(ys)
        if len(alone):
            line.set_marker("o")
            line.set_markersize(max(width * 1.8, 2.0))
            line.set_markeredgewidth(0)
            line.set_markevery(alone.tolist())
        self._add(line, clip)

    def lines(
        self,
        starts: Pixels,
        stops: Pixels,
        color: Color,
        width: float,
        *,
        dash: float | None = None,
        clip: Box | None = None,
    ) -> None:
        """Separate straight lines, from each row of *starts* to that of *stops*."""
        width = max(width, _THINNEST_PX)
        lines = LineCollection(list(np.stack([starts, stops], axis=1)), linewidths=width, colors=[color])
        if dash and dash >= _SHORTEST_DASH_PX:
            lines.set_linestyle(_dashes(dash, width))
        self._add(lines, clip)

    def area(self, xs: Pixels, low: Pixels, high: Pixels, color: Color, clip: Box) -> None:
        """Fill what lies between two lines over the same *xs*; nothing where either is NaN."""
        known = np.isfinite(low) & np.isfinite(high)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False]))))
        shapes = [
            np.concatenate((np.column_stack((xs[a:b], high[a:b])), np.column_stack((xs[a:b][::-1], low[a:b][::-1]))))
            for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        ]
        if shapes:
            self._add(PolyCollection(shapes, facecolors=[color], edgecolors="none", linewidths=0), clip)

    def rectangle(self, box: Box, color: Color, edge: Color | None = None) -> None:
        """A filled rectangle, with an edge of one pixel if that has a colour."""
        frame = Rectangle((box.left, box.bottom), box.width, box.height, facecolor=color, linewidth=0.75)
        frame.set_edgecolor("none" if edge is None else edge)
        self._add(frame)

    def wedge(self, center: tuple[float, float], radius: float, start: float, end: float, color: Color) -> None:
        """A slice of a pie; angles in degrees, counter-clockwise from the right."""
        self._add(Wedge(center, radius, start, end, facecolor=color, edgecolor="none", linewidth=0))

    def text(
        self,
        x: float,
        y: float,
        text: str,
        color: Color,
        *,
        size: float | None = None,
        align: Align = "left",
        vertical: VerticalAlign = "center_baseline",
        turned: float = 0.0,
    ) -> None:
        """Text at a point, *turned* by degrees counter-clockwise."""
        label = Text(x, y, text, color=color, parse_math=False, fontproperties=self._properties(size))
        label.set(ha=align, va=vertical, rotation=turned, rotation_mode="anchor")
        self._add(label)

    def image(self, kind: Kind) -> bytes:
        """The finished drawing as a file of this kind, the same bytes for the same drawing."""
        buffer = io.BytesIO()
        unwanted = dict.fromkeys(_UNWANTED[kind])
        if kind == "png":
            packing = {"compress_level": _PNG_LEVEL}
            self._figure.savefig(buffer, format=kind, dpi=_DPI, metadata=unwanted, pil_kwargs=packing)
        else:
            self._figure.savefig(buffer, format=kind, dpi=_DPI, metadata=unwanted)
        body = buffer.getvalue()
        return _for_browsers(body) if kind == "svg" else body

    def _properties(self, size: float | None) -> FontProperties:
        return FontProperties(
            list(self._family),
            size=self._font.size if size is None else size,
            weight="bold" if self._font.bold else "normal",
            style="italic" if self._font.italic else "normal",
        )

    def _add(self, artist: Artist, clip: Box | None = None) -> None:
        artist.set_transform(IdentityTransform())
        artist.set_zorder(self._drawn)
        self._drawn += 1
        if clip is not None:
            artist.set_clip_box(Bbox.from_extents(clip.left, clip.bottom, clip.right, clip.top))
        self._figure.add_artist(artist)


def _dashes(length: float, width: float) -> tuple[float, tuple[float, float]]:
    """As matplotlib counts them, in widths of the line."""
    return 0.0, (length / width, length / width)


def _alone(ys: Pixels) -> npt.NDArray[np.int64]:
    known = np.concatenate(([False], np.isfinite(ys), [False]))
    return np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:])


def _for_browsers(svg: bytes) -> bytes:
    """Sizes in pixels, which a point is 4/3 of there; blanks kept, for names in columns; a font where ours is not."""
    text = _SVG_SIZE.sub(r'\1="\2px"', svg.decode(), count=2).replace("</style>", " text{white-space: pre}</style>", 1)
    return _SVG_FONT.sub(r"\1, sans-serif", text).encode()
