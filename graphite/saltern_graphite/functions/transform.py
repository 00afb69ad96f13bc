"""Transform: each value by itself, or with the one before it."""

from __future__ import annotations

import math

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.aggregation import known_counts
from saltern_graphite.functions.arithmetic import power, previous_known, round_decimal
from saltern_graphite.functions.grid import stacked_rows
from saltern_graphite.functions.params import Param, ParamType, series_list
from saltern_graphite.functions.registry import function
from saltern_graphite.functions.shown_integer import ShownInteger
from saltern_graphite.render.context import Context
from saltern_graphite.series import Series, SeriesList, Values

GROUP = "Transform"
RATE_DIGITS = 6
"""Graphite rounds rates to this many digits."""

_FACTOR = Param("factor", ParamType.FLOAT, required=True)
_MAX = Param("maxValue", ParamType.FLOAT)
_MIN = Param("minValue", ParamType.FLOAT)


@function("scale", GROUP, series_list(), _FACTOR)
def scale(context: Context, series: SeriesList, factor: float) -> list[Series]:
    """Multiplies every value by *factor*.

    ``scale(memory.used_kb, 1024)``
    """
    return [one.derived(f"scale({one.name},{factor:g})", one.values * factor, tags={"scale": factor}) for one in series]


@function("offset", GROUP, series_list(), _FACTOR)
def offset(context: Context, series: SeriesList, factor: float) -> list[Series]:
    """Adds *factor* to every value.

    ``offset(temperature.kelvin, -273.15)``
    """
    return [
        one.derived(f"offset({one.name},{factor:g})", one.values + factor, tags={"offset": factor}) for one in series
    ]


@function("add", GROUP, series_list(), Param("constant", ParamType.FLOAT, required=True))
def add(context: Context, series: SeriesList, constant: float) -> list[Series]:
    """Adds *constant* to every value.

    ``add(queue.length, 10)``
    """
    shown = int(constant) if np.isfinite(constant) else constant  # Graphite shows the integer part alone
    return [one.derived(f"add({one.name},{shown})", one.values + constant, tags={"add": constant}) for one in series]


@function("absolute", GROUP, series_list())
def absolute(context: Context, series: SeriesList) -> list[Series]:
    """Every value without its sign.

    ``absolute(clock.drift)``
    """
    return [one.derived(f"absolute({one.name})", np.abs(one.values), tags={"absolute": 1}) for one in series]


@function("invert", GROUP, series_list())
def invert(context: Context, series: SeriesList) -> list[Series]:
    """1 divided by every value; missing where that is 0.

    ``invert(disk.seconds_per_write)``
    """
    return [one.derived(f"invert({one.name})", power(one.values, -1.0), tags={"invert": 1}) for one in series]


@function("pow", GROUP, series_list(), _FACTOR)
def pow_values(context: Context, series: SeriesList, factor: float) -> list[Series]:
    """Raises every value to the power of *factor*.

    ``pow(disk.radius, 2)``
    """
    return [
        one.derived(f"pow({one.name},{factor:g})", power(one.values, factor), tags={"pow": factor}) for one in series
    ]


@function("squareRoot", GROUP, series_list())
def square_root(context: Context, series: SeriesList) -> list[Series]:
    """The square root of every value; missing for negative ones.

    ``squareRoot(load.variance)``
    """
    return [one.derived(f"squareRoot({one.name})", power(one.values, 0.5), tags={"squareRoot": 1}) for one in series]


@function("log", GROUP, series_list(), ShownInteger("base", ParamType.INTEGER, default=10))
def log(context: Context, series: SeriesList, base: float) -> list[Series]:
    """The logarithm of every value to *base*; missing for 0 and below.

    ``log(disk.free, 2)``
    """
    if base <= 0 or base == 1:
        raise FunctionError(f"base must be above 0 and not 1, not {base}")
    results = []
    for one in series:
        positive = np.where(one.values > 0, one.values, np.nan)
        values = np.log(positive) / math.log(base)  # a base may be longer than numpy's integers
        results.append(one.derived(f"log({one.name}, {base})", values, tags={"log": base}))
    return results


class _Precision(Param):
    """``/functions`` tells a default that names don't show when it is taken."""

    __slots__ = ()

    def as_json(self) -> dict[str, object]:
        """The parameter in the shape of graphite-web's ``/functions``."""
        return {**super().as_json(), "default": 0}


@function("round", GROUP, series_list(), _Precision("precision", ParamType.INTEGER))
def round_values(context: Context, series: SeriesList, precision: int | None) -> list[Series]:
    """Rounds every value to *precision* digits after the point; none by default.

    ``round(load.average, 2)``
    """
    shown = "" if precision is None else f",{precision:g}"
    digits = max(-300, min(precision or 0, 300))
    return [
        one.derived(f"round({one.name}{shown})", round_decimal(one.values, digits), tags={"round": digits})
        for one in series
    ]


@function("scaleToSeconds", GROUP, series_list(), Param("seconds", ParamType.FLOAT, required=True))
def scale_to_seconds(context: Context, series: SeriesList, seconds: float) -> list[Series]:
    """What a value per step is per *seconds*.

    ``scaleToSeconds(requests.count, 1)``
    """
    shown = int(seconds) if np.isfinite(seconds) else seconds
    results = []
    for one in series:
        values = round_decimal(one.values * (seconds / one.step), RATE_DIGITS)
        name = f"scaleToSeconds({one.name},{shown})"
        results.append(one.derived(name, values, tags={"scaleToSeconds": seconds}))
    return results


