"""Arithmetic on columns where a missing or impossible operand makes a missing result."""

from __future__ import annotations

import numpy as np

from saltern_graphite.series import Values


def divide(dividend: Values, divisor: Values) -> Values:
    """``dividend / divisor``, missing where the divisor is 0."""
    return np.where(divisor == 0, np.nan, dividend / divisor)


def power(base: Values, exponent: float) -> Values:
    """``base ** exponent``; missing where that is undefined or overflows from finite numbers."""
    raised = np.power(base, exponent)
    return np.where(np.isinf(raised) & np.isfinite(base), np.nan, raised)


def round_decimal(values: Values, digits: int) -> Values:
    """*values* rounded to *digits* after the point, to the nearest as their decimal form has it.

    ``np.round`` alone multiplies first, and so takes 2.675 (which is a little less) up to 2.68.
    """
    rounded = np.round(values, digits)
    if digits <= 0:
        return rounded
    unit = 10.0**-digits
    for neighbour in (np.round(rounded - unit, digits), np.round(rounded + unit, digits)):
        nearer = np.abs(values - neighbour) < np.abs(values - rounded)
        rounded = np.where(nearer, neighbour, rounded)
    return np.where(np.isfinite(rounded), rounded, values)


def previous_known(values: Values) -> Values:
    """For each place, the last known value up to and including it; NaN before the first."""
    places = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(places >= 0, values[places], np.nan)
