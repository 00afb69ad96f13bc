"""How a chart is to look: what the request says, as matplotlib's settings, and texts as they are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import floor, log
from urllib.parse import unquote

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.textpath import TextToPath
from matplotlib.transforms import Bbox

from saltern_graphite.render.formats.charts.colors import template
from saltern_graphite.render.formats.charts.parameters import Parameters

_MAX_SIDE_PX = 4096
_DPI = 72
"""A point is a pixel then."""
_MAX_LINES = 5
"""Of a title."""
_GENERIC = {"sans": "DejaVu Sans", "serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono"}
_FALLBACKS = ("DejaVu Sans", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback")
"""Where glyphs come from that the wanted font lacks, as far as installed; the first comes with matplotlib."""
_SETTINGS: Mapping[str, object] = {
    "figure.dpi": _DPI,
    "savefig.facecolor": "auto",
    "svg.fonttype": "none",
    "svg.hashsalt": "saltern",
    "text.parse_math": False,
    "lines.solid_capstyle": "butt",
    "lines.dash_capstyle": "butt",
    "lines.scale_dashes": False,
    "axes.autolimit_mode": "round_numbers",
    "axes.axisbelow": True,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "grid.linewidth": 0.6,
    **{f"{axis}tick.{which}.size": 0 for axis in "xy" for which in ("major", "minor")},
}
"""What is the same in all charts."""


def settings(parameters: Parameters) -> dict[str, object]:
    """matplotlib's ``rcParams`` for what *parameters* say; ``GraphiteError`` names the one that is wrong."""
    look = template(parameters.text("template"))
    width = int(parameters.amount("width", low=1, high=_MAX_SIDE_PX, default=330))
    height = int(parameters.amount("height", low=1, high=_MAX_SIDE_PX, default=250))
    margin = int(parameters.amount("margin", high=_MAX_SIDE_PX // 2, default=10))
    size = parameters.amount("fontSize", low=1, high=200, default=10)
    across, up = (min(margin / side, 0.49) for side in (width, height))
    colors = {
        ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"): ("fgcolor", look.foreground),
        ("axes.edgecolor", "grid.color"): ("majorGridLineColor", look.major_line),
        ("figure.facecolor", "axes.facecolor"): ("bgcolor", look.background),
    }
    return {
        **_SETTINGS,
        "figure.figsize": (width / _DPI, height / _DPI),
        **{f"figure.subplot.{side}": share for side, share in (("left", across), ("right", 1 - across))},
        **{f"figure.subplot.{side}": share for side, share in (("bottom", up), ("top", 1 - up))},
        **{name: parameters.color(*one) for names, one in colors.items() for name in names},
        "font.family": _families(parameters.text("fontName", default="sans")),
        "font.size": size,
        "font.style": "italic" if parameters.flag("fontItalic") else "normal",
        **dict.fromkeys(
            ("font.weight", "axes.labelweight", "axes.titleweight"), "bold" if parameters.flag("fontBold") else "normal"
        ),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), size),
        **dict.fromkeys(("axes.labelsize", "axes.titlesize"), size + floor(log(size))),
        "xtick.major.pad": 0.7 * size,
    }


def inner(figure: Figure) -> Bbox:
    """The page without its margins, in pixels."""
    pars, (width, height) = figure.subplotpars, figure.bbox.size
    return Bbox.from_extents(pars.left * width, pars.bottom * height, pars.right * width, pars.top * height)


def printable(text: str) -> str:
    """*text* decoded, as the tree of metrics shows it, with blanks for what can't be printed."""
    return "".join(letter if letter.isprintable() else " " for letter in unquote(text))


def title(parameters: Parameters, name: str) -> str:
    """A title, in a few lines at most. Links made by Graphite's composer hold it encoded twice."""
    return "\n".join(printable(line) for line in unquote(parameters.text(name)).splitlines()[:_MAX_LINES])


def measure(text: str) -> float:
    """The width of *text* in the page's font, in pixels."""
    return float(TextToPath().get_text_width_height_descent(text, FontProperties(), ismath=False)[0])


@lru_cache(maxsize=256)
def _families(wanted: str) -> tuple[str, ...]:
    """Names of installed fonts: *wanted* if it is one, in whatever case, then the fallbacks."""
    installed = {entry.name.lower(): entry.name for entry in fontManager.ttflist}
    names = (_GENERIC.get(wanted.lower(), wanted), *_FALLBACKS)
    return tuple(dict.fromkeys(installed[name.lower()] for name in names if name.lower() in installed))
