"""Many columns into one, a column at a time: the commonest aggregations without laying all of it out as a matrix.

A thousand series of a day are 46 MB: a matrix of them, and each intermediate one, would go through memory again and
again. One column at a time stays in the processor's cache. The answers are those of :mod:`.aggregation`, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from saltern_graphite.series.aggregation import AGGREGATIONS, Reducer, enough_known, reduce_rows
from saltern_graphite.series.series import Values

Fold = Callable[[Sequence[Values]], tuple[Values, Values]]
"""One number a place, and how many of the columns had a value there."""


def reduce_lines(reducer: Reducer, lines: Sequence[Values], share: float) -> Values:
    """*reducer* over one or more columns of one length, place by place.

    NaN where less than *share* of them is known.
    """
    fold = _FOLDS.get(reducer)
    if fold is None:
        return reduce_rows(reducer, np.stack(lines), share)
    values, known = fold(lines)
    return np.where(enough_known(known, len(lines), share), values, np.nan)


def _sum(lines: Sequence[Values]) -> tuple[Values, Values]:
    known = np.full(len(lines[0]), float(len(lines)))
    total = np.zeros(len(lines[0]))
    for line in lines:
        missing = np.isnan(line)
        if missing.any():
            known -= missing
            line = np.where(missing, 0.0, line)
        total += line
    return total, known


def _average(lines: Sequence[Values]) -> tuple[Values, Values]:
    total, known = _sum(lines)
    return total / known, known


def _extreme(choose: np.ufunc) -> Fold:
    def fold(lines: Sequence[Values]) -> tuple[Values, Values]:
        known = np.full(len(lines[0]), float(len(lines)))
        best = lines[0].copy()
        for line in lines:
            missing = np.isnan(line)
            if missing.any():
                known -= missing
            choose(best, line, out=best)
        return best, known

    return fold


_FOLDS: Mapping[Reducer, Fold] = MappingProxyType(
    {
        AGGREGATIONS["sum"]: _sum,
        AGGREGATIONS["average"]: _average,
        AGGREGATIONS["min"]: _extreme(np.fmin),
        AGGREGATIONS["max"]: _extreme(np.fmax),
    }
)
"""For which aggregations there is a way without a matrix."""
