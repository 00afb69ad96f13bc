"""Many numbers into one: the aggregations, over whole matrices at a time.

Every :data:`Reducer` takes a matrix whose **rows** are combined (axis 0) and answers one number per column.
NaN stands for "no value"; a column without any is NaN, except where noted. Sums run row by row, in the order
in which the numbers are given, as a plain loop would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from saltern.errors import FunctionError
from saltern_graphite.series.series import Series, Values

Matrix = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int64]
Reducer = Callable[[Matrix], Values]


def known_counts(matrix: Matrix) -> Values:
    """How many values of each column are known; 0, not NaN, for none."""
    known: Values = np.count_nonzero(~np.isnan(matrix), axis=0).astype(np.float64)
    return known


def _down(operation: np.ufunc, matrix: Matrix) -> Values:
    """*operation* over each column, row by row."""
    result: Values = operation.reduce(matrix, axis=0)
    return result


def _sum(matrix: Matrix) -> Values:
    plain = _down(np.add, matrix)
    if not np.isnan(plain).any():  # the usual case: nothing is missing
        return plain
    missing = np.isnan(matrix)
    total = _down(np.add, np.where(missing, 0.0, matrix))
    return np.where(missing.all(axis=0), np.nan, total)


def _average(matrix: Matrix) -> Values:
    plain = _down(np.add, matrix)
    if not np.isnan(plain).any():
        return plain / len(matrix)
    missing = np.isnan(matrix)
    mean: Values = _down(np.add, np.where(missing, 0.0, matrix)) / np.count_nonzero(~missing, axis=0)
    return mean


def _average_with_zeros(matrix: Matrix) -> Values:
    return _down(np.add, np.where(np.isnan(matrix), 0.0, matrix)) / len(matrix)


def _minimum(matrix: Matrix) -> Values:
    return _down(np.fmin, matrix)


def _maximum(matrix: Matrix) -> Values:
    return _down(np.fmax, matrix)


def _range(matrix: Matrix) -> Values:
    return _maximum(matrix) - _minimum(matrix)


def _pick(matrix: Matrix, rows: npt.NDArray[np.intp]) -> Values:
    return matrix[rows, np.arange(matrix.shape[1])]


def _first(matrix: Matrix) -> Values:
    return _pick(matrix, np.argmax(~np.isnan(matrix), axis=0))


def _last(matrix: Matrix) -> Values:
    return _pick(matrix, len(matrix) - 1 - np.argmax(~np.isnan(matrix[::-1]), axis=0))


def _difference(matrix: Matrix) -> Values:
    """The first known value minus all the others."""
    known = ~np.isnan(matrix)
    leading = np.argmax(known, axis=0)
    signed = np.where(known, -matrix, 0.0)
    columns = np.arange(matrix.shape[1])
    signed[leading, columns] = matrix[leading, columns]
    return _down(np.add, signed)


def _product(matrix: Matrix) -> Values:
    """Unknown as soon as one factor is: NaN spreads by itself."""
    return _down(np.multiply, matrix)


def _deviation(matrix: Matrix) -> Values:
    """The population's standard deviation."""
    missing = np.isnan(matrix)
    distance = np.where(missing, 0.0, matrix - _average(matrix))
    deviation: Values = np.sqrt(_down(np.add, distance * distance) / np.count_nonzero(~missing, axis=0))
    return deviation


