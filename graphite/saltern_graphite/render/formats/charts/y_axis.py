"""The value axis: where it begins and ends, and what is written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.axis_wishes import HUGE, AxisWishes
from saltern_graphite.series import Values
from saltern_graphite.units import prefixed

_EPSILON = 1e-4
"""Steps may miss a limit by this share of themselves; nobody sees it."""
_FAR = 1000.0
"""Heights of the chart beyond which a point is drawn no further away."""
_MAX_TICKS = 100
_FLAT = 1e-12
"""A range this much smaller than its numbers is none: floats don't resolve it."""
_DECIMAL = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000)


class Tick(NamedTuple):
    """A labelled place on the axis."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """An axis from ``bottom`` to ``top``, logarithmic if ``log_base`` says so."""

    bottom: float
    top: float
    ticks: tuple[Tick, ...]
    log_base: float | None = None

    def position(self, values: Values) -> Values:
        """Where *values* are: 0 at the bottom, 1 at the top; NaN for what has no place."""
        if self.log_base is None:
            place = (values - self.bottom) / (self.top - self.bottom)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                logs = np.where(values > 0, np.log(values), np.nan)
            low, high = math.log(self.bottom), math.log(self.top)
            place = (logs - low) / (high - low)
        clipped: Values = np.clip(place, -_FAR, _FAR)
        return clipped

    def base(self, values: Values) -> Values:
        """The same for lower edges of areas: what has no place on a logarithmic axis lies under it."""
        place = self.position(values)
        return np.where(np.isnan(place) & ~np.isnan(values), -1.0, place)


def value_axis(low: float, high: float, wishes: AxisWishes) -> ValueAxis:
    """The axis for data from *low* to *high*. ``GraphiteError`` if the wishes contradict each other."""
    if wishes.log_base is not None:
        return _logarithmic(low, high, wishes, wishes.log_base)
    low, high, free_low, free_high = _limits(low, high, wishes)
    step = wishes.step
    if step is None or (high - low) / step > _MAX_TICKS:
        step = _step(low, high, wishes)
    bottom = step * math.floor(low / step + _EPSILON) if free_low else low
    top = step * math.ceil(high / step - _EPSILON) if free_high else high
    if wishes.limit is not None:
        top = max(min(top, wishes.limit), high)
    first, last = math.ceil(bottom / step - _EPSILON), math.floor(top / step + _EPSILON)
    ticks = tuple(Tick(k * step, _label(k * step, step, wishes.system)) for k in range(first, last + 1))
    return ValueAxis(bottom, top, ticks)


def _limits(low: float, high: float, wishes: AxisWishes) -> tuple[float, float, bool, bool]:
    """The range to show, and which of its ends may be moved outwards to a round number."""
    low, high = min(max(low, -HUGE), HUGE), max(min(high, HUGE), -HUGE)
    free_low, free_high = wishes.low is None, wishes.high is None and not wishes.exact_top
    low = low if wishes.low is None else wishes.low
    high = high if wishes.high is None else wishes.high
    if wishes.limit is not None and wishes.limit < high:
        high, free_high = wishes.limit, False
    if high - low > _FLAT * max(abs(low), abs(high)):
        return low, high, free_low, free_high
    fixed_high = wishes.high is not None or (not free_high and not wishes.exact_top)
    if wishes.low is not None and fixed_high:
        raise GraphiteError(f"yMin{wishes.side} ({low:g}) must be below yMax{wishes.side} ({high:g})")
    around = max(abs(low), abs(high))
    room = 1.0 if around < 1e-9 else 0.1 * around
    if wishes.low is not None:
        return low, low + room, False, True
    return (high - room, high, True, False) if fixed_high else (low - room, high + room, True, True)


def _step(low: float, high: float, wishes: AxisWishes) -> float:
    """The step that divides the range into as many parts as wished with the least room left over."""
    fewest, most = min(wishes.divisors), max(wishes.divisors)
    best, least_room = 0.0, math.inf
    for step in _steps((high - low) / most, wishes.system):
        if step * fewest >= 2 * least_room + (high - low):
            break
        bottom = step * math.floor(low / step + _EPSILON)
        parts = math.ceil((high - bottom) / step - _EPSILON)
        if parts <= most or step > 2 * (high - low):  # around 0 even the largest step has a part on either side
            room = max(bottom + max(parts, fewest) * step - high, low - bottom)
            if room < least_room:
                best, least_room = step, room
    return best


def _steps(smallest: float, system: str) -> Iterator[float]:
    """Round numbers from *smallest* upwards."""
    wanted = smallest * (1 - _EPSILON)
    if system in ("sec", "msec"):
        unit = 1000.0 if system == "msec" else 1.0
        yield from (step * unit for step in _SECONDS if wanted >= unit and step * unit >= wanted)
    base = 2.0 if system == "binary" else 10.0
    mantissas = (1.0,) if system == "binary" else _DECIMAL[:-1]
    exponent = math.floor(math.log(wanted, base))
    while True:
        yield from (base**exponent * mantissa for mantissa in mantissas if base**exponent * mantissa >= wanted)
        exponent += 1


def _label(value: float, step: float, system: str) -> str:
    number, prefix = prefixed(value, system, step=step)
    scaled = step * (number / value) if value else 0.0
    shown = f"{number:.{_decimals(scaled)}f}" if 1e-6 <= scaled < 1e15 else f"{number:.6g}"
    return f"{shown} {prefix}".rstrip()


def _decimals(step: float) -> int:
    for digits in range(8):
        if math.isclose(step * 10**digits, round(step * 10**digits), rel_tol=1e-6):
            return digits
    return 8


def _logarithmic(low: float, high: float, wishes: AxisWishes, base: float) -> ValueAxis:
    low = wishes.low if wishes.low is not None and wishes.low > 0 else low
    high = wishes.high if wishes.high is not None and wishes.high > 0 else high
    if wishes.limit is not None and wishes.limit > 0:
        high = min(high, wishes.limit)
    low, high = max(low, 1 / HUGE), min(max(high, low), HUGE)
    first = math.floor(math.log(low, base) + _EPSILON)
    last = max(math.ceil(math.log(high, base) - _EPSILON), first + 1)
    stride = max(-(-(last - first) // (2 * max(wishes.divisors))), 1)
    values = (base**exponent for exponent in range(first, last + 1, stride))
    ticks = tuple(Tick(value, _log_label(value, wishes.system)) for value in values)
    return ValueAxis(base**first, base**last, ticks, base)


def _log_label(value: float, system: str) -> str:
    number, prefix = prefixed(value, system)
    return f"{number:.4g} {prefix}".rstrip()
