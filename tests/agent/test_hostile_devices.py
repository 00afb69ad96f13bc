"""What one device says, or what is said of it, however wrong, keeps no other device of its host."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern_agent.devices.alarms import Alarms
from support.device_bench import PROXY, Bench

HUGE = PROXY.replace(
    'return {"os": "Toaster",',
    'return {"os": "Toaster", "huge": "x" * (20_000_000 if __opts__["id"] == "big" else 1),',
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    builtins.__dict__.setdefault("toaster_gates", {}).clear()
    made = Bench(tmp_path, device_timeout=60.0)
    made.welcome()
    yield made
    made.stop()
    threading.stack_size(0)


def told(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = [message.body for device, message in bench.jobs if device == name][-1]["grains"]
    return found


def test_grains_over_the_limit_are_left_out_and_others_are_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "cache" / "extmods" / "proxy" / "toaster.py").write_text(HUGE)
    bench.serve("big", "sw1")
    bench.wait(lambda: told(bench, "big")["device"]["up"] and told(bench, "sw1")["device"]["up"])
    assert (told(bench, "big")["os"], "huge" in told(bench, "big")) == ("Toaster", False)
    assert told(bench, "sw1")["huge"] == "x"


@pytest.mark.parametrize("timeout", [1e300, float("inf"), float("nan"), -1, "10"])
def test_a_time_limit_that_is_none_keeps_no_other_device_from_its_own(bench: Bench, timeout: Any) -> None:
    gate = threading.Event()
    gates = builtins.__dict__["toaster_gates"]
    gates["toast", "odd"] = lambda _: gate.wait(60)
    gates["toast", "sw1"] = lambda _: gate.wait(60)
    bench.list("odd", "sw1")
    bench.attached("odd", "sw1")
    bench.brief("odd", timeout=timeout)
    bench.brief("sw1", timeout=1.0)
    bench.wait_up("odd", "sw1")
    first = bench.job("odd", "toast.toast")
    bench.wait(lambda: bench.devices.members["odd"].lane.busy)
    second = bench.job("sw1", "toast.toast")
    assert "its limit of 1 s" in bench.wait(lambda: bench.returns(second))["sw1"]["return"]
    gate.set()
    bench.wait(lambda: bench.returns(first))


def test_an_alarm_of_the_far_future_keeps_no_other() -> None:
    alarms = Alarms()
    rung = threading.Event()
    alarms.at(1e300, lambda: None)
    alarms.at(float("inf"), lambda: None)
    alarms.at(alarms.now() + 0.2, rung.set)
    assert rung.wait(10)
    alarms.close()


def test_however_often_pillar_changes_one_session_is_open_at_a_time(bench: Bench) -> None:
    at_once = [0]
    most = [0]

    def opens(_: Any) -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])

    def closes(_: Any) -> None:
        at_once[0] -= 1

    builtins.__dict__["toaster_gates"].update({"init": opens, "shutdown": closes})
    bench.serve("sw1")
    for number in range(100):
        bench.brief("sw1", url=f"url{number}")
        if number % 7 == 0:
            bench.host.loop.ask(bench.devices.members["sw1"].connection.anew)
        if number % 11 == 1:
            bench.brief("sw1", proxytype="?")
    bench.wait(lambda: told(bench, "sw1").get("url") == "url99" and told(bench, "sw1")["device"]["up"])
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "url99", 1]
    assert (at_once, most) == ([1], [1])


def test_what_is_taken_off_the_list_before_its_turn_came_is_released_too(bench: Bench) -> None:
    names = [f"sw{number:03}" for number in range(200)]
    bench.list(*names)
    bench.list()

    def released() -> set[str]:
        return {name for body in bench.said("released") for name in body["devices"]}

    bench.wait(lambda: released() == set(names))