def _median(matrix: Matrix) -> Values:
    """The middle value, or the mean of the two in the middle."""
    ordered = np.sort(matrix, axis=0)  # NaN goes last
    count = np.count_nonzero(~np.isnan(ordered), axis=0)
    low = _pick(ordered, np.maximum(count - 1, 0) // 2)
    high = _pick(ordered, np.minimum(count // 2, len(ordered) - 1))
    return np.where(count > 0, np.where(low == high, low, (low + high) / 2), np.nan)


def _absolute_maximum(matrix: Matrix) -> Values:
    """The value furthest from 0, its sign kept."""
    return _pick(matrix, np.argmax(np.where(np.isnan(matrix), -1.0, np.abs(matrix)), axis=0))


def _absolute_minimum(matrix: Matrix) -> Values:
    """The value nearest to 0, its sign kept."""
    return _pick(matrix, np.argmin(np.where(np.isnan(matrix), np.inf, np.abs(matrix)), axis=0))


AGGREGATIONS: Mapping[str, Reducer] = MappingProxyType(
    {
        "average": _average,
        "avg": _average,
        "avg_zero": _average_with_zeros,
        "median": _median,
        "sum": _sum,
        "total": _sum,
        "min": _minimum,
        "max": _maximum,
        "diff": _difference,
        "stddev": _deviation,
        "count": known_counts,
        "range": _range,
        "rangeOf": _range,
        "multiply": _product,
        "last": _last,
        "current": _last,
    }
)
"""What ``aggregate``, ``summarize``, ``sortBy`` … take as *func*; each also with the suffix ``Series``."""

CONSOLIDATIONS: Mapping[str, Reducer] = MappingProxyType(
    {
        "average": _average,
        "avg": _average,
        "avg_zero": _average_with_zeros,
        "sum": _sum,
        "min": _minimum,
        "max": _maximum,
        "first": _first,
        "last": _last,
        "absmax": _absolute_maximum,
        "absmin": _absolute_minimum,
    }
)
"""How a grid is coarsened: ``consolidateBy``, and the aggregation methods of a Whisper file."""


def aggregation(name: str) -> Reducer:
    """The aggregation called *name*, its old form ``…Series`` included; ``FunctionError`` if there is none."""
    reducer = AGGREGATIONS.get(name.removesuffix("Series"))
    if reducer is None:
        raise FunctionError(f"unknown aggregation {name!r}: use one of {', '.join(AGGREGATIONS)}")
    return reducer


def consolidation(name: str) -> Reducer:
    """The consolidation called *name*; ``FunctionError`` if there is none."""
    reducer = CONSOLIDATIONS.get(name)
    if reducer is None:
        raise FunctionError(f"unknown consolidation {name!r}: use one of {', '.join(CONSOLIDATIONS)}")
    return reducer


def reduce_all(reducer: Reducer, values: Values) -> float:
    """*reducer* over all of *values*; NaN when there are none at all."""
    if not len(values):
        return float("nan")
    # two equal columns, since numpy adds up a single one in another order than row by row
    return float(reducer(np.stack((values, values), axis=1))[0])


def enough_known(known: Values, total: float, share: float) -> npt.NDArray[np.bool_]:
    """Graphite's xFilesFactor test: at least one value known, and at least *share* of *total*."""
    return (known > 0) & (known / total >= share)


def reduce_rows(reducer: Reducer, matrix: Matrix, share: float, total: float | None = None) -> Values:
    """*reducer* down each column; NaN where less than *share* of *total* (default: the rows) is known."""
    total = len(matrix) if total is None else total
    missing = np.isnan(matrix)
    if len(matrix) and len(matrix) / total >= share and not missing.any():
        return reducer(matrix)
    known = len(matrix) - np.count_nonzero(missing, axis=0).astype(np.float64)
    return np.where(enough_known(known, total, share), reducer(matrix), np.nan)


def reduce_groups(reducer: Reducer, values: Values, width: int, share: float) -> Values:
    """*reducer* over consecutive groups of *width* values; the last may be short, and is judged as if full."""
    whole = len(values) // width * width
    # A copy, not a view: sums over a view would not run in the order of the values.
    parts = [reduce_rows(reducer, np.ascontiguousarray(values[:whole].reshape(-1, width).T), share)] if whole else []
    if whole < len(values):
        parts.append(reduce_rows(reducer, values[whole:].reshape(-1, 1), share, width))
    return np.concatenate(parts) if parts else np.empty(0)


def coarsened(series: Series, width: int, *, skipped: int = 0, start: int | None = None) -> Series:
    """*series* with each *width* values made one by its own consolidation and share of known values.

    Without its first *skipped* values, and from *start* (epoch seconds) on, if that is given. Groups are not aligned.
    """
    if width == 1 and not skipped:
        return series
    reducer = consolidation(series.consolidation)
    with np.errstate(all="ignore"):
        values = reduce_groups(reducer, series.values[skipped:], width, series.x_files_factor)
    return series.derived(series.name, values, start=start, step=series.step * width, path=series.path)


def percentiles(matrix: Matrix, n: float, *, interpolate: bool = False) -> Values:
    """The *n*-th percentile (0 < n <= 100) of each column's known values, as Graphite ranks them.

    The rank is ``n / 100 * (count + 1)``, rounded up, or interpolated between its neighbours.
    """
    ordered = np.sort(matrix, axis=0)
    count = np.count_nonzero(~np.isnan(ordered), axis=0)
    exact = n / 100 * (count + 1)
    rank = np.floor(exact) if interpolate else np.ceil(exact)
    last = np.maximum(count - 1, 0)
    low = _pick(ordered, np.clip(rank - 1, 0, last).astype(np.intp))
    if interpolate:
        high = _pick(ordered, np.clip(rank, 0, last).astype(np.intp))
        low = low + np.where(high == low, 0.0, (exact - rank) * (high - low))
    return np.where(count > 0, low, np.nan)


def percentile_of(values: Values, n: float) -> float:
    """The *n*-th percentile of all of *values*; NaN when none is known."""
    return float(percentiles(values.reshape(-1, 1), n)[0]) if len(values) else float("nan")
