"""Colours as Graphite names them, and looks by name: the templates that it comes with (its ``graphTemplates.conf``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from matplotlib.colors import to_rgba

from saltern.errors import GraphiteError

Color = tuple[float, float, float, float]
"""Red, green, blue and opacity, each from 0 to 1."""

_NAMED = (
    *("black 000000", "white ffffff", "blue 6464ff", "green 00c800", "red c80032", "yellow ffff00", "orange ffa500"),
    *("purple c864ff", "brown 966432", "cyan 00ffff", "aqua 009696", "gray afafaf", "grey afafaf", "magenta ff00ff"),
    *("pink ff6464", "gold c8c800", "rose c896c8", "darkblue 0000ff", "darkgreen 00ff00", "darkred ff0000"),
    *("darkgray 6f6f6f", "darkgrey 6f6f6f"),
)
NAMED: Mapping[str, str] = {name: color for name, _, color in (one.partition(" ") for one in _NAMED)}
"""Graphite's names, which are not those of CSS."""

_HEXADECIMAL = re.compile(r"(?:#|%23)?([0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?)")


def parse_color(where: str, text: str) -> Color:
    """The colour that *text* means: a name of :data:`NAMED`, or ``rrggbb`` or ``rrggbbaa`` after an optional ``#``.

    ``GraphiteError`` names *where* it was found if it means none.
    """
    text = text.strip()
    match = _HEXADECIMAL.fullmatch(NAMED.get(text.lower(), text))
    if match is None:
        raise GraphiteError(
            f"{where}: {text[:100]!r} is no colour: write six or eight hexadecimal digits, or {', '.join(NAMED)}"
        )
    return to_rgba(f"#{match[1]}")


class Template(NamedTuple):
    """Colours; ``lines`` are used in turn. Fonts are the same in all: sans serif, 10 pixels, upright."""

    lines: str
    background: str = "white"
    foreground: str = "black"
    minor_line: str = "grey"
    major_line: str = "rose"


_DEFAULT = "blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose"
_NOC = "blue,green,red,yellow,purple,brown,aqua,grey,magenta,pink,gold,rose"
_SOLARIZED = "268bd2aa,859900aa,dc322faa,d33682aa,db4b16aa,b58900aa,2aa198aa,6c71c4aa"
_SHADES = {
    "ocean": "f7fcf0,e0f3db,ccebc5,a8ddb5,7bccc4,4eb3d3,2b8cbe,0868ac,084081",
    "forest": "f7fcf5,e5f5e0,c7e9c0,a1d99b,74c476,41ab5d,238b45,005a32",
    "sunset": "fff5eb,fee6ce,fdd0a2,fdae6b,fd8d3c,f16913,d94801,8c2d04",
    "moonlight": "fcfbfd,efedf5,dadaeb,bcbddc,9e9ac8,807dba,6a51a3,4a1486",
    "lava": "fff5f0,fee0d2,fcbba1,fc9272,fb6a4a,ef3b2c,cb181d,99000d",
}
"""Of each there is one template, and one of the reverse."""
TEMPLATES: Mapping[str, Template] = {
    "default": Template(_DEFAULT),
    "plain": Template(_DEFAULT),
    "solarized-light": Template(_SOLARIZED, "fdf6e3", "657b83", "586e75", "073642"),
    "solarized-dark": Template(_SOLARIZED, "002b36", "839496", "eee8d5", "fdf6e3"),
    "classic": Template(_DEFAULT, "black", "white", "grey", "white"),
    "noc": Template(_NOC, "black", "white", "grey", "white"),
    "summary": Template("6666ff,66ff66,ff6666", "black", "white"),
    "alphas": Template("00ff00aa,ff000077,00337799", "white", "black", "rose", "grey"),
    "grafana": Template("7eb26d,eab839,6ed0e0,ef843c,e24d42,1f78c1,ba43a9,705da0,508642,cca300,447ebc"),
    **{f"{name}1": Template(lines) for name, lines in _SHADES.items()},
    **{f"{name}2": Template(",".join(lines.split(",")[::-1])) for name, lines in _SHADES.items()},
}


def template(name: str) -> Template:
    """The template called *name*; as in Graphite the default one if there is none, so that the chart is drawn."""
    return TEMPLATES.get(name, TEMPLATES["default"])
