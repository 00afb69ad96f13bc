"""Colours as Graphite names them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from saltern.errors import GraphiteError


class Color(NamedTuple):
    """Red, green, blue and opacity, each from 0 to 1."""

    red: float
    green: float
    blue: float
    alpha: float = 1.0

    def faded(self, alpha: float | None) -> Color:
        """The colour with another opacity; the same if *alpha* is None."""
        return self if alpha is None else self._replace(alpha=min(max(alpha, 0.0), 1.0))


def _of_bytes(red: int, green: int, blue: int, alpha: int = 255) -> Color:
    return Color(red / 255, green / 255, blue / 255, alpha / 255)


NAMED: Mapping[str, Color] = MappingProxyType(
    {
        "black": _of_bytes(0, 0, 0),
        "white": _of_bytes(255, 255, 255),
        "blue": _of_bytes(100, 100, 255),
        "green": _of_bytes(0, 200, 0),
        "red": _of_bytes(200, 0, 50),
        "yellow": _of_bytes(255, 255, 0),
        "orange": _of_bytes(255, 165, 0),
        "purple": _of_bytes(200, 100, 255),
        "brown": _of_bytes(150, 100, 50),
        "cyan": _of_bytes(0, 255, 255),
        "aqua": _of_bytes(0, 150, 150),
        "gray": _of_bytes(175, 175, 175),
        "grey": _of_bytes(175, 175, 175),
        "magenta": _of_bytes(255, 0, 255),
        "pink": _of_bytes(255, 100, 100),
        "gold": _of_bytes(200, 200, 0),
        "rose": _of_bytes(200, 150, 200),
        "darkblue": _of_bytes(0, 0, 255),
        "darkgreen": _of_bytes(0, 255, 0),
        "darkred": _of_bytes(255, 0, 0),
        "darkgray": _of_bytes(111, 111, 111),
        "darkgrey": _of_bytes(111, 111, 111),
    }
)
"""Graphite's names, which are not those of CSS."""

_HEXADECIMAL = re.compile(r"(?:#|%23)?([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")


def parse_color(where: str, text: str) -> Color:
    """The colour that *text* means: a name of :data:`NAMED`, or ``rrggbb`` or ``rrggbbaa`` after an optional ``#``.

    ``GraphiteError`` names *where* it was found if it means none.
    """
    text = text.strip()
    if text.lower() in NAMED:
        return NAMED[text.lower()]
    match = _HEXADECIMAL.fullmatch(text)
    if match is None:
        raise GraphiteError(
            f"{where}: {text[:100]!r} is no colour: write six or eight hexadecimal digits, or {', '.join(NAMED)}"
        )
    return _of_bytes(*bytes.fromhex(match[1] + (match[2] or "")))
