"""Arithmetic on columns where a missing or impossible operand makes a missing result."""

from __future__ import annotations

import numpy as np

from saltern_graphite.series.series import Values

_EXACT_DIGITS = 22
"""The greatest power of ten that a float holds exactly."""
_EXACT_TO = 2.0**49
"""Below this a scaled number has bits left after the point, so that the middle is seen."""
_DOUBT = 1e-3


def divide(dividend: Values, divisor: Values) -> Values:
    """``dividend / divisor``, missing where the divisor is 0."""
    return np.where(divisor == 0, np.nan, dividend / divisor)


def power(base: Values, exponent: float) -> Values:
    """``base ** exponent``; missing where the base is, where that is undefined or overflows from finite numbers."""
    raised = np.power(base, np.full_like(base, exponent))  # with a number NumPy takes a square root's short cuts
    # to the power of 0 everything is 1 to NumPy, what is missing as well
    return np.where((np.isinf(raised) & np.isfinite(base)) | np.isnan(base), np.nan, raised)


def round_decimal(values: Values, digits: int) -> Values:
    """*values* rounded to *digits* after the point, just as Python's ``round`` does: the exact number decides.

    ``np.round`` multiplies first, and so takes 2.675 (which is a little less) up to 2.68. Multiplying is right
    except next to the middle between two results, and beyond what a float holds exactly; these few go to ``round``.
    """
    if digits == 0:
        return np.rint(values)
    unit = 10.0 ** min(abs(digits), _EXACT_DIGITS)
    scaled = values * unit if digits > 0 else values / unit
    rounded = np.rint(scaled) / unit if digits > 0 else np.rint(scaled) * unit
    doubtful = (np.abs(np.abs(scaled - np.floor(scaled)) - 0.5) < _DOUBT) | (np.abs(scaled) > _EXACT_TO)
    if abs(digits) > _EXACT_DIGITS:
        doubtful = np.ones(len(values), dtype=np.bool_)
    doubtful &= np.isfinite(values)
    rounded[doubtful] = [round(value, digits) for value in values[doubtful].tolist()]
    return np.where(np.isfinite(values), rounded, values)


def previous_known(values: Values) -> Values:
    """For each place, the last known value up to and including it; NaN before the first."""
    places = np.maximum.accumulate(np.where(np.isnan(values), -1, np.arange(len(values))))
    return np.where(places >= 0, values[places], np.nan)
