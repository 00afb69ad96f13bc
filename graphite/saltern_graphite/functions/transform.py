"""Transform: each value by itself or with the one before it, curves, and scales that series are brought to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.functions.arithmetic import power, round_decimal
from saltern_graphite.functions.params import Number, Param, ParamType
from saltern_graphite.functions.registry import Function, function
from saltern_graphite.series.aggregation import aggregation, reduce_all
from saltern_graphite.series.series import Series, SeriesList, Values

GROUP = "Transform"
RATE_DIGITS = 6
"""Graphite rounds rates to this many digits."""

_Digits = Annotated[int, Param(ParamType.INTEGER, shown={"default": 0})]


def _by_factor(name: str, change: Callable[[Values, float], Values], does: str, example: str) -> Function:
    """The function *name*, which brings every value and *factor* together."""

    @function(name, GROUP, does=does, example=example)
    def changed(one: Series, factor: float) -> Series:
        return one.derived(f"{name}({one.name},{factor:g})", change(one.values, factor), tags={name: factor})

    return changed


scale = _by_factor("scale", np.multiply, "Multiplies every value by *factor*.", "memory.used_kb, 1024")
offset = _by_factor("offset", np.add, "Adds *factor* to every value.", "temperature.kelvin, -273.15")
pow_values = _by_factor("pow", power, "Raises every value to the power of *factor*.", "disk.radius, 2")


@function("add", GROUP, example="queue.length, 10")
def add(one: Series, constant: float) -> Series:
    """Adds *constant* to every value."""
    shown = int(constant) if np.isfinite(constant) else constant  # Graphite shows the integer part alone
    return one.derived(f"add({one.name},{shown})", one.values + constant, tags={"add": constant})


def _exponential(values: Values) -> Values:
    raised = np.exp(values)
    return np.where(np.isinf(raised) & np.isfinite(values), np.nan, raised)


def _log_odds(values: Values) -> Values:
    odds = np.where(values == 1, np.nan, values / (1 - values))
    return np.log(np.where(odds > 0, odds, np.nan))


def _sums_so_far(values: Values) -> Values:
    missing = np.isnan(values)
    return np.where(missing, np.nan, np.cumsum(np.where(missing, 0.0, values)))


def _of_values(name: str, change: Callable[[Values], Values], does: str, example: str, mark: object = 1) -> Function:
    """The function *name*, which looks at nothing but the values; *mark* is the value of the tag that it adds."""

    @function(name, GROUP, does=does, example=example)
    def changed(one: Series) -> Series:
        return one.derived(f"{name}({one.name})", change(one.values), tags={name: mark})

    return changed


absolute = _of_values("absolute", np.abs, "Every value without its sign.", "clock.drift")
invert = _of_values(
    "invert",
    lambda values: power(values, -1.0),
    "1 divided by every value; missing where that is 0.",
    "disk.seconds_per_write",
)
square_root = _of_values(
    "squareRoot",
    lambda values: power(values, 0.5),
    "The square root of every value; missing for negative ones.",
    "load.variance",
)
exp = _of_values(
    "exp", _exponential, "e to the power of every value; missing where that is too large.", "growth.rate", "e"
)
logit = _of_values(
    "logit",
    _log_odds,
    "The logarithm of the odds of every value, ``log(x / (1 - x))``; missing outside 0 to 1.",
    "cache.hit_share",
    "logit",
)
sigmoid = _of_values(
    "sigmoid",
    lambda values: 1 / (1 + np.exp(-values)),
    "Every value brought between 0 and 1, by ``1 / (1 + exp(-x))``.",
    "clock.drift",
    "sigmoid",
)
derivative = _of_values(
    "derivative",
    lambda values: np.diff(values, prepend=np.nan),
    "By how much each value differs from the one before it.",
    "network.bytes_received",
)
integral = _of_values(
    "integral",
    _sums_so_far,
    "The sum of the values so far; missing values stay missing and add nothing.",
    "sales.count",
)


@function("log", GROUP, example="disk.free, 2")
def log(series: SeriesList, base: Number = 10) -> list[Series]:
    """The logarithm of every value to *base*; missing for 0 and below."""
    if base <= 0 or base == 1:
        raise FunctionError(f"base must be above 0 and not 1, not {base}")
    results = []
    for one in series:
        positive = np.where(one.values > 0, one.values, np.nan)
        values = np.log(positive) / math.log(base)  # a base may be longer than numpy's integers
        results.append(one.derived(f"log({one.name}, {base})", values, tags={"log": base}))
    return results


@function("round", GROUP, example="load.average, 2")
def round_values(one: Series, precision: _Digits | None = None) -> Series:
    """Rounds every value to *precision* digits after the point; none by default."""
    shown = "" if precision is None else f",{precision:g}"
    digits = max(-300, min(precision or 0, 300))
    return one.derived(f"round({one.name}{shown})", round_decimal(one.values, digits), tags={"round": digits})


@function("scaleToSeconds", GROUP, example="requests.count, 1")
def scale_to_seconds(one: Series, seconds: float) -> Series:
    """What a value per step is per *seconds*."""
    shown = int(seconds) if np.isfinite(seconds) else seconds
    values = round_decimal(one.values * (seconds / one.step), RATE_DIGITS)
    return one.derived(f"scaleToSeconds({one.name},{shown})", values, tags={"scaleToSeconds": seconds})


def increments(values: Values, highest: float | None, lowest: float | None) -> Values:
    """By how much a counter grew at each step; missing where it fell, unless it is known where it wraps.

    Values outside *lowest* … *highest* count as missing, and so does the step after a missing value.
    """
    if highest is not None:
        values = np.where(values > highest, np.nan, values)
    if lowest is not None:
        values = np.where(values < lowest, np.nan, values)
    grown = np.diff(values, prepend=np.nan)
    fell = grown < 0
    if highest is not None:
        return np.where(fell, highest + 1 + grown - (lowest or 0), grown)
    if lowest is not None:
        return np.where(fell, values - lowest, grown)
    return np.where(fell, np.nan, grown)


@function("nonNegativeDerivative", GROUP, example="network.bytes_received")
def non_negative_derivative(one: Series, max_value: float | None = None, min_value: float | None = None) -> Series:
    """By how much a counter grew at each step; its resets are left out, or bridged if *maxValue* is given."""
    values = increments(one.values, max_value, min_value)
    return one.derived(f"nonNegativeDerivative({one.name})", values, tags={"nonNegativeDerivative": 1})


@function("perSecond", GROUP, example="network.bytes_received")
def per_second(one: Series, max_value: float | None = None, min_value: float | None = None) -> Series:
    """How fast a counter grows, per second; its resets are left out, or bridged if *maxValue* is given."""
    values = round_decimal(increments(one.values, max_value, min_value) / one.step, RATE_DIGITS)
    return one.derived(f"perSecond({one.name})", values, tags={"perSecond": 1})


@function("delay", GROUP, example="jobs.started, 4")
def delay(one: Series, steps: int) -> Series:
    """Moves every value by *steps* points to later times (negative: to earlier ones)."""
    shift = min(abs(steps), len(one.values))
    gap = np.full(shift, np.nan)
    kept = one.values[shift:] if steps < 0 else one.values[: len(one.values) - shift]
    values = np.concatenate((kept, gap) if steps < 0 else (gap, kept))
    return one.derived(f"delay({one.name},{steps})", values, tags={"delay": steps})


@function("minMax", GROUP, example="servers.*.load")
def min_max(one: Series) -> Series:
    """Each series brought between 0 (its least value) and 1 (its greatest); 0 where all are the same."""
    least = reduce_all(aggregation("min"), one.values)
    span = reduce_all(aggregation("max"), one.values) - least
    height = one.values - least
    return one.derived(f"minMax({one.name})", np.where(np.isnan(height), np.nan, height / span if span else 0.0))


@function("offsetToZero", GROUP, example="servers.*.uptime")
def offset_to_zero(one: Series) -> Series:
    """Takes each series' least value off all its values."""
    least = reduce_all(aggregation("min"), one.values)
    tags = {"offsetToZero": None if math.isnan(least) else least}
    return one.derived(f"offsetToZero({one.name})", one.values - least, tags=tags)
