"""How a chart is to look, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.colors import Color, parse_color
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.templates import template

MAX_SIDE_PX = 4096
MAX_COLORS = 1000
MAX_LINES = 5
"""Lines of a title."""
DEFAULT_DASH_PX = 5.0


@dataclass(frozen=True, slots=True)
class Font:
    """A typeface; ``size`` in pixels."""

    name: str
    size: float
    bold: bool
    italic: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What every kind of chart has. Lengths in pixels."""

    width: int
    height: int
    margin: int
    background: Color
    foreground: Color
    major_line: Color
    minor_line: Color
    colors: tuple[Color, ...]
    font: Font
    title: tuple[str, ...]
    hide_legend: bool | None
    """None: as the number of series suggests."""
    unique_legend: bool
    area_alpha: float | None


@dataclass(frozen=True, slots=True)
class SideStyle:
    """The lines of one axis, where there are two."""

    color: Color | None
    width: float | None
    dash: float | None


def page(parameters: Parameters) -> Page:
    """The page that *parameters* describe; ``GraphiteError`` names the one that is wrong."""
    look = template(parameters.text("template", default="default"))
    colors = parameters.text("colorList").split(",") if parameters.text("colorList") else list(look.lines)
    if len(colors) > MAX_COLORS:
        raise GraphiteError(f"colorList has {len(colors)} colours: {MAX_COLORS} are allowed")
    return Page(
        parameters.integer("width", 1, MAX_SIDE_PX, 330),
        parameters.integer("height", 1, MAX_SIDE_PX, 250),
        parameters.integer("margin", 0, MAX_SIDE_PX // 2, 10),
        parameters.color("bgcolor", look.background),
        parameters.color("fgcolor", look.foreground),
        parameters.color("majorGridLineColor", look.major_line),
        parameters.color("minorGridLineColor", look.minor_line),
        tuple(parse_color("colorList", unquote(color)) for color in colors),
        Font(
            parameters.text("fontName", default="Sans"),
            parameters.number("fontSize", low=1, high=200) or 10.0,
            parameters.flag("fontBold"),
            parameters.flag("fontItalic"),
        ),
        lines_of(parameters.text("title")),
        parameters.flag("hideLegend") if parameters.text("hideLegend") else None,
        parameters.flag("uniqueLegend"),
        parameters.number("areaAlpha", low=0, high=1),
    )


def lines_of(text: str) -> tuple[str, ...]:
    """A title's lines. Links made by Graphite's composer hold it encoded twice."""
    return tuple(unquote(text).splitlines()[:MAX_LINES])


def side_style(parameters: Parameters, side: str) -> SideStyle:
    """``leftColor``, ``leftWidth``, ``leftDashed``, or those of the right."""
    color = parameters.text(f"{side}Color")
    return SideStyle(
        parse_color(f"{side}Color", color) if color else None,
        parameters.number(f"{side}Width", low=0, high=100),
        dash_length(parameters, f"{side}Dashed"),
    )


def dash_length(parameters: Parameters, name: str) -> float | None:
    """A length in pixels, or yes or no: None for solid lines."""
    text = parameters.text(name).lower()
    if text in ("", "true", "false", "yes", "no", "on", "off"):
        return DEFAULT_DASH_PX if parameters.flag(name) else None
    length = parameters.number(name, low=0, high=1000)
    return length or None


def read(given: Mapping[str, str]) -> Parameters:
    """The request's parameters, with ``graphOnly`` taking precedence over what it leaves out."""
    parameters = Parameters(given)
    if not parameters.flag("graphOnly"):
        return parameters
    hidden = {
        "hideLegend": "true",
        "hideGrid": "true",
        "hideAxes": "true",
        "title": "",
        "vtitle": "",
        "vtitleRight": "",
    }
    return Parameters({**given, **hidden, "margin": "0"})
