"""What one device says, or what is said of it, however wrong, keeps no other device of its host."""

from __future__ import annotations

import builtins
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from saltern_agent import coroutine_loop
from saltern_agent.devices import device as device_module
from saltern_agent.devices.alarms import Alarms
from saltern_agent.devices.allowance import BURST_BYTES, LEAST_BYTES
from saltern_agent.devices.turn import EX_FORKED
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


HOSTILE = """
import os, threading, time
__proxyenabled__ = ["toaster"]
def raises(what):
    raise {"exit": SystemExit, "interrupt": KeyboardInterrupt, "stop": GeneratorExit, "base": BaseException}[what](3)
def eats(): return len(bytearray(2**62))
def deep():
    found = []
    for _ in range(100_000): found = [found]
    return found
def returns(megabytes): return "x" * (megabytes << 20)
def floods(number): return sum(__salt__["event.send"]("flood/" + "x" * 100, {"n": n}) for n in range(number))
def forks(): return os.fork()
def leaves(): return threading.Thread(target=time.sleep, args=(0.2,), daemon=True).start()
def changes_itself():
    __opts__["id"] = __opts__["proxyid"] = __grains__["id"] = "sw2"
    __grains__["device"] = {"up": False}
    __opts__["proxy"]["url"] = "changed/"
    __opts__["mine"].setdefault("by", []).append("sw1")
    return __salt__["grains.get"]("id")
def told(given, **kwargs):
    kwargs["__pub_arg"][0]["by"].append(__opts__["id"])
    return kwargs["__pub_arg"][0]["by"]
def seen(): return [__opts__["id"], __grains__["id"], __opts__["proxy"]["url"], __opts__["mine"]]
def changed(given): return given.append(__opts__["id"]) or given
async def later_raises(what): raises(what)
async def blocks(): time.sleep(3600)
async def waits(): return __opts__["id"]
"""


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Bench]:
    builtins.__dict__.setdefault("toaster_gates", {}).clear()
    (tmp_path / "cache" / "extmods" / "modules").mkdir(parents=True)
    (tmp_path / "cache" / "extmods" / "modules" / "hostile.py").write_text(HOSTILE)
    made = Bench(tmp_path, device_timeout=5.0, mine={"of": "all"})
    made.welcome()
    made.serve("sw1", "sw2")
    yield made
    made.stop()
    threading.stack_size(0)


def works(bench: Bench, *devices: str) -> bool:
    return all(bench.run(name, "toast.toast")["return"] == [name, f"{name}/", 1] for name in devices)


@pytest.mark.parametrize("what", ["exit", "interrupt", "stop", "base"])
@pytest.mark.parametrize("function", ["hostile.raises", "hostile.later_raises"])
def test_whatever_a_function_raises_only_its_job_fails(hostile: Bench, what: str, function: str) -> None:
    assert hostile.run("sw1", function, what)["success"] is False
    assert works(hostile, "sw1", "sw2")


@pytest.mark.parametrize("function", ["hostile.eats", "hostile.deep"])
def test_what_no_memory_holds_and_no_message_carries_fails_alone(hostile: Bench, function: str) -> None:
    hostile.run("sw1", function)
    assert works(hostile, "sw1", "sw2")


def test_a_return_of_a_hundred_megabytes_is_said_to_be_too_large(hostile: Bench) -> None:
    found = hostile.run("sw1", "hostile.returns", 100)
    assert found["success"] is False
    assert "is too large" in found["return"]
    assert works(hostile, "sw1", "sw2")


def test_a_flood_of_events_is_cut_and_takes_nobodys_place(hostile: Bench) -> None:
    number = 3 * BURST_BYTES // LEAST_BYTES
    taken = hostile.run("sw1", "hostile.floods", number)["return"]
    assert BURST_BYTES // LEAST_BYTES <= taken < number / 2
    assert hostile.run("sw1", "device.state")["return"]["events_refused"] == number - taken
    assert hostile.run("sw2", "hostile.floods", 10)["return"] == 10
    hostile.host.loop.ask(hostile.devices.members["sw1"].connection.anew)
    hostile.wait(lambda: hostile.events("sw1").count("device/up") == 2)
    assert works(hostile, "sw1", "sw2")


