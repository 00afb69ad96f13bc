"""A chart's parameters: texts from the request, read as what they are for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.colors import Color, parse_color

MAX_TEXT_CHARS = 1000
_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")


class Parameters:
    """Typed views of request parameters. An empty one, or one that says ``default``, counts as not given.

    Every method raises ``GraphiteError`` naming the parameter and what would be right.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

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
        if value and value not in _TRUE + _FALSE:
            raise GraphiteError(f"{name} must be true or false, not {value[:100]!r}")
        return value in _TRUE if value else default

    def number(
        self, *names: str, low: float = -math.inf, high: float = math.inf, default: float | None = None
    ) -> float | None:
        """The first of *names* that is given, as a finite number from *low* to *high*."""
        for name in names:
            value = self.text(name)
            if value:
                return self._number(name, value, low, high)
        return default

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        """*name* as an integer from *low* to *high*; a fraction is cut off."""
        value = self.text(name)
        return int(self._number(name, value, low, high)) if value else default

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """*name*, in lower case, as one of *choices*."""
        value = self.text(name).lower() or default
        if value not in choices:
            raise GraphiteError(f"{name} must be one of {', '.join(choices)}, not {value[:100]!r}")
        return value

    def color(self, name: str, default: str) -> Color:
        """*name* as a colour."""
        return parse_color(name, self.text(name, default=default))

    def _number(self, name: str, value: str, low: float, high: float) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and low <= number <= high):
            raise GraphiteError(f"{name} must be {_range(low, high)}, not {value[:100]!r}")
        return number


def _range(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a number"
    if math.isinf(high):
        return f"a number not below {low:g}"
    return f"a number from {low:g} to {high:g}"