@function("derivative", GROUP, series_list())
def derivative(context: Context, series: SeriesList) -> list[Series]:
    """By how much each value differs from the one before it.

    ``derivative(network.bytes_received)``
    """
    results = []
    for one in series:
        values = np.diff(one.values, prepend=np.nan)
        results.append(one.derived(f"derivative({one.name})", values, tags={"derivative": 1}))
    return results


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


@function("nonNegativeDerivative", GROUP, series_list(), _MAX, _MIN)
def non_negative_derivative(
    context: Context, series: SeriesList, max_value: float | None, min_value: float | None
) -> list[Series]:
    """By how much a counter grew at each step; its resets are left out, or bridged if *maxValue* is given.

    ``nonNegativeDerivative(network.bytes_received)``
    """
    results = []
    for one in series:
        values = increments(one.values, max_value, min_value)
        name = f"nonNegativeDerivative({one.name})"
        results.append(one.derived(name, values, tags={"nonNegativeDerivative": 1}))
    return results


@function("perSecond", GROUP, series_list(), _MAX, _MIN)
def per_second(context: Context, series: SeriesList, max_value: float | None, min_value: float | None) -> list[Series]:
    """How fast a counter grows, per second; its resets are left out, or bridged if *maxValue* is given.

    ``perSecond(network.bytes_received)``
    """
    results = []
    for one in series:
        values = round_decimal(increments(one.values, max_value, min_value) / one.step, RATE_DIGITS)
        results.append(one.derived(f"perSecond({one.name})", values, tags={"perSecond": 1}))
    return results


@function("integral", GROUP, series_list())
def integral(context: Context, series: SeriesList) -> list[Series]:
    """The sum of the values so far; missing values stay missing and add nothing.

    ``integral(sales.count)``
    """
    results = []
    for one in series:
        missing = np.isnan(one.values)
        values = np.where(missing, np.nan, np.cumsum(np.where(missing, 0.0, one.values)))
        results.append(one.derived(f"integral({one.name})", values, tags={"integral": 1}))
    return results


@function("delay", GROUP, series_list(), Param("steps", ParamType.INTEGER, required=True))
def delay(context: Context, series: SeriesList, steps: int) -> list[Series]:
    """Moves every value by *steps* points to later times (negative: to earlier ones).

    ``delay(jobs.started, 4)``
    """
    results = []
    for one in series:
        shift = min(abs(steps), len(one.values))
        gap = np.full(shift, np.nan)
        kept = one.values[shift:] if steps < 0 else one.values[: len(one.values) - shift]
        values = np.concatenate((kept, gap) if steps < 0 else (gap, kept))
        results.append(one.derived(f"delay({one.name},{steps})", values, tags={"delay": steps}))
    return results


@function("keepLastValue", GROUP, series_list(), Param("limit", ParamType.INTEGER_OR_INF, default=float("inf")))
def keep_last_value(context: Context, series: SeriesList, limit: float) -> list[Series]:
    """Fills gaps of up to *limit* points with the value before them; longer gaps stay.

    ``keepLastValue(battery.charge, 4)``
    """
    results = []
    for one in series:
        places = np.arange(len(one.values))
        known = ~np.isnan(one.values)
        before = np.maximum.accumulate(np.where(known, places, -1))
        after = np.minimum.accumulate(np.where(known, places, len(places))[::-1])[::-1]
        short = after - before - 1 <= limit
        values = np.where(~known & short, previous_known(one.values), one.values)
        results.append(one.derived(f"keepLastValue({one.name})", values))
    return results


@function(
    "transformNull",
    GROUP,
    series_list(),
    Param("default", ParamType.FLOAT, default=0),
    Param("referenceSeries", ParamType.SERIES),
)
def transform_null(context: Context, series: SeriesList, default: float, reference: SeriesList | None) -> list[Series]:
    """Puts *default* where values are missing; with *referenceSeries* only where one of those is known.

    ``transformNull(errors.count, 0)``
    """
    shown = f"{default:g}"
    tags: dict[str, object] = {"transformNull": default}
    fill: Values | None = None
    if reference:
        shown += ",referenceSeries"
        tags["referenceSeries"] = 1
        fill = np.where(known_counts(stacked_rows([one.values for one in reference])) > 0, default, np.nan)
    results = []
    for one in series:
        values, filling = one.values, np.full(len(one.values), float(default))
        if fill is not None:
            values, filling = stacked_rows([one.values, fill])
        filled = np.where(np.isnan(values), filling, values)[: len(one.values)]
        results.append(one.derived(f"transformNull({one.name},{shown})", filled, tags=tags))
    return results


@function("isNonNull", GROUP, series_list())
def is_non_null(context: Context, series: SeriesList) -> list[Series]:
    """1 where there is a value, 0 where there is none.

    ``sumSeries(isNonNull(servers.*.heartbeat))``
    """
    results = []
    for one in series:
        known = (~np.isnan(one.values)).astype(np.float64)
        results.append(one.derived(f"isNonNull({one.name})", known, tags={"isNonNull": 1}))
    return results