def test_a_fork_and_a_thread_that_are_left_behind_are_nobodys(hostile: Bench) -> None:
    pid = hostile.run("sw1", "hostile.forks")["return"]
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == EX_FORKED
    assert hostile.run("sw1", "hostile.leaves")["success"]
    assert works(hostile, "sw1", "sw2")


def test_a_device_that_says_it_is_another_stays_itself(hostile: Bench) -> None:
    hostile.run("sw1", "hostile.changes_itself")
    assert hostile.run("sw2", "hostile.seen")["return"] == ["sw2", "sw2", "sw2/", {"of": "all"}]
    assert works(hostile, "sw2")
    hostile.lose()
    hostile.welcome()
    hostile.wait(lambda: sum(name == "sw1" for name, _ in hostile.jobs) > 2)
    assert (told(hostile, "sw1")["id"], told(hostile, "sw2")["id"]) == ("sw1", "sw2")
    assert hostile.host.options.get("mine") == {"of": "all"}


def test_what_one_changes_of_its_arguments_no_other_sees(hostile: Bench) -> None:
    jid = hostile.job(["sw1", "sw2"], "hostile.told", {"by": []})
    found = hostile.wait(lambda: len(hostile.returns(jid)) == 2 and hostile.returns(jid))
    assert {name: body["return"] for name, body in found.items()} == {"sw1": ["sw1"], "sw2": ["sw2"]}
    jid = hostile.job(["sw1", "sw2"], "hostile.changed", [])
    found = hostile.wait(lambda: len(hostile.returns(jid)) == 2 and hostile.returns(jid))
    assert {name: body["return"] for name, body in found.items()} == {"sw1": ["sw1"], "sw2": ["sw2"]}
    schedule = {"s": {"function": "hostile.changed", "seconds": 3600, "args": [[]], "return_job": True}}
    for times in (1, 2):
        for name in ("sw1", "sw2"):
            hostile.brief(name, schedule=schedule)
            hostile.wait(lambda name=name: scheduled(hostile, name))  # that of the current slot
            hostile.host.loop.ask(partial(hostile.devices.members[name].run_scheduled_now, "s"))
            hostile.wait(lambda name=name, times=times: len(scheduled(hostile, name)) == times + 1)
    assert all(body["return"] == [name] for name in ("sw1", "sw2") for body in scheduled(hostile, name))


def scheduled(bench: Bench, device: str) -> list[dict[str, Any]]:
    return [message.body for name, message in list(bench.ret) if name == device and "schedule" in message.body]


