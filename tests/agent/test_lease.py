"""The lease under which shared devices are served: never without one, and never by a list of long ago."""

from __future__ import annotations

from collections.abc import Callable

from saltern.wire import unpack
from saltern_agent.devices.lease import Lease

LEASE_S = 20.0


class Timer:
    """One of ``Time``'s."""

    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when = when
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class Time:
    """A clock and a channel by hand; ``asked`` are the questions: numbers, and whether a list is wanted."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.up = True
        self.asked: list[tuple[int, bool]] = []
        self.held: list[bool] = []
        self._timers: list[Timer] = []
        self.lease = Lease(self.send, self.later, self.changed, lambda: self.now, lambda: 1.0)

    def send(self, frame: bytes) -> bool:
        message = unpack(frame)
        assert message.type == "lease"
        if self.up:
            self.asked.append((message.seq, message.body.get("list") is True))
        return self.up

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self._timers.append(Timer(self.now + delay_s, call))
        return self._timers[-1]

    def changed(self) -> None:
        self.held.append(self.lease.held)

    def passes(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [timer for timer in self._timers if timer.call is not None and timer.when <= until]:
            timer = min(due, key=lambda timer: timer.when)
            self.now = max(self.now, timer.when)
            call, timer.call = timer.call, None
            assert call is not None
            call()
        self.now = until

    def question(self) -> int:
        return self.asked[-1][0]


def test_it_is_held_with_an_answer_and_a_list_of_after_the_question() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=True)
    assert time.asked == [(1001, True)]
    time.lease.answered(1001)
    assert not time.lease.held, "the list is older than the question"
    time.lease.listed(1001, LEASE_S, wanted=True)
    assert time.held == [True]


def test_it_is_asked_for_anew_before_it_is_over() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=True)
    time.lease.answered(time.question())
    time.lease.listed(time.question(), LEASE_S, wanted=True)
    for _ in range(20):
        time.passes(LEASE_S / 4)
        assert time.asked[-1][1] is False
        time.lease.answered(time.question())
    assert time.held == [True]
    assert len(time.asked) == 21


def test_it_ends_so_long_after_it_was_asked_for_whatever_comes_late() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=True)
    first = time.question()
    time.passes(4)
    time.lease.answered(first)
    time.lease.listed(first, LEASE_S, wanted=True)
    time.up = False
    time.passes(15.9)
    assert time.lease.held
    time.passes(0.2)
    assert time.held == [True, False]
    time.up = True
    time.passes(5)
    time.lease.listed(first, LEASE_S, wanted=True)
    assert not time.lease.held, "a list of before"
    assert time.asked[-1][1] is True
    time.lease.answered(time.question())
    assert not time.lease.held, "still that list"
    time.lease.listed(time.question(), LEASE_S, wanted=True)
    assert time.held == [True, False, True]


def test_answers_to_questions_of_before_its_end_count_no_more() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=True)
    time.lease.answered(time.question())
    time.lease.listed(time.question(), LEASE_S, wanted=True)
    time.passes(15)
    late = time.question()
    time.passes(30)
    assert not time.lease.held
    time.lease.answered(late)
    time.lease.listed(late, LEASE_S, wanted=True)
    assert not time.lease.held


def test_nobody_asks_when_nothing_is_shared() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=False)
    time.passes(100)
    assert time.asked == []
    time.lease.listed(0, LEASE_S, wanted=True)
    time.lease.listed(0, LEASE_S, wanted=False)
    time.passes(100)
    assert len(time.asked) == 1


def test_a_list_of_a_question_that_was_in_vain_counts_no_more() -> None:
    time = Time()
    time.lease.listed(0, LEASE_S, wanted=True)
    first = time.question()
    time.passes(100)
    time.lease.answered(time.question())
    time.lease.listed(first, LEASE_S, wanted=True)
    assert not time.lease.held
    time.lease.listed(time.question(), LEASE_S, wanted=True)
    assert time.lease.held
