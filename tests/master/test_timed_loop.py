"""The loop's own clock: the longest turn, and lateness that is not the loop's fault."""

from __future__ import annotations

import asyncio
import selectors
from types import SimpleNamespace

import pytest

from saltern_master import timed_loop
from saltern_master.timed_loop import TimedLoop


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock that stands still but for what a test adds to ``now``."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(timed_loop, "time", clock)
    return clock


def _run(*callbacks: object, loop: TimedLoop) -> None:
    async def run() -> None:
        for callback in callbacks:
            asyncio.get_running_loop().call_soon(callback)  # type: ignore[arg-type]
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    loop.run_until_complete(run())


def test_the_longest_turn_is_told_once(clock: SimpleNamespace) -> None:
    loop = TimedLoop()

    def stall(seconds: float) -> None:
        clock.now += seconds

    _run(lambda: stall(0.125), lambda: stall(0.5), lambda: stall(0.25), loop=loop)
    assert loop.longest_stall_s() == 0.5
    assert loop.longest_stall_s() == 0
    _run(lambda: stall(0.25), loop=loop)
    assert loop.longest_stall_s() == 0.25
    loop.close()


def test_many_short_turns_are_no_stall(clock: SimpleNamespace) -> None:
    loop = TimedLoop()

    def work() -> None:
        clock.now += 0.125

    _run(*[work] * 20, loop=loop)
    assert loop.longest_stall_s() == 0.125
    loop.close()


@pytest.mark.parametrize(
    ("timeout", "passed", "stall"),
    [(0.0, 0.5, 0.5), (1.0, 1.5, 0.5), (1.0, 0.75, 0.0), (None, 60.0, 0.0), (-1, 0.5, 0.5)],
)
def test_waking_late_is_a_stall_and_waiting_is_none(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, timeout: float | None, passed: float, stall: float
) -> None:
    def waited(self: object, timeout: float | None = None) -> list[object]:
        clock.now += passed
        return []

    selector = timed_loop._TimedSelector()
    monkeypatch.setattr(selectors.DefaultSelector, "select", waited)
    selector.select(timeout)
    assert selector.longest_s == 0
    selector.select(0)
    assert selector.longest_s == stall
    selector.close()
