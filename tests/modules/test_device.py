"""What a device says of its connection, its numbers, and whether it answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from saltern_modules import _agent
from support.one_device import OneDevice, library_of

FAR = """
__proxyenabled__ = ["far"]
def init(opts): pass
def shutdown(opts): pass
"""


class Agent:
    """What modules may ask of an agent, of the device alone."""

    def __init__(self, state: dict[str, Any] | None) -> None:
        self.state = state
        self.reconnected = 0

    def device_state(self) -> dict[str, Any] | None:
        return self.state

    def device_reconnect(self) -> bool:
        self.reconnected += 1
        return True


def device(folder: Path, more: str = "", state: dict[str, Any] | None = None) -> tuple[OneDevice, Agent]:
    counted = {"latency_ms": 1.5, "calls": 3, "hung": False, "events_refused": 2}
    agent = Agent(state or {"state": "up", "up": True, "error": "", **counted})
    library = library_of(folder, {"_proxy/far.py": FAR + more})
    return OneDevice(library, {"proxytype": "far"}, __agent__=agent).open(), agent


def test_state_and_reconnecting(tmp_path: Path, minion: Any) -> None:
    one, agent = device(tmp_path)
    assert one.call("device.state") == agent.state
    assert one.call("device.reconnect") is True
    assert agent.reconnected == 1
    minion.opts["__agent__"] = Agent(None)
    host = minion.load("device")
    for function in ("state", "reconnect"):
        with pytest.raises(Exception, match=f"^device.{function}: this minion stands for no device: it is a host$"):
            getattr(host, function)()


def test_numbers_of_a_device(tmp_path: Path) -> None:
    one, agent = device(tmp_path, "def stats(): return {'temperature': 41.5, 'device': 'hidden'}\n")
    seen = {"up": 1, "type": {"far": 1}, "latency_ms": 1.5, "calls": 3, "hung": 0, "events_refused": 2}
    assert one.call("stats.collect") == {"temperature": 41.5, "device": {**seen, "success": 1}}
    assert agent.state is not None
    agent.state["hung"] = True
    found = one.call("stats.collect")
    assert found == {"device": {**seen, "hung": 1}}
    agent.state |= {"up": False, "hung": False}
    assert one.call("stats.collect") == {"device": {**seen, "up": 0, "type": {"far": 0}}}
    assert all(type(value) in (int, float, dict) for value in found["device"].values())


def test_a_proxymodule_without_numbers_or_with_wrong_ones(tmp_path: Path) -> None:
    one, _ = device(tmp_path / "none")
    assert one.call("stats.collect")["device"]["up"] == 1
    one, _ = device(tmp_path / "wrong", "def stats(): return 3\n")
    outcome = one.run("stats.collect")
    assert (outcome.retcode, outcome.value["device"]["success"]) == (1, 0)
    assert outcome.value["error"] == "it returned int, no mapping of names to numbers"
    raises = "from saltern.errors import CommandError\ndef stats(): raise CommandError('no route\\nto it')\n"
    one, _ = device(tmp_path / "raises", raises)
    assert one.run("stats.collect").value["error"] == "no route"
    assert one.run("stats.get", "cpu").missing


@pytest.mark.parametrize(("said", "found"), [("True", True), ("0", False), ("'pong'", True), ("None", False)])
def test_ping_is_what_the_proxymodule_says(tmp_path: Path, said: str, found: bool) -> None:
    one, _ = device(tmp_path, f"def ping(): return {said}\n")
    assert one.call("test.ping") is found


def test_ping_without_a_word_or_with_an_error(tmp_path: Path) -> None:
    one, _ = device(tmp_path / "none")
    assert one.call("test.ping") is True
    one, _ = device(tmp_path / "raises", "def ping(): raise OSError('no route')\n")
    outcome = one.run("test.ping")
    assert outcome.retcode == 1
    assert "no route" in outcome.value
    nowhere = OneDevice(library_of(tmp_path / "nowhere"), {"proxytype": "missing"})
    assert nowhere.run("test.ping").value == "ERROR: there is no proxymodule missing"


def test_what_waits_is_returned_to_be_awaited_and_holds_no_thread() -> None:
    async def far(value: int) -> int:
        return value

    def wrapped(value: int) -> int:
        raise AssertionError(value)

    wrapped.__wrapped__ = far  # type: ignore[attr-defined]
    assert asyncio.run(_agent.begun(wrapped, 3)) == 3
    assert _agent.begun(lambda value: value + 1, 3) == 4
