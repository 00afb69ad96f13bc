"""What a request says about its value axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.units import UNIT_SYSTEMS

HUGE = 1e300
"""Limits beyond this are refused: sums and steps stay finite then."""
_MAX_DIVISOR = 100
_DIVISORS = (4, 5, 6)
"""Into how many parts the axis is divided, where there is room."""


@dataclass(frozen=True, slots=True)
class AxisWishes:
    """What the request says about one value axis; None where it leaves the choice to us."""

    low: float | None
    high: float | None
    limit: float | None
    step: float | None
    exact_top: bool
    divisors: tuple[int, ...]
    system: str
    log_base: float | None
    side: str = ""


def axis_wishes(parameters: Parameters, rows: float, side: str = "") -> AxisWishes:
    """The wishes for the only axis, or for the one of *side*: ``yMinLeft`` before ``yMin`` there.

    There is room for *rows* labels, which matters where the request doesn't say how many it wants.
    """
    names = {kind: (f"y{kind}{side}", f"y{kind}") for kind in ("Min", "Max", "Limit", "Step")}
    highest = parameters.text(*names["Max"], "max")
    step = parameters.number(*names["Step"])
    if step is not None and step <= 0:
        raise GraphiteError(f"yStep{side} must be above 0, not {step:g}")
    return AxisWishes(
        parameters.number(*names["Min"], "min", low=-HUGE, high=HUGE),
        None if highest.lower() == "max" else parameters.number(*names["Max"], "max", low=-HUGE, high=HUGE),
        parameters.number(*names["Limit"], low=-HUGE, high=HUGE),
        step,
        highest.lower() == "max",
        _divisors(parameters.text("yDivisors"), rows),
        parameters.choice("yUnitSystem", tuple(UNIT_SYSTEMS), "si"),
        _log_base(parameters),
        side,
    )


def _divisors(text: str, rows: float) -> tuple[int, ...]:
    if not text:
        return tuple(number for number in _DIVISORS if number <= rows) or (max(int(rows), 2),)
    try:
        divisors = tuple(int(part) for part in text.split(","))
    except ValueError:
        divisors = ()
    if not divisors or not 1 <= min(divisors) <= max(divisors) <= _MAX_DIVISOR:
        raise GraphiteError(f"yDivisors must be integers from 1 to {_MAX_DIVISOR}, as in 4,5,6, not {text[:100]!r}")
    return divisors


def _log_base(parameters: Parameters) -> float | None:
    text = parameters.text("logBase").lower()
    base = math.e if text == "e" else parameters.number("logBase")
    if base is not None and base <= 1:
        raise GraphiteError(f"logBase must be e or a number above 1, not {text!r}")
    return base
