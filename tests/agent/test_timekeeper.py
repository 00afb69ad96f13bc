"""When the agent asks for the time, and which answers it takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.wire import Message, unpack
from saltern_agent.clock import Clock
from saltern_agent.timekeeper import ALONE_S, SPREAD, WITH_A_RETURN_S, Timekeeper

MASTER = 1_700_000_000.0


class Timer:
    def __init__(self, delay_s: float, call: Callable[[], None]) -> None:
        self.delay_s, self.call, self.cancelled = delay_s, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Bench:
    """A timekeeper between a channel and a clock; the host's clock is an hour ahead."""

    def __init__(self, path: Path) -> None:
        self.steady = 500.0
        self.up = True
        self.sent: list[Message] = []
        self.timers: list[Timer] = []
        self.moves: list[float] = []
        self.clock = Clock(
            str(path / "clock"),
            correct=True,
            wall=lambda: MASTER + 3600 + self.steady,
            steady=lambda: self.steady,
            boot="",
        )
        self.keeper = Timekeeper(self.clock, self.later, self.send, self.moves.append, lambda: self.steady)

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(delay_s, call))
        return self.timers[-1]

    def send(self, frame: bytes) -> bool:
        if self.up:
            self.sent.append(unpack(frame))
        return self.up

    def welcome(self, **more: Any) -> None:
        self.keeper.greeting()
        self.steady += 0.1
        self.keeper.welcomed({"time": MASTER + self.steady, **more})

    def answer(self, question: Message, time_s: object = None) -> None:
        self.keeper.answered(
            Message("clock", question.seq, {"time": MASTER + self.steady if time_s is None else time_s})
        )

    def waiting(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.cancelled]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_welcome_says_the_time_and_a_question_goes_out_with_the_skew(bench: Bench) -> None:
    bench.welcome()
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.1)
    (question,) = bench.sent
    assert (question.type, question.body) == ("clock", {"skew_ms": pytest.approx(3_600_000, abs=100)})
    assert bench.moves == [pytest.approx(-3600, abs=0.1)]
    bench.answer(question)
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.001)


def test_a_welcome_without_a_time_leaves_the_skew_out_of_the_question(bench: Bench) -> None:
    bench.welcome(time=None)
    assert bench.sent[0].body == {}
    bench.answer(bench.sent[0])
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.01)


def test_it_asks_along_with_a_return_and_by_itself_when_there_is_none(bench: Bench) -> None:
    bench.welcome()
    bench.steady += WITH_A_RETURN_S / 2
    bench.keeper.sending()
    assert len(bench.sent) == 1
    bench.steady += WITH_A_RETURN_S / 2
    bench.keeper.sending()
    assert len(bench.sent) == 2
    (timer,) = bench.waiting()
    assert ALONE_S * (1 - SPREAD) <= timer.delay_s <= ALONE_S
    timer.call()
    assert len(bench.sent) == 3
    assert len(bench.waiting()) == 1


def test_a_step_of_the_masters_clock_is_known_within_a_minute_however_idle_the_agent_is() -> None:
    assert ALONE_S + WITH_A_RETURN_S < 60


def test_while_the_channel_is_away_nothing_is_asked(bench: Bench) -> None:
    bench.keeper.sending()
    bench.welcome()
    bench.keeper.closed()
    bench.steady += 100
    bench.keeper.sending()
    assert len(bench.sent) == 1
    assert bench.waiting() == []
    bench.answer(bench.sent[0], MASTER)  # it was under way
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.1)


def test_an_answer_to_an_earlier_question_or_none_says_nothing(bench: Bench) -> None:
    bench.welcome()
    bench.steady += WITH_A_RETURN_S
    bench.keeper.sending()
    first, second = bench.sent
    bench.answer(first, MASTER - 5000)
    bench.answer(Message("clock", 77, {}), MASTER - 5000)
    bench.answer(second)
    bench.answer(second, MASTER - 5000)
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.1)


def test_a_socket_that_takes_nothing_is_tried_again_later(bench: Bench) -> None:
    bench.up = False
    bench.welcome()
    assert bench.sent == []
    bench.up = True
    (timer,) = bench.waiting()
    timer.call()
    bench.answer(bench.sent[0])
    assert bench.clock.skew_s() == pytest.approx(3600, abs=0.001)
