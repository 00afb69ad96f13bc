"""What is remembered for ``metrics.explain`` is bounded, and no minion pushes out what others have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from saltern_master.shipping.last_returns import SHARES, LastReturns

MAX_BYTES = 16_000
SHARE = MAX_BYTES // SHARES


def test_the_last_of_each_is_remembered() -> None:
    last = LastReturns(MAX_BYTES)
    last.put("web", "a.b", {"x": 1})
    last.put("web", "a.b", {"x": 2})
    last.put("web", "a.c", (1, 2.5))
    assert last.get("web", "a.b") == {"x": 2}
    assert last.get("web", "a.c") == [1, 2.5]
    assert last.get("db", "a.b") is None
    last.forget("web", "a.b")
    last.forget("web", "a.b")
    assert last.get("web", "a.b") is None


def test_one_that_is_too_large_is_not_kept_nor_is_the_one_before() -> None:
    last = LastReturns(MAX_BYTES)
    last.put("web", "a.b", "x")
    last.put("web", "a.b", "x" * SHARE)
    assert last.get("web", "a.b") is None
    last.put("web", "a.b", "y")
    assert last.get("web", "a.b") == "y"


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2 * SHARE)), max_size=200))
def test_a_loud_minion_pushes_out_its_own_alone(loud: list[tuple[int, int]]) -> None:
    last = LastReturns(MAX_BYTES)
    for number in range(30):
        last.put(f"quiet{number}", "stats.collect", "q" * 450)  # together nearly all there is
    for number, size in loud:
        last.put("loud", f"m.f{number}", "x" * size)
        if size < SHARE - 10:
            assert last.get("loud", f"m.f{number}") == "x" * size
    assert [last.get(f"quiet{number}", "stats.collect") for number in range(30)] == ["q" * 450] * 30


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(0, 1200)), max_size=150))
def test_all_of_it_is_bounded_and_what_is_there_is_the_last(puts: list[tuple[int, int, int]]) -> None:
    last = LastReturns(MAX_BYTES)
    model: dict[tuple[str, str], str] = {}
    for minion, fun, size in puts:
        key = f"m{minion}", f"f{fun}"
        model[key] = "x" * size
        last.put(*key, model[key])
        found = {one: value for one in model if (value := last.get(*one)) is not None}
        assert sum(len(value) for value in found.values()) <= MAX_BYTES
        assert all(model[one] == value for one, value in found.items())
        for name in {one for one, _ in found}:
            assert sum(len(value) for one, value in found.items() if one[0] == name) <= SHARE


def test_among_equals_the_least_recent_goes() -> None:
    last = LastReturns(MAX_BYTES)
    for number in range(40):
        last.put(f"m{number}", "f", "x" * 500)
    there = [number for number in range(40) if last.get(f"m{number}", "f")]
    assert there == list(range(40 - len(there), 40))
    assert len(there) > 25


def test_one_with_many_small_functions_stays_within_what_others_leave() -> None:
    last = LastReturns(MAX_BYTES)
    for number in range(33):
        last.put(f"quiet{number}", "f", "q" * 465)  # each a little less than an even share
    for number in range(50):
        last.put("loud", f"m.f{number}", "x" * 200)
    assert all(last.get(f"quiet{number}", "f") for number in range(33))
    assert last.get("loud", "m.f49") == "x" * 200
