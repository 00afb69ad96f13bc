"""Aggregations over matrices, held against plain loops over lists."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.functions.arithmetic import round_decimal
from saltern_graphite.functions.moving import moving
from saltern_graphite.functions.transform import increments
from saltern_graphite.series.aggregation import (
    AGGREGATIONS,
    CONSOLIDATIONS,
    aggregation,
    consolidation,
    percentile_of,
    percentiles,
    reduce_all,
    reduce_groups,
)

numbers = st.integers(-50, 50).map(lambda tenths: tenths / 4) | st.just(math.nan)
columns = st.lists(numbers, max_size=40)

Loop = Callable[[list[float], list[float]], float]
"""Takes the known values, and all of them."""

LOOPS: dict[str, Loop] = {
    "average": lambda known, _: sum(known) / len(known),
    "avg_zero": lambda known, every: sum(known) / len(every),
    "median": lambda known, _: statistics.median(known),
    "sum": lambda known, _: sum(known),
    "min": lambda known, _: min(known),
    "max": lambda known, _: max(known),
    "diff": lambda known, _: known[0] - sum(known[1:]),
    "stddev": lambda known, _: statistics.pstdev(known),
    "count": lambda known, _: len(known),
    "range": lambda known, _: max(known) - min(known),
    "multiply": lambda known, every: math.prod(known) if len(known) == len(every) else math.nan,
    "first": lambda known, _: known[0],
    "last": lambda known, _: known[-1],
    "absmax": lambda known, _: max(known, key=abs),
    "absmin": lambda known, _: min(known, key=abs),
}
LOOPS |= {"avg": LOOPS["average"], "total": LOOPS["sum"], "current": LOOPS["last"], "rangeOf": LOOPS["range"]}


def naive(name: str, every: list[float], total: float, share: float) -> float:
    known = [value for value in every if not math.isnan(value)]
    if not known or len(known) / total < share:
        return math.nan
    return LOOPS[name](known, every)


def same(left: list[float], right: list[float]) -> bool:
    return np.allclose(left, right, rtol=1e-9, atol=1e-9, equal_nan=True) and len(left) == len(right)


@pytest.mark.parametrize("name", sorted({*AGGREGATIONS, *CONSOLIDATIONS}))
@given(columns, st.integers(1, 12), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_groups_equal_a_plain_loop(name: str, column: list[float], width: int, share: float) -> None:
    reducer = AGGREGATIONS.get(name) or CONSOLIDATIONS[name]
    expected = [naive(name, column[place : place + width], width, share) for place in range(0, len(column), width)]
    with np.errstate(all="ignore"):
        found = reduce_groups(reducer, np.array(column, dtype=np.float64), width, share)
    assert same(found.tolist(), expected)


@pytest.mark.parametrize("func", ["average", "sum", "min", "max", "median", "stddev", "last", "count"])
@given(columns, st.integers(1, 12), st.sampled_from([0.0, 0.5, 1.0]))
def test_moving_windows_equal_a_plain_loop(func: str, column: list[float], width: int, share: float) -> None:
    expected = [naive(func, column[place : place + width], width, share) for place in range(len(column) - width + 1)]
    with np.errstate(all="ignore"):
        assert same(moving(np.array(column), width, func, share).tolist(), expected)


def naive_percentile(values: list[float], n: float, interpolate: bool) -> float:
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return math.nan
    exact = n / 100 * (len(ordered) + 1)
    rank = math.floor(exact) if interpolate else math.ceil(exact)
    low = ordered[min(max(rank - 1, 0), len(ordered) - 1)]
    if not interpolate:
        return low
    high = ordered[min(rank, len(ordered) - 1)]
    return low + (exact - rank) * (high - low)


@given(columns.filter(bool), st.sampled_from([1, 10, 50, 95, 99.9, 100]), st.booleans())
def test_percentiles_equal_a_plain_loop(column: list[float], n: float, interpolate: bool) -> None:
    found = percentiles(np.array(column).reshape(-1, 1), n, interpolate=interpolate)
    assert same(found.tolist(), [naive_percentile(column, n, interpolate)])


def test_nothing_known() -> None:
    assert math.isnan(percentile_of(np.empty(0), 50))
    assert math.isnan(reduce_all(aggregation("sum"), np.empty(0)))
    assert reduce_groups(consolidation("sum"), np.empty(0), 3, 0.0).tolist() == []


def test_names_are_checked() -> None:
    assert aggregation("sumSeries") is aggregation("sum")
    with pytest.raises(FunctionError, match="unknown aggregation 'mode': use one of average"):
        aggregation("mode")
    with pytest.raises(FunctionError, match="unknown consolidation"):
        consolidation("median")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.integers(-3, 6))
def test_rounding_equals_that_of_decimals(values: list[float], digits: int) -> None:
    assert same(round_decimal(np.array(values), digits).tolist(), [round(value, digits) for value in values])


def test_rounding_does_not_multiply_first() -> None:
    with np.errstate(all="ignore"):
        rounded = round_decimal(np.array([2.675, 1.005, math.inf, math.nan]), 2)
    assert rounded[:3].tolist() == [2.67, 1.0, math.inf]
    assert math.isnan(rounded[3])


@pytest.mark.parametrize(
    ("highest", "lowest", "expected"),
    [
        (None, None, [None, 5, None, None, None, 2]),
        (20, None, [None, 5, 9, None, None, 2]),
        (None, 1, [None, 5, 2, None, None, 2]),
        (12, None, [None, None, None, None, None, 2]),
    ],
)
def test_increments_of_a_counter(highest: float | None, lowest: float | None, expected: list[float | None]) -> None:
    counter = np.array([10, 15, 3, math.nan, 4, 6])
    found = increments(counter, highest, lowest)
    assert same(found.tolist(), [math.nan if value is None else value for value in expected])
