"""Devices are told to the master in turn: never more than it may compile pillars for at once."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable

import pytest

from saltern_agent.devices.heap import MIN_CHANGES, OFTEN, YOUNG, Heap
from saltern_agent.devices.introductions import AGAIN_S, AT_A_TIME, Introductions
from saltern_agent.devices.openings import Openings
from saltern_agent.devices.rationed import PER_MINUTE, Rationed


class Timer:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when, self.call = when, call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Desk:
    """A connection and a clock by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = True
        self.begun: list[str] = []
        self.told: list[str] = []
        self.timers: list[Timer] = []
        self.introductions = Introductions(self.begun.append, self.tell, self.later, lambda: self.now)

    def tell(self, device: str) -> bool:
        if self.takes:
            self.told.append(device)
        return self.takes

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + delay_s, call))
        return self.timers[-1]

    def passes(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.when <= until]:
            timer = min(due, key=lambda one: one.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.call()
        self.now = until


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.introductions.opened([])
    return made


def names(count: int) -> list[str]:
    return [f"d{number}" for number in range(count)]


def test_so_many_wait_for_their_first_brief_and_no_more(desk: Desk) -> None:
    desk.introductions.add(names(200))
    assert desk.told == names(AT_A_TIME)
    for device in names(200):
        assert len(set(desk.told)) <= AT_A_TIME + int(device[1:])
        desk.introductions.briefed(device)
    assert desk.told == names(200)
    assert set(desk.begun) == set(names(200))


def test_one_that_got_no_brief_is_told_again(desk: Desk) -> None:
    desk.introductions.add(["a"])
    desk.passes(AGAIN_S - 1)
    assert desk.told == ["a"]
    desk.passes(2)
    assert desk.told == ["a", "a"]
    desk.introductions.briefed("a")
    desk.passes(10 * AGAIN_S)
    assert desk.told == ["a", "a"]


def test_what_the_connection_does_not_take_is_told_later(desk: Desk) -> None:
    desk.takes = False
    desk.introductions.add(names(3))
    desk.passes(1)
    assert desk.told == []
    desk.takes = True
    desk.passes(1)
    assert desk.told == names(3)


def test_on_a_new_connection_all_are_told_again_in_steps(desk: Desk) -> None:
    desk.introductions.add(names(500))
    for device in names(500):
        desk.introductions.briefed(device)
    desk.introductions.closed()
    desk.introductions.news("d1")
    desk.told.clear()
    desk.passes(100)
    assert desk.told == []
    desk.introductions.opened(names(500))
    assert 0 < len(desk.told) <= 100
    desk.passes(1)
    assert sorted(desk.told) == sorted(names(500))


def test_one_that_is_removed_is_told_no_more_and_makes_place(desk: Desk) -> None:
    desk.introductions.add(names(AT_A_TIME + 2))
    desk.introductions.remove("d0")
    assert desk.told[-1] == f"d{AT_A_TIME}"
    desk.introductions.retain(names(1))
    desk.introductions.news("d5")
    desk.passes(100)
    assert desk.told[-1] == f"d{AT_A_TIME}"


def test_devices_are_opened_in_line() -> None:
    openings = Openings(2)
    begun: list[int] = []

    def begin(number: int) -> Callable[[], bool]:
        return lambda: begun.append(number) is None and number != 1

    for number in range(6):
        openings.stand(begin(number))
    assert begun == [0, 1, 2], "the second had nothing to do"
    openings.done()
    assert begun == [0, 1, 2, 3]
    openings.done()
    openings.done()
    assert begun == [0, 1, 2, 3, 4, 5]


def test_lines_about_many_devices_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    timers: list[Callable[[], None]] = []
    rationed = Rationed(logging.getLogger("x"), lambda _, call: timers.append(call), "devices", lambda: now[0])
    for number in range(1000):
        rationed.log(logging.WARNING, f"d{number}: is down: 100%")
    assert len(caplog.messages) == PER_MINUTE
    assert len(timers) == 1
    timers[0]()
    assert caplog.messages[-1] == f"{1000 - PER_MINUTE} more devices"
    now[0] = 61.0
    rationed.log(logging.WARNING, "again")
    assert caplog.messages[-1] == "again"


def test_what_devices_are_made_of_is_looked_at_once_when_they_have_come() -> None:
    desk = Desk()
    heap = Heap(desk.later)
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        for _ in range(MIN_CHANGES - 1):
            heap.changed()
        assert desk.timers == []
        for _ in range(OFTEN):
            heap.changed()
        assert gc.get_freeze_count() > before, "many are coming"
        assert gc.get_threshold() == (YOUNG, *thresholds[1:]), "a job for all of them makes many objects at once"
        loop: list[object] = []
        loop.append(loop)
        freed = weakref.finalize(heaped := Timer(0, lambda: None), lambda: None)
        loop.append(heaped)
        gc.freeze()
        del loop, heaped
        gc.collect()
        assert freed.alive, "what is frozen stays"
        desk.passes(11)
        assert not freed.alive
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
