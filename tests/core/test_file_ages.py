"""How old files are when the clock that dated them was set."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.file_ages import ages_of


@pytest.mark.parametrize(
    ("modified", "ages"),
    [
        ([], []),
        ([5.0], [0]),
        ([5.0, 7.0, 10.0], [5, 3, 0]),
        ([5.0, 1e9, 1e9 + 3], [13, 3, 0]),  # set ahead in between
        ([1e9, 5.0, 8.0], [3, 3, 0]),  # set back
    ],
)
def test_ages(modified: list[float], ages: list[float]) -> None:
    assert ages_of(modified, 10) == ages


@given(st.lists(st.floats(0, 1e10), max_size=20), st.floats(0, 1e6))
def test_earlier_ones_are_older_by_no_more_than_is_counted(modified: list[float], most: float) -> None:
    ages = ages_of(modified, most)
    assert len(ages) == len(modified)
    assert ages[-1:] in ([], [0])
    assert all(0 <= one - other <= most * 1.000001 for one, other in pairwise(ages))
