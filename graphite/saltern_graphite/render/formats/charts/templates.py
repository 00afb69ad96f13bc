"""Looks by name: the templates that Graphite comes with (its ``graphTemplates.conf``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Template:
    """Colours, as Graphite writes them; ``lines`` are used in turn."""

    lines: tuple[str, ...]
    background: str = "white"
    foreground: str = "black"
    minor_line: str = "grey"
    major_line: str = "rose"


def _colors(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _shades(text: str) -> tuple[Template, Template]:
    """The template of these shades, and the one of their reverse."""
    lines = _colors(text)
    return Template(lines), Template(lines[::-1])


_DEFAULT = _colors("blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose")
_NOC = _colors("blue,green,red,yellow,purple,brown,aqua,grey,magenta,pink,gold,rose")
_SOLARIZED = _colors("268bd2aa,859900aa,dc322faa,d33682aa,db4b16aa,b58900aa,2aa198aa,6c71c4aa")
_GRAFANA = _colors("7eb26d,eab839,6ed0e0,ef843c,e24d42,1f78c1,ba43a9,705da0,508642,cca300,447ebc")
_OCEAN = _shades("f7fcf0,e0f3db,ccebc5,a8ddb5,7bccc4,4eb3d3,2b8cbe,0868ac,084081")
_FOREST = _shades("f7fcf5,e5f5e0,c7e9c0,a1d99b,74c476,41ab5d,238b45,005a32")
_SUNSET = _shades("fff5eb,fee6ce,fdd0a2,fdae6b,fd8d3c,f16913,d94801,8c2d04")
_MOONLIGHT = _shades("fcfbfd,efedf5,dadaeb,bcbddc,9e9ac8,807dba,6a51a3,4a1486")
_LAVA = _shades("fff5f0,fee0d2,fcbba1,fc9272,fb6a4a,ef3b2c,cb181d,99000d")

TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "default": Template(_DEFAULT),
        "plain": Template(_DEFAULT),
        "solarized-light": Template(_SOLARIZED, "fdf6e3", "657b83", "586e75", "073642"),
        "solarized-dark": Template(_SOLARIZED, "002b36", "839496", "eee8d5", "fdf6e3"),
        "classic": Template(_DEFAULT, "black", "white", "grey", "white"),
        "noc": Template(_NOC, "black", "white", "grey", "white"),
        "summary": Template(("6666ff", "66ff66", "ff6666"), "black", "white"),
        "alphas": Template(("00ff00aa", "ff000077", "00337799"), "white", "black", "rose", "grey"),
        "grafana": Template(_GRAFANA),
        "ocean1": _OCEAN[0],
        "ocean2": _OCEAN[1],
        "forest1": _FOREST[0],
        "forest2": _FOREST[1],
        "sunset1": _SUNSET[0],
        "sunset2": _SUNSET[1],
        "moonlight1": _MOONLIGHT[0],
        "moonlight2": _MOONLIGHT[1],
        "lava1": _LAVA[0],
        "lava2": _LAVA[1],
    }
)
"""Fonts are the same in all of them: sans serif, 10 pixels, upright."""


def template(name: str) -> Template:
    """The template called *name*; as in Graphite the default one if there is none, so that the chart is drawn."""
    return TEMPLATES.get(name, TEMPLATES["default"])
