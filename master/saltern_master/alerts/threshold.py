"""Thresholds: an operator and a number, as ``"> 90"``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from saltern.errors import ConfigError

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}

RECOVERY_OPERATOR = {">": "<=", ">=": "<=", "<": ">=", "<=": ">="}
"""What a bare number under ``recover`` means for each ordering operator."""

_TEXT = re.compile(r"\s*(?P<operator>[<>=!]*)\s*(?P<number>[^\s<>=!]+)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Threshold:
    """``operator`` is one of ``OPERATORS``; ``number`` is finite."""

    operator: str
    number: float

    def matches(self, value: float) -> bool:
        """Tell whether *value* is on this threshold's side."""
        return OPERATORS[self.operator](value, self.number)

    def __str__(self) -> str:
        return f"{self.operator} {self.number:.15g}"

    def probes(self, other: Threshold) -> tuple[float, ...]:
        """Return values that stand for every range which the two thresholds tell apart."""
        low, high = sorted((self.number, other.number))
        return (-math.inf, low, low + (high - low) / 2, high, math.inf)

    def overlaps(self, other: Threshold) -> bool:
        """Tell whether one value can match both."""
        return any(self.matches(value) and other.matches(value) for value in self.probes(other))

    def within(self, other: Threshold) -> bool:
        """Tell whether every value that matches this one matches *other* too."""
        return not any(self.matches(value) and not other.matches(value) for value in self.probes(other))


def parse_threshold(given: Any, default_operator: str | None = ">") -> Threshold:
    """Return the threshold of ``"> 90"`` or of a bare number, which takes *default_operator*.

    Raises ``ConfigError`` with what would be right; the caller adds where.
    """
    match = _TEXT.fullmatch(given) if isinstance(given, str) else _TEXT.fullmatch(repr(given))
    if not match or isinstance(given, bool):
        raise ConfigError(f"must be a number or a text like '> 90', not {given!r:.40}")
    sign, number = match["operator"] or default_operator, _finite(match["number"])
    if number is None:
        raise ConfigError(f"must be a number or a text like '> 90', not {given!r:.40}")
    if sign is None:
        raise ConfigError(f"must name its operator, as in '!= {number:.15g}'")
    if sign not in OPERATORS:
        raise ConfigError(f"has the operator {sign!r:.10}: use one of {' '.join(OPERATORS)}")
    return Threshold(sign, number)


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
