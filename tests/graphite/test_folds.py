"""Aggregations over many columns, column by column: to the bit what a matrix of them gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.series.aggregation import AGGREGATIONS, reduce_rows
from saltern_graphite.series.incremental import reduce_lines
from saltern_graphite.series.series import Values

LENGTH = 5  # one place alone would be summed in another order by the matrix

numbers = st.floats(width=32) | st.just(math.nan) | st.sampled_from([math.inf, -math.inf, -0.0, 1e308, 0.1])
columns = st.lists(st.lists(numbers, min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=12)


def same_bits(one: Values, other: Values) -> bool:
    """Whether both are the same numbers, -0.0 told from 0.0; any NaN is the same as any other."""
    known = ~np.isnan(one)
    return bool(
        np.array_equal(one, other, equal_nan=True) and (np.signbit(one[known]) == np.signbit(other[known])).all()
    )


@settings(max_examples=200, deadline=None)
@given(columns, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_the_same_as_a_matrix(rows: list[list[float]], share: float) -> None:
    lines = [np.array(row) for row in rows]
    with np.errstate(all="ignore"):
        for name, reducer in AGGREGATIONS.items():
            made = reduce_lines(reducer, lines, share)
            wanted = reduce_rows(reducer, np.stack(lines), share)
            assert same_bits(made, wanted), name


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_the_columns_stay_as_they_are(name: str) -> None:
    """Series are immutable: a column may be part of several answers."""
    lines = [np.array([1.0, math.nan]), np.array([3.0, 2.0])]
    with np.errstate(all="ignore"):
        reduce_lines(AGGREGATIONS[name], lines, 0.0)
    assert same_bits(lines[0], np.array([1.0, math.nan]))
    assert same_bits(lines[1], np.array([3.0, 2.0]))


@pytest.mark.parametrize("name", sorted(AGGREGATIONS))
def test_one_column_is_never_answered_with_itself(name: str) -> None:
    line = np.array([1.0, math.nan, 3.0])
    with np.errstate(all="ignore"):
        made = reduce_lines(AGGREGATIONS[name], [line], 0.0)
    assert not np.shares_memory(made, line)


def test_no_places() -> None:
    assert len(reduce_lines(AGGREGATIONS["sum"], [np.empty(0), np.empty(0)], 0.0)) == 0
    assert len(reduce_lines(AGGREGATIONS["median"], [np.empty(0), np.empty(0)], 0.0)) == 0