def test_a_coroutine_that_blocks_keeps_no_other_waiting(
    hostile: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(coroutine_loop, "LOOK_S", 0.3)
    begun, gate, real_sleep = threading.Event(), threading.Event(), time.sleep

    def sleep(seconds: float) -> None:
        if seconds != 3600:
            return real_sleep(seconds)
        begun.set()
        gate.wait(60)
        return None

    monkeypatch.setattr(time, "sleep", sleep)
    blocked = hostile.job("sw1", "hostile.blocks")
    assert begun.wait(10)
    found = hostile.run("sw2", "hostile.waits")
    if not found["success"]:
        assert "the loop of coroutines was held by another one" in found["return"]
        found = hostile.run("sw2", "hostile.waits")
    assert found["return"] == "sw2"
    assert "sw1: a coroutine function waits without await" in caplog.text
    assert "did not answer within its limit" in hostile.wait(lambda: hostile.returns(blocked))["sw1"]["return"]
    gate.set()
    hostile.wait(lambda: not hostile.devices.members["sw1"].lane.hung)
    hostile.wait(lambda: hostile.grain("sw1").get("up"))
    assert works(hostile, "sw1", "sw2")


# taken from the host


def test_a_job_that_runs_when_its_device_moves_is_answered_by_what_it_returns(hostile: Bench) -> None:
    gate = threading.Event()
    begun = threading.Event()
    builtins.__dict__["toaster_gates"]["toast", "sw1"] = lambda _: begun.set() or (gate.wait(60) and "ran")
    runs = hostile.job("sw1", "toast.toast")
    assert begun.wait(10)
    waits = hostile.job("sw1", "toast.toast")
    hostile.list("sw2")
    answer = hostile.wait(lambda: hostile.returns(waits))["sw1"]
    assert answer["return"] == "sw1 was taken from this host before the job began"
    assert not hostile.said("released")
    gate.set()
    hostile.wait(lambda: hostile.said("released") == [{"devices": ["sw1"]}])
    assert [body["return"] for body in hostile.returns(runs).values()] == ["ran"]


def test_a_job_for_a_device_that_moves_before_it_is_known_is_answered(hostile: Bench) -> None:
    hostile.list("sw1", "sw2", "sw3")
    hostile.attached("sw3")
    waits = hostile.job("sw3", "toast.toast")
    hostile.list("sw1", "sw2")
    answer = hostile.wait(lambda: hostile.returns(waits))["sw3"]
    assert answer["return"] == "sw3 was taken from this host before the job began"
    hostile.wait(lambda: hostile.said("released") == [{"devices": ["sw3"]}])


def test_what_runs_for_long_does_not_keep_a_device_from_moving(hostile: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module, "MOVE_S", 0.1)
    begun = threading.Event()
    builtins.__dict__["toaster_gates"]["toast", "sw1"] = lambda _: begun.set() or spin()
    runs = hostile.job("sw1", "toast.toast", timeout=3600)
    assert begun.wait(10)
    hostile.list("sw2")
    hostile.wait(lambda: hostile.said("released") == [{"devices": ["sw1"]}])
    answer = hostile.returns(runs)["sw1"]
    assert answer["return"] == "sw1 was taken from this host while the job was running"


def spin() -> None:
    while True:
        time.sleep(0.001)


def shared(bench: Bench, lease: float) -> None:
    bench.list("sw1", "sw2", shared=["sw1"], lease=lease)
    question = bench.wait(lambda: [message.seq for _, message in bench.ret if message.type == "lease"])[-1]
    bench.say("lease", question)
    bench.list("sw1", "sw2", shared=["sw1"], lease=lease, asked=question)
    bench.wait(lambda: "sw1" in bench.devices.members)
    bench.brief("sw1", schedule={"s": {"function": "toast.quiet", "seconds": 3600, "return_job": True}})
    bench.wait(lambda: bench.devices.members["sw1"].connection.up)


def test_what_runs_when_the_lease_is_over_is_ended_at_once(hostile: Bench) -> None:
    shared(hostile, 1.5)
    builtins.__dict__["toaster_gates"]["toast", "sw1"] = lambda _: spin()
    runs = hostile.job("sw1", "toast.toast", timeout=3600)
    answer = hostile.wait(lambda: hostile.returns(runs))["sw1"]
    assert answer["return"] == "sw1 was taken from this host while the job was running"
    hostile.wait(lambda: hostile.said("released"))
    assert works(hostile, "sw2")


def test_a_host_that_stood_still_speaks_with_nothing_that_another_may_have(hostile: Bench) -> None:
    shared(hostile, 3600.0)
    assert works(hostile, "sw1", "sw2")
    device = hostile.devices.members["sw1"]
    hostile.wait(lambda: scheduled(hostile, "sw1"))

    def stood_still() -> None:
        hostile.devices.lease._until = 0.0  # the timer that says so comes late

    hostile.host.loop.ask(stood_still)
    log = builtins.__dict__["toaster_log"]
    log.clear()
    assert "another one may serve it" in hostile.run("sw1", "toast.toast")["return"]
    before = len(scheduled(hostile, "sw1"))
    run = hostile.host.loop.ask(partial(device.schedule.run_now, "s"))
    assert hostile.host.loop.ask(partial(device._start_run, run)) is True
    hostile.host.loop.ask(device.connection.anew)
    hostile.wait(lambda: device.connection.phase == "down")
    assert len(scheduled(hostile, "sw1")) == before
    assert works(hostile, "sw2")
    assert not [what for what in log if what[1] == "sw1"]
