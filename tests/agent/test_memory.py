"""Memory goes back after a huge return, and an agent that works for long doesn't grow."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern_agent import memory as memory_module
from saltern_agent.memory import MAX_WAIT_S, MUCH_BYTES, Memory

MIB = 1024 * 1024
WAIT_S = 60.0
MODULE = """
def text(n): return "x" * n
def rows(n): return [{"pid": i, "name": "process%d" % i, "cpu": i * 1.5} for i in range(n)]
def hungry(n):
    for _ in range(3):
        one = "x" * n
        two = one + "y"
        del one, two
"""


class Statm:
    """A ``/proc/self/statm`` of the test's own, and a clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = 100.0
        self.set(20 * MIB)

    def set(self, size: int) -> None:
        self.path.write_text(f"99999 {size // os.sysconf('SC_PAGE_SIZE')} 1 1 0 1 0\n")


@pytest.fixture
def statm(tmp_path: Path) -> Statm:
    return Statm(tmp_path / "statm")


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    calls: list[int] = []
    monkeypatch.setattr(memory_module, "give_back", lambda: calls.append(1))
    return calls


def test_it_is_looked_for_only_after_growth_by_much(statm: Statm, given_back: list[int]) -> None:
    memory = Memory(str(statm.path), lambda: statm.now)
    statm.set(20 * MIB + MUCH_BYTES - MIB)
    memory.look()
    assert given_back == []
    statm.set(18 * MIB)
    memory.look()
    statm.set(18 * MIB + MUCH_BYTES)
    memory.look()
    assert given_back == [1]


def test_what_is_in_use_is_tried_again_ever_more_rarely(statm: Statm, given_back: list[int]) -> None:
    memory = Memory(str(statm.path), lambda: statm.now)
    statm.set(80 * MIB)
    for _ in range(int(4 * MAX_WAIT_S)):
        statm.now += 1.0
        memory.look()
    assert 8 < len(given_back) < 16
    statm.set(100 * MIB)
    statm.now += 2 * MAX_WAIT_S
    count = len(given_back)
    memory.look()
    assert len(given_back) == count + 1, "it has grown again"


def test_where_it_can_not_be_told_nothing_is_done(tmp_path: Path, given_back: list[int]) -> None:
    for text in (None, "", "x y", "5"):
        if text is not None:
            (tmp_path / "statm").write_text(text)
        memory = Memory(str(tmp_path / "statm"))
        memory.look()
        assert memory.resident() == 0
    assert given_back == []


def test_what_can_not_be_given_back_is_said_once_and_ends_nothing(
    statm: Statm, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = Memory(str(statm.path), lambda: statm.now)
    monkeypatch.setitem(sys.modules, "ctypes", None)  # a Python that was built without it
    statm.set(80 * MIB)
    for _ in range(1000):
        statm.now += 1.0
        memory.look()
    assert len(caplog.records) == 1
    assert "memory can't be given back" in caplog.text


def resident(agent: Any) -> float:
    """Return the agent's resident memory in MiB."""
    pages = int(Path(f"/proc/{agent.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


@pytest.mark.parametrize(
    ("function", "argument"),
    [("mod.text", 15 * MIB), ("mod.text", 64 * MIB), ("mod.rows", 200_000), ("mod.hungry", 15 * MIB)],
)
def test_memory_goes_back_after_a_huge_return(
    master: Any, make_agent: Callable[..., Any], module_dir: Path, function: str, argument: int
) -> None:
    (module_dir / "mod.py").write_text(MODULE)
    agent = make_agent(module_dirs=[str(module_dir)], log_level="info", max_return_bytes=16 * MIB)
    agent.start()
    master.run("mod.text", 10)
    before = resident(agent)
    for _ in range(2):
        master.run(function, argument)
        master.messages.clear()
    deadline = time.monotonic() + WAIT_S
    while resident(agent) - before > 8:  # of 60 to 100 that it was for ever
        master.run("mod.text", 10)
        assert time.monotonic() < deadline, f"{before:.1f} MiB before, {resident(agent):.1f} after"
        time.sleep(0.2)


def test_an_agent_that_works_for_long_does_not_grow(master: Any, make_agent: Callable[..., Any]) -> None:
    agent = make_agent(log_level="warning")
    agent.start()

    def work(count: int) -> float:
        for _ in range(count):
            master.run("test.echo", "x" * 1000, timeout=3600)
            master.messages.clear()
        return resident(agent)

    before = work(200)
    assert work(1000) - before < 1.0
