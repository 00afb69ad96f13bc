"""What the agent does in a worker by itself, and what it says of what goes wrong again and again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from saltern import complaints as complaints_module
from saltern.complaints import Complaints
from saltern.errors import ChannelError
from saltern_agent.background import WORKER_AGAIN_S, Background


class FakeLoop:
    """Runs what is posted at once, and timers when told."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def post(self, call: Callable[[], None]) -> None:
        call()

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.timers.append((delay_s, call))


@pytest.fixture
def loop() -> Any:
    return FakeLoop()


def run(call: Callable[[], None]) -> bool:
    call()
    return True


def test_what_follows_comes_whatever_came_of_it(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    done: list[str] = []
    background = Background(loop, run)

    def fails(error: Exception) -> None:
        raise error

    for error in (ChannelError("the master is away"), ChannelError("the master is away"), OSError(28, "full")):
        background.do(
            "no sync", lambda error=error: fails(error), lambda: done.append("then"), lambda: done.append("x")
        )
    assert done == ["then", "x"] * 3
    assert [record.getMessage() for record in caplog.records] == ["no sync: the master is away"]
    background.do("no sync", lambda: None, lambda: done.append("then"), lambda: done.append("x"))
    assert done[-1] == "then"
    assert caplog.messages[-1] == "no sync: it is over (it was met 2 more times)"
    background.do("no pillar", lambda: fails(OSError(28, "full")))
    assert caplog.messages[-1] == "no pillar: OSError: [Errno 28] full"


def test_without_a_worker_it_is_tried_again(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    free = [False, False, True]
    done: list[str] = []
    background = Background(loop, lambda call: free.pop(0) and run(call))
    background.do("no sync", lambda: done.append("work"), lambda: done.append("then"))
    for _ in range(2):
        delay_s, call = loop.timers.pop()
        assert delay_s == WORKER_AGAIN_S
        call()
    assert done == ["work", "then"]
    assert loop.timers == []
    assert caplog.text.count("all workers are busy") == 1


def test_kinds_are_said_each_and_forgotten_in_order(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complaints_module, "MAX_KINDS", 2)
    complaints = Complaints(logging.getLogger("x"))
    for kind in ("a", "b", "a", "b"):
        complaints.say(kind, f"{kind} fails")
    assert caplog.messages == ["a fails", "b fails"]
    complaints.say("c", "c fails")
    complaints.say("b", "b fails")
    complaints.say("a", "a fails")
    assert caplog.messages == ["a fails", "b fails", "c fails", "a fails"]
    complaints.over("nothing", "is over")
    assert "is over" not in caplog.text
