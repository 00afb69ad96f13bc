"""The account of one schedule: every slot is one of a few things, whatever the order in which it is heard of."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.account import slot_states as module
from saltern_master.account.slot_states import SlotStates, State
from saltern_master.account.tally import AHEAD_S, DUE_INTERVALS, MAX_AGE_S, Tally

T0 = 1_800_000_000  # a multiple of 15
SUM = ("received", "missing", "lost", "dropped", "skipped", "failed")


def numbers(tally: Tally, now: float) -> dict[str, float]:
    found = tally.numbers(now)
    assert found["expected"] == sum(found[name] for name in SUM)
    return found


def ran(tally: Tally, *slots: int, seconds: int = 15, failed: bool = False) -> None:
    for slot in slots:
        tally.ran(T0 + slot * seconds, T0 + slot * seconds + 1, failed=failed)


def test_a_perfect_hour() -> None:
    tally = Tally.begun(15, T0 - 3)
    ran(tally, *range(240))
    assert numbers(tally, T0 + 3600 + 15) == {
        "expected": 240,
        "received": 240,
        "missing": 0,
        "late": 0,
        "dropped": 0,
        "skipped": 0,
        "failed": 0,
        "lost": 0,
        "completeness": 100.0,
    }


def test_an_outage_is_missing_then_late() -> None:
    tally = Tally.begun(15, T0)
    ran(tally, 0)
    found = numbers(tally, T0 + 600)
    assert (found["expected"], found["received"], found["missing"]) == (39, 1, 38)
    assert found["completeness"] == pytest.approx(100 / 39)
    for slot in range(1, 40):
        tally.ran(T0 + slot * 15, T0 + 600, failed=False)
    found = numbers(tally, T0 + 600)
    assert (found["missing"], found["late"], found["completeness"]) == (0, 37, 100.0)


def test_a_new_schedule_misses_nothing_before_its_first_slot() -> None:
    tally = Tally.begun(15, T0 + 5)
    assert numbers(tally, T0 + 44)["expected"] == 0
    assert numbers(tally, T0 + 45)["missing"] == 1
    ran(tally, 0)  # it ran at once all the same
    assert numbers(tally, T0 + 45) == {**numbers(tally, T0 + 45), "expected": 2, "received": 1, "missing": 1}


def test_each_fate_is_counted_and_what_comes_all_the_same_is_received() -> None:
    tally = Tally.begun(15, T0)
    ran(tally, 0, 1, 2, 3)
    ran(tally, 4, 5, failed=True)
    tally.absent("skipped", [(T0 + 6 * 15, T0 + 8 * 15)], T0 + 150)
    tally.absent("dropped", [(T0 + 7 * 15, T0 + 10 * 15)], T0 + 150)
    tally.lost(T0 + 15, State.LOST_OVER_BOUND)
    tally.lost(T0 + 30, State.LOST_REFUSED)
    found = numbers(tally, T0 + 15 * 13)
    assert [found[name] for name in SUM] == [2, 1, 2, 2, 3, 2]
    assert (found["lost_over_bound"], found["lost_refused"], "lost_damaged" in found) == (1, 1, False)
    ran(tally, 1, 4, 7, 10)
    ran(tally, 4, failed=True)  # its twin that failed
    tally.absent("dropped", [(T0, T0 + 10 * 15)], T0 + 150)  # what its agent thought was dropped had come
    assert [numbers(tally, T0 + 15 * 13)[name] for name in SUM] == [6, 1, 1, 1, 2, 1]


@pytest.mark.parametrize(
    "slot",
    [None, "x", True, -1, 0, math.nan, math.inf, -math.inf, T0 + 7, T0 + 10 * 86400, T0 - MAX_AGE_S - 15, [T0], 2**63],
)
def test_a_slot_that_makes_no_sense_changes_nothing(slot: Any) -> None:
    tally = Tally.begun(15, T0)
    before = numbers(tally, T0 + 60)
    tally.ran(slot, T0, failed=False)
    tally.lost(slot, State.LOST_DAMAGED)
    tally.absent("skipped", [(slot, slot)], T0)
    assert numbers(tally, T0 + 60) == before


def test_an_agent_tells_only_of_slots_that_are_expected() -> None:
    tally = Tally.begun(15, T0)
    tally.absent("dropped", [(T0 - 86400, T0 + 15)], T0 + 30)
    assert numbers(tally, T0 + 60)["dropped"] == 2
    tally.absent("skipped", [(T0 - MAX_AGE_S * 2, T0 + 30)], T0 + 30)
    assert numbers(tally, T0 + 60)["skipped"] == 1
    assert numbers(tally, T0 + 60)["expected"] == 3


def test_a_fraction_of_a_second_is_an_interval() -> None:
    tally = Tally.begun(0.1, T0)
    for slot in range(100):
        tally.ran(round(T0 + slot * 0.1, 6), T0 + slot * 0.1 + 0.05, failed=False)
    found = numbers(tally, T0 + 10.1 + 0.05)
    assert (found["received"], found["missing"]) == (100, 0)


FATES = st.sampled_from(["ran", "failed", "skipped", "dropped", "lost"])


@given(st.lists(st.tuples(st.integers(0, 40), FATES), max_size=80), st.integers(0, 60))
def test_the_sum_holds_at_any_time(heard: list[tuple[int, str]], now_step: int) -> None:
    tally = Tally.begun(15, T0)
    model: dict[int, str] = {}
    for slot, fate in heard:
        at = T0 + slot * 15
        if fate in ("ran", "failed"):
            tally.ran(at, at + 1, failed=fate == "failed")
            model[slot] = fate if model.get(slot) != "ran" else "ran"
        elif fate == "lost":
            tally.lost(at, State.LOST_GONE)
            if model.get(slot) in ("ran", "failed"):
                model[slot] = "lost"
        else:
            tally.absent(fate, [(at, at)], at + 1)
            model.setdefault(slot, fate)
    now = T0 + now_step * 15
    found = numbers(tally, now)
    horizon = max(now_step - DUE_INTERVALS, min(now_step, max(model, default=-1)))
    fates = [model.get(slot, "missing") for slot in range(horizon + 1)]
    names = {"ran": "received"}
    for fate in ("ran", "failed", "skipped", "dropped", "lost", "missing"):
        assert found[names.get(fate, fate)] == fates.count(fate)
    window = [model.get(slot) for slot in range(max(0, now_step - DUE_INTERVALS - 239), now_step - DUE_INTERVALS + 1)]
    if window:
        assert found["completeness"] == pytest.approx(100 * window.count("ran") / len(window))


@given(st.lists(st.tuples(st.integers(0, 40), FATES), max_size=40))
def test_it_is_the_same_after_it_was_kept(heard: list[tuple[int, str]]) -> None:
    tally = Tally.begun(15, T0)
    for slot, fate in heard:
        ran(tally, slot, failed=fate == "failed")
    again = Tally.restored(tally.packed())
    assert again.packed() == tally.packed()
    assert numbers(again, T0 + 999) == numbers(tally, T0 + 999)


# clocks


def test_what_comes_from_the_future_is_not_waited_for() -> None:
    tally = Tally(1.0, T0)
    for slot in range(9):
        tally.ran(T0 + slot, T0 + 10, failed=False)
    tally.ran(T0 + 3609, T0 + 10, failed=False)
    assert numbers(tally, T0 + 10)["expected"] == 9
    assert numbers(tally, T0 + 20)["missing"] == 10
    near = T0 + 10 + int(AHEAD_S)
    tally.ran(near, T0 + 10, failed=False)  # a clock that is a minute ahead
    assert numbers(tally, T0 + 10)["expected"] == 11
    assert numbers(tally, near)["received"] == 10


@pytest.mark.parametrize("by", [3600, 100_000])
def test_the_masters_clock_is_set_forward(by: int) -> None:
    tally = Tally.begun(15, T0)
    ran(tally, *range(100))
    now = T0 + 100 * 15
    tally.stepped(now, now + by)
    assert numbers(tally, now + by)["missing"] == 0
    assert numbers(tally, now + by)["completeness"] == 100.0 if by < 3600 else True
    first = (now + by) // 15 + 1
    for slot in range(first, first + 10):
        tally.ran(slot * 15, slot * 15 + 1, failed=False)
    found = numbers(tally, (first + 11) * 15)
    assert (found["received"], found["missing"], found["completeness"]) == (110, 0, 100.0)
    assert numbers(tally, (first + 21) * 15)["missing"] == 10  # it is noticed when they don't come
    ran(tally, 101, 102)  # some came from within that time all the same
    assert numbers(tally, (first + 11) * 15)["received"] == 112


def test_the_masters_clock_is_set_back() -> None:
    tally = Tally.begun(15, T0)
    ran(tally, *range(300))
    now, back = T0 + 300 * 15, T0 + 60 * 15
    tally.stepped(now, back)
    found = numbers(tally, back)
    assert (found["received"], found["missing"], found["expected"]) == (300, 0, 300)
    for slot in range(61, 71):
        ran(tally, slot)
    found = numbers(tally, T0 + 72 * 15)
    assert (found["received"], found["missing"], found["completeness"]) == (310, 0, 100.0)
    found = numbers(tally, T0 + 82 * 15)  # what doesn't come now is missing, though that hour was seen once
    assert (found["received"], found["missing"]) == (310, 10)


def test_a_clock_that_goes_to_and_fro_leaves_the_sum_right() -> None:
    tally = Tally.begun(15, T0)
    now = T0
    for step in (3600, -3600, -7200, 86400, 15, -15, 40):
        for _ in range(30):
            tally.ran(now // 15 * 15, now + 1, failed=False)
            now += 15
        numbers(tally, now)
        tally.stepped(now, now + step)
        now += step
        assert numbers(tally, now)["missing"] <= 2


@pytest.mark.parametrize("by", [5, 15, 44])
def test_a_small_step_back_expects_no_slot_again(by: int) -> None:
    tally = Tally.begun(15, T0)
    ran(tally, *range(200))
    now = T0 + 200 * 15
    tally.stepped(now, now - by)
    ran(tally, *range(200, 210))  # agents run none of those again
    found = numbers(tally, T0 + 211 * 15)
    assert (found["expected"], found["missing"]) == (210, 0)


def test_spans_that_lie_over_one_another_are_looked_at_once() -> None:
    tally = Tally.begun(15, T0)
    ran(tally, *range(0, 2000, 2))
    looked = 0

    class Counting(SlotStates):
        __slots__ = ()

        def runs(self, first: int, last: int) -> Any:
            nonlocal looked
            for run in super().runs(first, last):
                looked += 1
                yield run

    counting = Counting()
    counting.starts, counting.states = tally.states.starts, tally.states.states
    tally.states = counting
    tally.absent("skipped", [(T0, T0 + 15 * 2000)] * 2000, T0 + 15 * 2000)
    assert looked <= 2 * 2002
    assert numbers(tally, T0 + 15 * 2003)["skipped"] == 1001


def test_what_was_before_an_interval_was_changed_is_no_slot() -> None:
    tally = Tally.begun(5, T0 + 1000, instead=True)
    tally.ran(T0, T0 + 1001, failed=False)
    tally.ran(T0 + 1005, T0 + 1006, failed=False)
    found = numbers(tally, T0 + 1020)
    assert (found["expected"], found["received"]) == (3, 1)
    assert Tally.restored(tally.packed()).floor == tally.floor


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_a_slot_that_two_hosts_ran_is_one(first: bool, second: bool) -> None:
    """As when a device is taken over: who has it now runs the slot again, and who had it tells what it left out."""
    tally = Tally.begun(15, T0)
    tally.ran(T0, T0 + 1, failed=first)
    tally.ran(T0, T0 + 14, failed=second)
    tally.absent("skipped", [(T0, T0)], T0 + 40)
    found = numbers(tally, T0 + 30)
    failed = int(first and second)
    assert (found["expected"], found["received"], found["failed"], found["late"]) == (1, 1 - failed, failed, 0)


def test_a_twin_of_what_is_settled_is_not_late_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RUNS", 10)
    tally = Tally.begun(15, T0)
    ran(tally, *range(0, 100, 2))
    late = tally.late
    for _ in range(3):
        tally.ran(T0, T0 + 5000, failed=False)
    assert tally.late == late


def test_what_was_dropped_while_the_clock_jumped_over_its_slot_counts() -> None:
    tally = Tally(1.0, T0)
    for slot in range(10):
        tally.ran(T0 + slot, T0 + slot + 0.5, failed=False)
    tally.stepped(T0 + 10, T0 + 3610)
    tally.stepped(T0 + 3620, T0 + 20)
    tally.absent("dropped", [(T0 + 10, T0 + 14)], T0 + 25)
    tally.absent("skipped", [(T0 + 15, T0 + 16)], T0 + 25)  # nothing was run there: it isn't expected
    numbers = tally.numbers(T0 + 21)
    assert numbers["dropped"] == 5
    assert numbers["skipped"] == 0
    assert numbers["expected"] == sum(
        numbers[name] for name in ("received", "missing", "lost", "dropped", "skipped", "failed")
    )


# at a glance


def test_the_newest_slot_is_the_last_that_was_received() -> None:
    tally = Tally.begun(15, T0)
    assert tally.newest() is None
    ran(tally, 0, 1)
    assert tally.newest() == T0 + 15
    ran(tally, 2, failed=True)
    assert tally.newest() == T0 + 15
    ran(tally, 5)
    assert tally.newest() == T0 + 5 * 15
    tally.lost(T0 + 5 * 15, State.LOST_GONE)
    assert tally.newest() == T0 + 15


@given(
    got=st.lists(st.integers(0, 500), max_size=30),
    failed=st.lists(st.integers(0, 500), max_size=10),
    now=st.integers(0, 520),
)
def test_the_last_hour_is_what_its_runs_say(got: list[int], failed: list[int], now: int) -> None:
    tally = Tally.begun(15, T0)
    ran(tally, *got)
    ran(tally, *failed, failed=True)
    tally.stepped(T0 + 100 * 15, T0 + 110 * 15)
    due = T0 // 15 + now - DUE_INTERVALS
    first = max(due - 239, tally.first)
    runs = list(tally.states.runs(first, due))
    received = sum(end - start + 1 for start, end, state in runs if state is State.RECEIVED)
    expected = sum(end - start + 1 for start, end, state in runs if state is not State.NOT_DUE)
    assert tally.last_hour(T0 + now * 15) == (received, expected)
