"""Whisper's roll-up methods, for many slots at once, bit for bit the library's.

In the library a sum is Python's ``sum()``, which adds from left to right and, since Python 3.12, carries the rounding
error along. Unknown slots may be added as zeros in either: that changes no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

MONOTONE = ("max", "min", "absmax", "absmin")
"""Methods whose roll-ups can be rolled up together, even if some points are behind both."""

_PLAIN_SUM: Any = sum((1e100, 1.0, -1e100)) == 0.0
"""Whether this Python's ``sum()`` is a plain chain of additions, which numpy can do for a whole column."""


def roll_up(method: str, values: Values, known: Chosen) -> tuple[Values, Values]:
    """Return the roll-up of each row of *values* (rows x slots, in time order), and which share of it is *known*.

    *method* is one of Whisper's; ``avg_zero`` counts unknown slots as zero, ``absmax`` and ``absmin`` keep the sign. A
    row of which nothing is known gives something without meaning. Like the library's, results may be infinite or NaN.
    """
    counts = known.sum(axis=1)
    shares = counts / values.shape[1]
    if method not in ("average", "sum", "avg_zero"):
        return _chosen(method, values, known), shares
    with np.errstate(all="ignore"):
        totals = _sums(values, known)
        if method == "average":
            totals /= np.maximum(counts, 1)
        elif method == "avg_zero":
            totals /= values.shape[1]
        return totals, shares


def _sums(values: Values, known: Chosen) -> Values:
    if not known.all():
        values = np.where(known, values, 0.0)
    if not _PLAIN_SUM:
        return np.fromiter(map(sum, values.tolist()), np.float64, len(values))
    sums = np.zeros(len(values))
    for column in values.T:
        sums += column
    return sums


def _chosen(method: str, values: Values, known: Chosen) -> Values:
    """Go through the slots in time order as ``max()`` and ``min()`` do: of equals, and beside NaN, the first stays."""
    chosen = values[:, 0].copy()
    found = known[:, 0].copy()
    for column, there in zip(values.T[1:], known.T[1:], strict=True):
        if method == "last":
            better = there
        elif method == "max":
            better = there & ((column > chosen) | ~found)
        elif method == "min":
            better = there & ((column < chosen) | ~found)
        elif method == "absmax":
            better = there & ((np.abs(column) > np.abs(chosen)) | ~found)
        else:
            better = there & ((np.abs(column) < np.abs(chosen)) | ~found)
        np.copyto(chosen, column, where=better)
        found |= there
    return chosen
