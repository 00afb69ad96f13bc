"""Stretches of a column, held against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.series.aggregation import AGGREGATIONS, CONSOLIDATIONS, reduce_all
from saltern_graphite.series.spans import Spans

REDUCERS = {**AGGREGATIONS, **CONSOLIDATIONS}

numbers = st.integers(-50, 50).map(lambda tenths: tenths / 4) | st.just(math.nan)
columns = st.lists(numbers, max_size=40)
places = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=10)
shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@settings(max_examples=200, deadline=None)
@given(columns, places, st.integers(1, 12), shares, st.sampled_from(sorted(REDUCERS)))
def test_each_span_by_itself(
    values: list[float], at: list[tuple[int, int]], total: int, share: float, name: str
) -> None:
    bounds = [(min(start, len(values)), min(start + size, len(values))) for start, size in at]
    starts, stops = (np.array([bound[side] for bound in bounds], dtype=np.int64) for side in (0, 1))
    column = np.array(values)
    with np.errstate(all="ignore"):
        made = Spans(starts, stops).reduced(REDUCERS[name], column, total, share)
        for number, (start, stop) in zip(made.tolist(), bounds, strict=True):
            known = sum(not math.isnan(value) for value in values[start:stop])
            enough = known > 0 and known / total >= share
            wanted = reduce_all(REDUCERS[name], column[start:stop]) if enough else math.nan
            assert number == pytest.approx(wanted, nan_ok=True)


def test_shared_by_series() -> None:
    spans = Spans(np.array([0, 2, 4]), np.array([2, 4, 5]))
    clean, gappy = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, math.nan, math.nan, math.nan, 5.0])
    with np.errstate(all="ignore"):
        assert spans.reduced(AGGREGATIONS["sum"], clean, 2, 0.0).tolist() == [3.0, 7.0, 5.0]
        gaps = spans.reduced(AGGREGATIONS["sum"], gappy, 2, 0.0)
        half = spans.reduced(AGGREGATIONS["sum"], clean, 2, 1.0)
        again = spans.reduced(AGGREGATIONS["sum"], clean, 2, 0.0)
    assert gaps.tolist() == pytest.approx([1.0, math.nan, 5.0], nan_ok=True)
    assert half.tolist() == pytest.approx([3.0, 7.0, math.nan], nan_ok=True)  # a short one is judged as if full
    assert again.tolist() == [3.0, 7.0, 5.0]
