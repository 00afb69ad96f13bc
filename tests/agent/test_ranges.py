"""Ranges hold what a set would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saltern_agent.ranges import Ranges


def test_numbers_that_follow_one_another_are_one_range() -> None:
    ranges = Ranges()
    assert [ranges.add(number) for number in (5, 7, 6, 6, 1)] == [True, True, True, False, True]
    assert ranges.spans == [(1, 1), (5, 7)]
    ranges.remove(6, 6)
    assert ranges.spans == [(1, 1), (5, 5), (7, 7)]
    ranges.remove(2, 9)
    assert ranges.spans == [(1, 1)]


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 25), st.integers(0, 6)), max_size=60))
def test_they_are_a_set(steps: list[tuple[bool, int, int]]) -> None:
    ranges, model = Ranges(), set[int]()
    for adds, number, more in steps:
        if adds:
            assert ranges.add(number) == (number not in model)
            model.add(number)
        else:
            ranges.remove(number, number + more)
            model -= set(range(number, number + more + 1))
        held = [n for first, last in ranges.spans for n in range(first, last + 1)]
        assert held == sorted(model)
        assert all(one[1] + 1 < other[0] for one, other in zip(ranges.spans, ranges.spans[1:], strict=False))
        assert all((n in ranges) == (n in model) for n in range(-5, 35))
