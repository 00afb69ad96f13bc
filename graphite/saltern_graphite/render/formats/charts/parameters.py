"""A chart's parameters: texts from the request, read as what they are for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.base import number_in
from saltern_graphite.render.formats.charts.colors import Color, parse_color

MAX_TEXT_CHARS = 1000
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_GRAPH_ONLY = {"hideLegend": "true", "hideGrid": "true", "hideAxes": "true", "margin": "0"}
_GRAPH_ONLY |= {"title": "", "vtitle": "", "vtitleRight": ""}


class Parameters:
    """Typed views of request parameters. An empty one, or one that says ``default``, counts as not given.

    ``graphOnly`` takes precedence over what it leaves out. Every method raises ``GraphiteError`` naming the parameter
    and what would be right.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        if self.flag("graphOnly"):
            self._given = {**given, **_GRAPH_ONLY}

    def text(self, *names: str, default: str = "") -> str:
        """The first of *names* that is given."""
        for name in names:
            value = self._given.get(name, "").strip()
            if value and value.lower() != "default":
                if len(value) > MAX_TEXT_CHARS:
                    raise GraphiteError(f"{name} has {len(value)} characters: {MAX_TEXT_CHARS} are allowed")
                return value
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Whether *name* is switched on."""
        value = self.text(name).lower()
        if value and value not in TRUE + FALSE:
            raise GraphiteError(f"{name} must be true or false, not {value[:100]!r}")
        return value in TRUE if value else default

    def number(self, *names: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """The first of *names* that is given, as a finite number from *low* to *high*."""
        for name in names:
            if text := self.text(name):
                return number_in(name, text, low, high)
        return None

    def amount(self, *names: str, low: float = 0, high: float = math.inf, default: float) -> float:
        """The same with a default."""
        given = self.number(*names, low=low, high=high)
        return default if given is None else given

    def choice(self, name: str, *choices: str) -> str:
        """*name*, in lower case, as one of *choices*, the first by default."""
        value = self.text(name, default=choices[0]).lower()
        if value not in choices:
            raise GraphiteError(f"{name} must be one of {', '.join(choices)}, not {value[:100]!r}")
        return value

    def color(self, name: str, default: str) -> Color:
        """*name* as a colour."""
        return parse_color(name, self.text(name, default=default))
