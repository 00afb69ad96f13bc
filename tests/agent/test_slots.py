"""Slots: none skipped, none twice, a fleet spread out, whatever the clock does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from saltern_agent.slots import STEP_BACK_S, Slots, stable_hash

START = 1_700_000_000.0


def test_the_hash_is_the_same_for_ever() -> None:
    assert stable_hash("") == 0xE3B0C44298FC1C14  # SHA-256 of nothing


def test_a_fleet_is_spread_over_the_interval() -> None:
    phases = sorted(Slots(f"host{n:04d}/stats", 15).phase_s for n in range(1000))
    assert all(0 <= phase < 15 for phase in phases)
    tenths = [sum(1 for phase in phases if int(phase / 1.5) == tenth) for tenth in range(10)]
    assert min(tenths) > 60


def test_fires_at_slot_plus_phase() -> None:
    slots = Slots("host01/stats", 15)
    slot = math.floor(START / 15)
    assert slots.due(slot * 15 + slots.phase_s + 0.001) == slot
    assert slots.wait_s(slot * 15 + slots.phase_s + 1) == 14
    assert slots.epoch_s(slot) == slot * 15
    assert isinstance(slots.epoch_s(slot), int)


def test_the_current_slot_is_not_run_again_at_its_phase() -> None:
    slots = Slots("host01/stats", 15)
    begin = math.floor(START / 15) * 15.0
    slot = slots.current(begin + 0.01)
    assert slot == begin / 15
    assert slots.due(begin + slots.phase_s + 0.001) is None
    assert slots.wait_s(begin + 0.01) > 15 - 0.01
    assert slots.due(begin + 15 + slots.phase_s + 0.001) == slot + 1


def test_jids_are_the_same_for_the_same_slot_and_differ_otherwise() -> None:
    one, other = Slots("host01/stats", 15), Slots("host01/other", 15)
    assert one.jid_epoch_s(7) == Slots("host01/stats", 15).jid_epoch_s(7)
    assert one.jid_epoch_s(7) != other.jid_epoch_s(7)
    assert 0 <= one.jid_epoch_s(7) - 105 < 1


def test_a_clock_that_is_set_far_back_does_not_silence_the_host() -> None:
    slots = Slots("host01/stats", 15)
    assert slots.due(START + 10 * 365 * 86400) is not None
    assert slots.wait_s(START) == 0
    assert slots.due(START) is not None
    assert slots.due(START + 1) in (None, math.floor(START / 15) + 1)


@pytest.mark.parametrize("interval_s", [0.5, 1, 5, 15, 60])
def test_a_clock_that_is_set_back_a_little_runs_no_slot_twice_however_short_the_interval(interval_s: float) -> None:
    slots = Slots("host01/stats", interval_s)
    last = slots.due(START)
    for back_s in (0.1, 3, 20, STEP_BACK_S - 0.1):
        assert slots.due(START - back_s) is None
        assert slots.wait_s(START - back_s) <= back_s + interval_s
    assert slots.last == last


@given(interval_s=st.sampled_from([0.5, 1, 7, 10, 15, 20, 30, 40, 45, 60]), key=st.text(), late=st.floats(0.001, 0.999))
def test_no_slot_is_run_twice_wherever_in_it_the_clock_is_set_back(interval_s: float, key: str, late: float) -> None:
    slots = Slots(key, interval_s)
    now = math.floor(START / interval_s) * interval_s + slots.phase_s + late * interval_s
    ran = {slots.due(now + place * interval_s) for place in range(100)}
    now += 99 * interval_s
    for back_s in range(int(STEP_BACK_S) - 1, 0, -1):
        assert slots.due(now - back_s) is None
    assert slots.due(now + interval_s) not in ran


@pytest.mark.parametrize("interval_s", [0.5, 1, 5, 15, 60])
def test_a_clock_that_is_set_back_an_hour_is_waited_for_by_nothing(interval_s: float) -> None:
    slots = Slots("host01/stats", interval_s)
    slots.due(START)
    assert slots.wait_s(START - 3600) == 0
    assert slots.due(START - 3600) is not None
    assert slots.wait_s(START - 3600) <= interval_s


def test_a_job_of_an_hour_or_a_day_is_not_run_for_the_slot_before_again_by_a_clock_set_back_an_hour() -> None:
    for interval_s in (3600, 86400):
        slots = Slots("host01/stats", interval_s)
        due_at = math.floor(START / interval_s) * interval_s + slots.phase_s + 60
        assert slots.due(due_at) is not None
        assert slots.due(due_at - 3600) is None
        assert slots.wait_s(due_at - 3600) <= 3600 + interval_s


@given(interval=st.sampled_from([0.5, 1, 15, 60, 3600]), key=st.text(), start=st.floats(0, 4e9))
def test_waiting_for_the_time_it_says_hits_every_slot(interval: float, key: str, start: float) -> None:
    slots = Slots(key, interval)
    now, seen = start, []
    first = slots.current(now)
    assert first is not None
    seen.append(first)
    while len(seen) < 10:
        wait = slots.wait_s(now)
        assert 0 <= wait <= 2 * interval + 1e-3
        now += wait + 1e-4
        slot = slots.due(now)
        assert slot is not None
        seen.append(slot)
    assert seen == list(range(seen[0], seen[0] + 10))


class ClockMachine(RuleBasedStateMachine):
    """A clock that runs, stops, is slewed and stepped."""

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots("host01/stats", 15)
        self.now = START
        self.runs: list[int] = []
        self.set_back = False

    def look(self) -> None:
        before = self.slots.last
        slot = self.slots.due(self.now)
        if slot is not None:
            if before is not None and slot < before:
                self.runs.clear()  # the clock was set: its new time counts
                assert (before - slot) * self.slots.interval_s >= STEP_BACK_S
            self.runs.append(slot)

    @rule(seconds=st.floats(0, 30))
    def runs_on(self, seconds: float) -> None:
        wait = self.slots.wait_s(self.now)
        if seconds >= wait:
            self.now += wait
            self.look()
            self.now += seconds - wait
        else:
            self.now += seconds

    @rule(seconds=st.floats(-10, 10))
    def is_slewed(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    @rule(seconds=st.sampled_from([-86400.0, -3600.0, -60.0, 60.0, 3600.0, 86400.0]))
    def is_stepped(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    @invariant()
    def no_slot_twice(self) -> None:
        assert len(self.runs) == len(set(self.runs))
        assert self.runs == sorted(self.runs)

    @invariant()
    def never_in_the_future(self) -> None:
        if self.runs:
            assert self.slots.wait_s(self.now) <= STEP_BACK_S + self.slots.interval_s


ClockMachine.TestCase.settings = settings(max_examples=80, deadline=None)
TestClockMachine = ClockMachine.TestCase
