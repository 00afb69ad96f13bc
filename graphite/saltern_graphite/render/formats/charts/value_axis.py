"""The value axis: where it begins and ends, and what is written beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    AutoMinorLocator,
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    MultipleLocator,
    NullLocator,
)

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.series.series import Values
from saltern_graphite.series.units import UNIT_SYSTEMS, prefixed

HUGE = 1e300
"""Limits beyond this are refused: sums and steps stay finite then."""
_MAX_DIVISOR = 100
_DIVISOR = 6
"""Into how many parts the axis is divided at most, where there is room."""
_MAX_STEPS = 100
_MAX_MINOR = 10
_FLAT = 1e-12
"""A range this much smaller than its numbers is none: floats don't resolve it."""
_TINY = 1e-200
_DECIMAL = (1, 2, 2.5, 5, 10)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000)


def scale_values(axes: Axes, values: Values, parameters: Parameters, rows: float, side: str) -> None:
    """Scale *axes* for *values*; with a *side*, ``yMinLeft`` comes before ``yMin``. There is room for *rows* labels.

    ``GraphiteError`` for parameters that are wrong or contradict each other.
    """
    exact = parameters.text(f"yMax{side}", "yMax", "max").lower() == "max"
    bottom = parameters.number(f"yMin{side}", "yMin", "min", low=-HUGE, high=HUGE)
    top = None if exact else parameters.number(f"yMax{side}", "yMax", "max", low=-HUGE, high=HUGE)
    limit = parameters.number(f"yLimit{side}", "yLimit", low=-HUGE, high=HUGE)
    base = _log_base(parameters)
    if base is not None:
        bottom, top, limit = (one if one is not None and one > 0 else None for one in (bottom, top, limit))
    values = np.clip(values[np.isfinite(values) & ((base is None) | (values > 0))], -HUGE, HUGE)
    low, high = (values.min(), values.max()) if len(values) else (0.0 if base is None else 1.0, 1.0)
    low, high = float(low if bottom is None else bottom), float(high if top is None else top)
    if limit is not None and limit < high:
        high = top = limit
    if base is None:
        if bottom is not None and top is not None and bottom >= top:
            raise GraphiteError(f"yMin{side} ({bottom:g}) must be below yMax{side} ({top:g})")
        around = max(abs(low), abs(high))
        if around < _TINY or high - low <= _FLAT * around:
            room = 1.0 if around < _TINY else 0.1 * around
            low, high = low if bottom is not None else high - room, high if top is not None else low + room
            exact = False
        locator = _locator(high - low, parameters, rows, side)
    else:
        axes.set_yscale("log", base=base, nonpositive="clip")
        locator, bottom, top, exact = LogLocator(base, numticks=max(int(rows), 2)), None, None, False
    axes.yaxis.set_major_locator(locator)
    rounded = locator.view_limits(low, max(low, high))
    top = high if exact or top is not None else min(rounded[1], math.inf if limit is None else limit)
    axes.set_ylim(rounded[0] if bottom is None else bottom, top)
    minor = int(parameters.amount("minorY", high=_MAX_MINOR, default=1))
    axes.yaxis.set_minor_locator(AutoMinorLocator(minor + 1) if minor and base is None else NullLocator())
    system = parameters.choice("yUnitSystem", *UNIT_SYSTEMS)
    label = _label(system, rows, axes.get_yticks()) if base is None else _log_label(system)
    axes.yaxis.set_major_formatter(FuncFormatter(label))


def _log_base(parameters: Parameters) -> float | None:
    text = parameters.text("logBase").lower()
    base = math.e if text == "e" else parameters.number("logBase")
    if base is not None and base <= 1:
        raise GraphiteError(f"logBase must be e or a number above 1, not {text!r}")
    return base


def _locator(span: float, parameters: Parameters, rows: float, side: str) -> Locator:
    """``yStep``, or round numbers by ``yDivisors``: powers of 2 for bytes, and what clocks know for seconds."""
    step = parameters.number(f"yStep{side}", "yStep")
    if step is not None and step <= 0:
        raise GraphiteError(f"yStep{side} must be above 0, not {step:g}")
    parts = _parts(parameters.text("yDivisors"), rows)
    system = parameters.choice("yUnitSystem", *UNIT_SYSTEMS)
    if step is not None and step * _MAX_STEPS >= span:
        return MultipleLocator(step)
    if system == "binary":
        return MultipleLocator(2.0 ** math.ceil(math.log2(span / parts)))
    unit = {"sec": 1.0, "msec": 1000.0}.get(system, math.inf)
    times = [unit * one for one in _SECONDS if unit * one >= span / parts >= unit]
    return MultipleLocator(times[0]) if times else MaxNLocator(parts, steps=_DECIMAL)


def _parts(text: str, rows: float) -> int:
    """Into how many parts the axis is divided at most: Graphite's ``yDivisors`` are some numbers to choose from."""
    try:
        divisors = [int(part) for part in text.split(",")] if text else [max(min(int(rows), _DIVISOR), 2)]
    except ValueError:
        divisors = [0]
    if not 1 <= min(divisors) <= max(divisors) <= _MAX_DIVISOR:
        raise GraphiteError(f"yDivisors must be integers from 1 to {_MAX_DIVISOR}, as in 4,5,6, not {text[:100]!r}")
    return max(divisors)


def _label(system: str, rows: float, ticks: Values) -> Callable[[float, int | None], str]:
    """Labels in one unit, no larger than a step, so that all differ; of too many steps some have none."""
    step = float(ticks[1] - ticks[0])
    every = math.ceil(len(ticks) / (1.8 * rows))
    size, prefix = next(((size, prefix) for prefix, size in UNIT_SYSTEMS[system] if size <= step), (1.0, ""))
    plain = 1e-6 <= step / size < 1e15
    digits = len(np.format_float_positional(step / size, precision=8, trim="-").partition(".")[2])

    def label(value: float, position: int | None) -> str:
        number = round(value / step)
        shown = f"{number * step / size:.{digits}f}" if plain else f"{number * step / size:.6g}"
        return "" if number % every else f"{shown} {prefix}".rstrip() if number else "0"

    return label


def _log_label(system: str) -> Callable[[float, int | None], str]:
    return lambda value, position: "{:.4g} {}".format(*prefixed(value, system)).rstrip()
