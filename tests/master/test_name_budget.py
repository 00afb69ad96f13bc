"""How many metric names a minion may make."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.shipping import name_budget
from saltern_master.shipping.name_budget import PERIOD_S, NameBudget

NOW = 1_800_000_000.0 // PERIOD_S * PERIOD_S + 1000


def values(prefix: str, leaves: Iterable[object]) -> dict[str, float]:
    return {f"{prefix}.{leaf}": 1.0 for leaf in leaves}


def admit(budget: NameBudget, minion: str, leaves: Iterable[object], now: float = NOW, fun: str = "m") -> list[str]:
    """Return the leaves that are refused."""
    prefix = f"p.{minion}.{fun}"
    return [name.removeprefix(f"{prefix}.") for name in budget.admit(minion, prefix, values(prefix, leaves), now)]


def test_what_is_over_is_refused_and_what_is_known_stays_welcome() -> None:
    budget = NameBudget(3)
    assert admit(budget, "web", "ab") == []
    assert admit(budget, "web", "abcde") == ["d", "e"]
    assert admit(budget, "web", "abcde") == ["d", "e"]
    assert admit(budget, "web", "cba") == []
    assert budget.count("web") == 3


def test_one_that_is_over_takes_nothing_from_others() -> None:
    budget = NameBudget(3)
    assert len(admit(budget, "evil", range(1000))) == 997
    assert admit(budget, "web", "abc") == []
    assert (budget.count("evil"), budget.count("web"), budget.count("nobody")) == (3, 3, 0)


def test_the_functions_of_a_minion_share_its_budget() -> None:
    budget = NameBudget(3)
    assert [admit(budget, "web", "ab", fun=f"f{n}") for n in range(3)] == [[], ["b"], ["a", "b"]]


def test_zero_is_no_bound() -> None:
    budget = NameBudget(0)
    assert admit(budget, "web", range(100_000)) == []
    assert budget.refused("web", "p.web.m", values("p.web.m", "a")) == ()


def test_a_name_that_a_day_did_not_see_is_free_again() -> None:
    budget = NameBudget(2)
    assert admit(budget, "web", "ab") == []
    assert admit(budget, "web", "b", NOW + PERIOD_S) == []
    assert admit(budget, "web", "abc", NOW + PERIOD_S) == ["c"]
    assert admit(budget, "web", "ab", NOW + PERIOD_S) == []
    assert admit(budget, "web", "a", NOW + 2 * PERIOD_S) == []
    assert admit(budget, "web", "ac", NOW + 3 * PERIOD_S) == []
    assert admit(budget, "web", "xy", NOW + 9 * PERIOD_S) == []


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    budget = NameBudget(2)
    assert admit(budget, "web", "ab", NOW + 9 * PERIOD_S) == []
    assert admit(budget, "web", "abc", NOW) == ["c"]


def test_asking_changes_nothing() -> None:
    budget = NameBudget(2)
    given = values("p.web.m", "abc")
    assert budget.refused("web", "p.web.m", given) == ()  # nothing is known of it
    admit(budget, "web", "a")
    assert budget.refused("web", "p.web.m", given) == ["p.web.m.c"]
    assert budget.count("web") == 1


def test_minions_that_are_gone_are_forgotten() -> None:
    budget = NameBudget(2)
    admit(budget, "gone", "ab")
    admit(budget, "web", "ab", NOW + 2 * PERIOD_S)
    assert (budget.count("gone"), budget.count("web")) == (0, 2)


def test_what_is_shared_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_budget, "MAX_SHARED", 10)
    monkeypatch.setattr(name_budget, "MAX_SHARED_NAMES", 5)
    budget = NameBudget(1000)
    for number in range(100):
        admit(budget, f"web{number}", [f"x{number}"])
        admit(budget, f"db{number}", range(10))
    assert 0 < len(budget._shared) <= 10
    assert all(len(numbers) <= 5 for numbers in budget._shared.values())


def test_minions_of_a_kind_share_what_is_remembered() -> None:
    def bytes_a_minion(fleet: list[list[str]]) -> float:
        budget = NameBudget(20_000)
        tracemalloc.start()
        for number, leaves in enumerate(fleet):
            admit(budget, f"web{number}", leaves)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return used / len(fleet)

    leaves = [f"cpu.core{number}" for number in range(165)]
    assert bytes_a_minion([leaves] * 500) < 1000
    assert bytes_a_minion([[*leaves, f"veth{number}"] for number in range(500)]) < 3000


class Naive:
    """The same by plain sets of names and the period in which each was last seen."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen: dict[str, int] = {}

    def admit(self, names: Iterable[str], period: int) -> list[str]:
        self.seen = {name: last for name, last in self.seen.items() if last >= period - 1}
        refused = []
        for name in names:
            if name in self.seen or len(self.seen) < self.most:
                self.seen[name] = period
            else:
                refused.append(name)
        return refused


@given(
    st.integers(1, 12),
    st.lists(
        st.tuples(st.sampled_from("fg"), st.lists(st.integers(0, 15), unique=True, max_size=12), st.integers(0, 2)),
        max_size=12,
    ),
)
def test_it_is_as_plain_sets_would_have_it(most: int, returns: list[tuple[str, list[int], int]]) -> None:
    budget, naive, period = NameBudget(most), Naive(most), 0
    for fun, leaves, later in returns:
        period += later
        refused = admit(budget, "web", leaves, NOW + period * PERIOD_S, fun)
        assert refused == [name[1:] for name in naive.admit([f"{fun}{leaf}" for leaf in leaves], period)]
    assert budget.count("web") <= most
