"""Jobs that come before the first pillar begin when it is there, or after a while."""

from __future__ import annotations

from typing import Any

from saltern_agent.held_jobs import MAX_HELD, WITHIN_S, HeldJobs


class Loop:
    """Timers that a test sets off."""

    def __init__(self) -> None:
        self.timers: list[Any] = []

    def later(self, delay_s: float, call: Any) -> Any:
        assert delay_s == WITHIN_S
        timer = type("Timer", (), {"call": staticmethod(call), "cancel": lambda this: self.timers.remove(this)})()
        self.timers.append(timer)
        return timer


def made() -> tuple[Loop, list[Any], HeldJobs]:
    loop, begun = Loop(), []  # type: ignore[var-annotated]
    return loop, begun, HeldJobs(loop, begun.append)  # type: ignore[arg-type]


def job(number: int) -> Any:
    return number


def test_jobs_wait_for_the_first_pillar_alone() -> None:
    loop, begun, held = made()
    held.start(job(1))
    held.await_pillar()
    held.await_pillar()
    held.start(job(2))
    held.start(job(3))
    assert (begun, len(loop.timers)) == ([1], 1)
    held.pillar_came()
    assert (begun, loop.timers) == ([1, 2, 3], [])
    held.await_pillar()  # the master was started again: the pillar from before will do
    held.start(job(4))
    assert begun == [1, 2, 3, 4]


def test_they_begin_without_one_in_the_end() -> None:
    loop, begun, held = made()
    held.await_pillar()
    held.start(job(1))
    loop.timers[0].call()
    held.start(job(2))
    assert begun == [1, 2]


def test_no_more_than_some_are_held() -> None:
    _, begun, held = made()
    held.await_pillar()
    for number in range(MAX_HELD + 1):
        held.start(job(number))
    assert begun == [MAX_HELD]
