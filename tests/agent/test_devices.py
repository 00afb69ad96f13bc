"""Devices of a host: they come and go by the master's list, are opened, and run jobs as minions do."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.digest import digest_of
from saltern.secret import Secret
from saltern.wire import pack
from saltern_agent.jobs import Job
from saltern_agent.origin import Origin
from saltern_modules._agent import Synced
from support.device_bench import Bench

EVERY_HOUR = {"toasts": {"function": "toast.toast", "seconds": 3600}}


@pytest.fixture
def gates() -> Iterator[dict[Any, Any]]:
    """What the toasters do, by function, or by function and device."""
    found: dict[Any, Any] = builtins.__dict__.setdefault("toaster_gates", {})
    builtins.__dict__.setdefault("toaster_log", []).clear()
    found.clear()
    yield found
    found.clear()


def asked() -> list[tuple[str, str]]:
    """Return what the toasters were asked, in order."""
    return list(builtins.__dict__["toaster_log"])


@pytest.fixture
def bench(tmp_path: Path, gates: dict[Any, Any]) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.welcome()
    yield made
    made.stop()
    threading.stack_size(0)


def test_a_device_is_told_briefed_opened_and_told_again(bench: Bench) -> None:
    bench.list("sw1")
    bench.attached("sw1")
    first = bench.jobs[0][1].body
    assert (first["have"], first["grains"]["device"]["up"]) == ({}, False)
    bench.brief("sw1", schedule=EVERY_HOUR)
    bench.wait_up("sw1")
    told = bench.jobs[-1][1].body
    assert (told["grains"]["os"], told["grains"]["url"], told["grains"]["id"]) == ("Toaster", "sw1/", "sw1")
    assert told["grains"]["device"] == {**bench.grain("sw1"), "up": True, "error": "", "host": "host"}
    pillar = {"proxy": {"proxytype": "toaster", "url": "sw1/"}}
    assert told["have"] == {"schedule": digest_of(EVERY_HOUR), "pillar": digest_of(pillar)}
    assert told["boot"] == first["boot"]
    bench.wait(lambda: bench.events("sw1") == ["device/up"])
    sample = bench.wait(lambda: [m.body for name, m in bench.ret if name == "sw1" and m.body.get("schedule")])[0]
    assert (sample["return"], sample["schedule"]) == (["sw1", "sw1/", 1], "toasts")


def test_one_job_for_many_is_run_by_each_as_itself(bench: Bench) -> None:
    bench.serve("sw1", "sw2", "sw3")
    jid = bench.job(["sw1", "sw2", "sw3", "unknown"], "toast.toast", 7)
    bench.wait(lambda: len(bench.returns(jid)) == 3)
    assert {name: body["return"] for name, body in bench.returns(jid).items()} == {
        name: [name, f"{name}/", 7] for name in ("sw1", "sw2", "sw3")
    }
    assert bench.run("sw1", "test.ping")["return"] is True
    assert bench.run("sw2", "grains.item", "id")["return"] == {"id": "sw2"}
    assert "it acts on a host" in bench.run("sw2", "cmd.run", "true")["return"]


def test_the_numbers_are_the_hosts(bench: Bench) -> None:
    bench.serve("sw1", "sw2")
    bench.run("sw1", "toast.toast")
    bench.run("sw2", "toast.toast")
    numbers = [message.seq for _, message in bench.ret if message.type in ("ret", "event")]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)
    assert bench.host.loop.ask(lambda: bench.host.outbox.pending) == 0


def test_a_password_that_nobody_marked_is_not_shown_either(bench: Bench, gates: dict[Any, Any]) -> None:
    bench.list("sw1")
    bench.attached("sw1")
    bench.say_for("sw1", "brief", schedule={}, pillar={"proxy": {"proxytype": "toaster", "password": "hunter22"}})
    bench.wait_up("sw1")
    assert bench.run("sw1", "toast.leak")["return"] == "it is ***"
    assert bench.run("sw1", "pillar.get", "proxy")["return"]["password"] == "***"
    assert bench.run("sw1", "config.get", "proxy:password")["return"] == "***"


def test_what_the_host_has_of_its_pillar_is_told_as_it_came(bench: Bench) -> None:
    pillar = {"proxy": {"sw1": {"proxytype": "toaster", "password": "hunter22"}}}
    bench.welcome(pillar=pillar)
    bench.wait(lambda: bench.host.loop.ask(bench.host.attachment)["have"]["pillar"] == digest_of(pillar))


def test_a_master_that_does_not_answer_is_no_fault_of_the_device(bench: Bench) -> None:
    bench.serve("sw1")
    said = bench.run("sw1", "pillar.items")  # the bench answers no calls
    assert "the master did not answer within" in said["return"]
    assert bench.run("sw1", "test.ping")["return"] is True


def test_a_device_whose_grains_fail_is_known_by_its_proxytype(bench: Bench, gates: dict[Any, Any]) -> None:
    gates["grains", "sw1"] = raises(OSError("no facts today"))
    bench.serve("sw1")
    assert bench.run("sw1", "grains.get", "proxytype")["return"] == "toaster"


def test_a_call_that_fails_has_the_device_asked_whether_it_still_works(bench: Bench, gates: dict[Any, Any]) -> None:
    bench.serve("sw1", "sw2")
    bench.run("sw2", "toast.toast")
    assert not [one for one in asked() if "alive" in one]
    gates["alive", "sw1"] = lambda _: False
    gates["toast", "sw1"] = raises(OSError("reset by peer"))
    assert bench.run("sw1", "toast.toast")["retcode"] == 1
    bench.wait_down("sw1", "the connection doesn't work any more")
    assert [one for one in asked() if "alive" in one] == [("alive", "sw1")]


def test_one_that_was_lost_is_up_again_only_when_it_works(bench: Bench, gates: dict[Any, Any]) -> None:
    bench.serve("sw1")
    gates["alive", "sw1"] = lambda _: False
    gates["toast", "sw1"] = raises(OSError("reset by peer"))
    bench.run("sw1", "toast.toast")
    bench.wait_down("sw1", "the connection doesn't work any more")
    tries = asked().count(("init", "sw1"))
    bench.wait(lambda: asked().count(("init", "sw1")) == tries + 1)
    bench.wait(lambda: asked().count(("alive", "sw1")) == 2)
    assert bench.run("sw1", "device.state")["return"]["up"] is False
    assert bench.events("sw1") == ["device/up", "device/down"]
    gates.clear()
    bench.wait_up("sw1")


def test_how_long_it_took_is_told_with_how_it_is(bench: Bench, gates: dict[Any, Any]) -> None:
    gates["init", "bad"] = raises(OSError("no route"))
    bench.serve("sw1")
    bench.list("sw1", "bad")
    bench.attached("bad")
    bench.brief("bad")
    assert bench.wait_down("bad", "no route")["latency_ms"] is None
    counted = bench.run("bad", "device.state")["return"]
    assert counted["calls"] == counted["failures"] > 0
    assert bench.grain("sw1")["latency_ms"] > 0
    assert bench.run("sw1", "device.state")["return"]["calls"] == 2  # it was opened, and its grains were asked for


@pytest.mark.parametrize(("timeout", "limit_s"), [(15.5, 15.5), (20, 20.0), ("abc", 5.0), (0, 5.0), (True, 5.0)])
def test_a_time_limit_of_its_own_is_taken_or_said_to_be_none(
    bench: Bench, caplog: pytest.LogCaptureFixture, timeout: object, limit_s: float
) -> None:
    bench.list("sw1")
    bench.attached("sw1")
    bench.say_for("sw1", "brief", schedule={}, pillar={"proxy": {"proxytype": "toaster", "timeout": timeout}})
    bench.wait_up("sw1")
    assert bench.devices.members["sw1"].lane.limit_s == limit_s
    said = f"sw1: proxy: timeout: give seconds, over 0, not {timeout!r}; its calls may take 5 s"
    assert (said in caplog.text) == (limit_s == 5.0)


def test_it_is_asked_whether_it_works_as_often_as_its_pillar_says(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for device, own in {
        "sw1": {"proxy_keep_alive_interval": 0.01},
        "sw2": {},
        "sw3": {"proxy_keep_alive": False, "proxy_keep_alive_interval": 0},
    }.items():
        bench.list("sw1", "sw2", "sw3")
        bench.attached(device)
        bench.brief(device, **own)
    bench.wait_up("sw1", "sw2", "sw3")
    bench.wait(lambda: asked().count(("alive", "sw1")) >= 2)
    assert {name for what, name in asked() if what == "alive"} == {"sw1"}
    assert [bench.devices.members[name].keep_alive_s for name in ("sw1", "sw2", "sw3")] == [0.6, 60.0, 0.0]
    assert "sw3: proxy: proxy_keep_alive_interval: give minutes from 0.01 to 1440, not 0; it is 1" in caplog.text


def test_what_does_not_speak_with_it_is_no_call_to_it(bench: Bench) -> None:
    bench.serve("sw1")
    before = bench.run("sw1", "device.state")["return"]
    for function in ("grains.items", "schedule.list", "toast.missing", "cmd.run", "no.such"):
        bench.run("sw1", function)
    after = bench.run("sw1", "device.state")["return"]
    assert {**after, "since": 0} == {**before, "since": 0}
    for number, function in enumerate(("toast.toast", "test.ping", "stats.collect"), 1):
        bench.run("sw1", function)
        assert bench.run("sw1", "device.state")["return"]["calls"] == before["calls"] + number


# what is wrong with a device is its own trouble


@pytest.mark.parametrize(
    ("pillar", "said"),
    [
        ([1], "its pillar has no proxy"),
        ({}, "its pillar has no proxy"),
        ({"proxy": ["toaster"]}, "must be a mapping with a proxytype, not list"),
        ({"proxy": {"url": "x"}}, "names no proxytype"),
        ({"proxy": {"proxytype": "../x"}}, "names no proxytype"),
        ({"proxy": {"proxytype": "nothing"}}, "there is no proxymodule nothing"),
    ],
)
def test_a_pillar_that_makes_no_device_is_said_in_one_line(bench: Bench, pillar: Any, said: str) -> None:
    bench.serve("good")
    bench.list("good", "bad")
    bench.attached("bad")
    bench.say_for("bad", "brief", schedule={}, pillar=pillar)
    state = bench.wait_down("bad", said)
    assert "\n" not in state["error"]
    body = bench.run("bad", "test.ping")
    assert (body["retcode"], body["success"]) == (1, False)
    assert body["return"].startswith("bad is down since 2")
    assert said in body["return"]
    assert bench.run("bad", "cmd.run", "true")["retcode"] == 1, "it must never act on the host"
    assert "it acts on a host" in bench.run("bad", "cmd.run", "true")["return"]
    assert bench.run("bad", "device.state")["return"]["up"] is False
    assert bench.run("good", "toast.toast")["return"] == ["good", "good/", 1]
    bench.brief("bad")
    bench.wait_up("bad")
    assert bench.run("bad", "test.ping")["return"] is True


def raises(error: BaseException) -> Callable[[Any], Any]:
    def gate(_: Any) -> Any:
        raise error

    return gate


@pytest.mark.parametrize("error", [OSError("no route"), SystemExit(3), KeyboardInterrupt(), MemoryError()])
def test_whatever_init_raises_the_device_is_tried_again(
    bench: Bench, gates: dict[Any, Any], error: BaseException
) -> None:
    gates["init", "bad"] = raises(error)
    bench.serve("good")
    bench.list("good", "bad")
    bench.attached("bad")
    bench.brief("bad")
    state = bench.wait_down("bad", "toaster.init failed: " + type(error).__name__)
    assert bench.run("bad", "toast.toast")["return"].startswith("bad is down since ")
    bench.wait(lambda: bench.events("bad") == ["device/down"])
    gates.clear()
    bench.wait_up("bad")
    assert bench.grain("bad")["since"] >= state["since"]
    bench.wait(lambda: bench.events("bad") == ["device/down", "device/up"])


def test_an_init_that_hangs_delays_nobody_else(tmp_path: Path, gates: dict[Any, Any]) -> None:
    gate = threading.Event()
    gates["init", "slow"] = lambda _: gate.wait(60) and None
    bench = Bench(tmp_path, device_timeout=1.0)
    bench.welcome()
    bench.list("slow", "good")
    bench.attached("slow", "good")
    bench.brief("slow", "good")
    bench.wait_up("good")
    waits = bench.job("slow", "toast.toast")
    bench.wait_down("slow", "did not answer within its limit of 1 s")
    assert bench.wait(lambda: bench.returns(waits))["slow"]["return"].startswith("slow is down since ")
    assert bench.run("slow", "device.state")["return"]["state"] in ("down", "opening")
    gate.set()
    bench.wait_up("slow")
    bench.stop()


def test_two_jobs_on_a_device_that_hangs_are_both_answered(tmp_path: Path, gates: dict[Any, Any]) -> None:
    gate = threading.Event()
    bench = Bench(tmp_path, device_timeout=1.0)
    bench.welcome()
    bench.serve("sw1", "sw2")

    def hangs(_: Any) -> None:
        while not gate.is_set():
            try:
                gate.wait(60)
            except BaseException:
                continue

    gates["toast", "sw1"] = hangs
    one, two = bench.job("sw1", "toast.toast"), bench.job("sw1", "toast.toast")
    assert "did not answer within its limit" in bench.wait(lambda: bench.returns(one))["sw1"]["return"]
    assert bench.wait(lambda: bench.returns(two))["sw1"]["retcode"] == 1
    bench.wait(lambda: bench.devices.members["sw1"].lane.hung)
    assert "sw1 is down" in bench.run("sw1", "test.ping")["return"]
    bench.wait_down("sw1", "it hangs")
    assert bench.run("sw1", "device.state")["return"]["hung"] == 1
    assert bench.run("sw1", "saltutil.running")["return"] is not None
    assert bench.run("sw2", "toast.toast")["retcode"] == 0
    gates.clear()
    gate.set()
    bench.wait_up("sw1")
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "sw1/", 1]
    bench.stop()


# coming and going


def test_a_device_that_is_taken_off_the_list_is_closed_and_released(bench: Bench) -> None:
    bench.serve("sw1", "sw2")
    bench.acks = False
    bench.job("sw1", "toast.toast")
    bench.wait(lambda: [1 for name, m in bench.ret if name == "sw1" and m.type == "ret"])
    bench.list("sw2")
    bench.wait(lambda: ("shutdown", "sw1") in asked())
    assert bench.said("released") == []
    assert bench.run_nothing("sw1")
    bench.host.loop.ask(lambda: bench.host.outbox.ack(2**62))
    bench.wait(lambda: bench.said("released") == [{"devices": ["sw1"]}])
    assert list(bench.devices.members) == ["sw2"]


def test_a_list_that_flips_leaves_what_it_said_last(bench: Bench) -> None:
    bench.serve("sw1")
    for _ in range(10):
        bench.list()
        bench.list("sw1")
    bench.ret.clear()
    bench.wait(lambda: "sw1" in bench.devices.members)
    bench.brief("sw1")
    bench.wait_up("sw1")
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "sw1/", 1]
    assert bench.said("released") == []
    assert list(bench.devices.members) == ["sw1"]


def test_an_init_that_ends_after_its_device_was_removed_is_undone(bench: Bench, gates: dict[Any, Any]) -> None:
    gate, begun = threading.Event(), threading.Event()
    gates["init", "sw1"] = lambda _: begun.set() or (gate.wait(10) and None)
    bench.list("sw1")
    bench.attached("sw1")
    bench.brief("sw1")
    assert begun.wait(10)
    bench.list()
    gate.set()
    bench.wait(lambda: bench.said("released") == [{"devices": ["sw1"]}])
    assert asked() == [("init", "sw1"), ("shutdown", "sw1")]


def test_other_credentials_close_and_open_the_device_anew(bench: Bench) -> None:
    bench.serve("sw1", password=Secret("olden"))
    bench.brief("sw1", password=Secret("olden"))
    bench.run("sw1", "toast.toast")
    assert asked().count(("init", "sw1")) == 1
    bench.brief("sw1", password=Secret("newer"))
    bench.wait(lambda: asked().count(("init", "sw1")) == 2)
    assert [what for what, _ in asked()].index("shutdown") > 0
    bench.wait(lambda: bench.devices.members["sw1"].connection.up)
    assert bench.run("sw1", "toast.leak")["return"] == "it is ***"
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "sw1/", 1]


def test_a_change_of_the_channel_while_devices_open_costs_nothing(bench: Bench, gates: dict[Any, Any]) -> None:
    gate = threading.Event()
    gates["init"] = lambda _: gate.wait(10) and None
    bench.list("sw1", "sw2")
    bench.attached("sw1", "sw2")
    bench.brief("sw1")
    bench.lose()
    gate.set()
    bench.jobs.clear()
    bench.welcome()
    assert bench.said("serving")[-1] == {"devices": ["sw1", "sw2"]}
    bench.list("sw1", "sw2")
    bench.attached("sw1", "sw2")
    bench.brief("sw2")
    bench.wait_up("sw1", "sw2")
    assert asked().count(("init", "sw1")) == 1


# shared devices


def test_shared_devices_are_served_under_a_lease_alone(bench: Bench) -> None:
    bench.list("sw1", "sw2", shared=["sw2"], lease=1.0)
    bench.attached("sw1")
    assert list(bench.devices.members) == ["sw1"]
    question = bench.wait(lambda: [message.seq for _, message in bench.ret if message.type == "lease"])[0]
    bench.say("lease", question)
    bench.list("sw1", "sw2", shared=["sw2"], lease=1.0, asked=question)
    bench.attached("sw2")
    bench.brief("sw1", "sw2")
    bench.wait(lambda: ("shutdown", "sw2") in asked() or "sw2" not in bench.devices.members)
    bench.wait(lambda: {"devices": ["sw2"]} in bench.said("released"))
    assert list(bench.devices.members) == ["sw1"]


def test_a_device_that_is_taken_at_once_is_closed_all_the_same(bench: Bench, gates: dict[Any, Any]) -> None:
    gates["shutdown"] = lambda opts: threading.Event().wait(0.2)  # as one that says goodbye over the network
    bench.serve("sw1", "sw2")
    bench.list("sw1", "sw2", shared=["sw1"])  # there is no lease: another host may have it in a moment
    bench.wait(lambda: "sw1" not in bench.devices.members and "sw1" not in bench.devices._ending)
    assert ("shutdown", "sw1") in asked()
    assert bench.run("sw2", "toast.toast")["return"] == ["sw2", "sw2/", 1]


# schedules and accounts


def test_what_is_changed_of_a_devices_schedule_outlives_it(bench: Bench) -> None:
    bench.serve("sw1", "sw2", schedule=EVERY_HOUR)
    services = bench.devices.members["sw1"].services
    services.schedule_modify("mine", {"function": "test.ping", "seconds": 1800})
    assert sorted(services.schedule()) == ["mine", "toasts"]
    bench.list("sw2")
    bench.wait(lambda: bench.said("released"))
    bench.list("sw1", "sw2")
    bench.attached("sw1")
    bench.wait(lambda: "sw1" in bench.devices.members)
    bench.jobs.clear()
    bench.brief("sw1", schedule=EVERY_HOUR)
    bench.wait_up("sw1")
    assert sorted(bench.devices.members["sw1"].services.schedule()) == ["mine", "toasts"]
    assert sorted(bench.devices.members["sw2"].services.schedule()) == ["toasts"]
    one, two = (bench.devices.members[name].schedule for name in ("sw1", "sw2"))
    assert one._entries["toasts"].definition is two._entries["toasts"].definition


def test_a_slot_of_a_device_that_is_down_is_a_sample_that_failed(bench: Bench, gates: dict[Any, Any]) -> None:
    gates["init", "sw1"] = raises(OSError("no route"))
    bench.list("sw1")
    bench.attached("sw1")
    bench.brief("sw1", schedule=EVERY_HOUR)
    body = bench.wait(lambda: [m.body for name, m in bench.ret if name == "sw1" and m.type == "ret"])[0]
    assert (body["schedule"], body["retcode"]) == ("toasts", 1)
    assert body["failed"].startswith("sw1 is down since ")
    told = bench.devices.members["sw1"].services.schedule()["toasts"]
    assert (told["failed"], told["last_error"]["text"]) == (1, body["failed"])
    assert told["running"] is False


def test_losses_are_counted_for_the_device_and_told_in_its_name(bench: Bench) -> None:
    bench.serve("sw1", "sw2", schedule=EVERY_HOUR)
    bench.host.loop.ask(lambda: bench.host._lost([Origin("toasts", 3600.0, 7200.0, "sw1"), Origin("own", 15.0, 30.0)]))
    accounts = bench.wait(
        lambda: (
            (found := {n: m.body["schedules"] for n, m in bench.ret if m.type == "account"})
            and len(found) == 2
            and found
        )
    )
    assert accounts["sw1"] == {"toasts": {"seconds": 3600.0, "dropped": [[7200, 7200]], "skipped": []}}
    assert accounts[""] == {"own": {"seconds": 15.0, "dropped": [[30, 30]], "skipped": []}}
    assert bench.devices.members["sw1"].services.schedule()["toasts"]["dropped"] == 1
    assert bench.devices.members["sw2"].services.schedule()["toasts"]["dropped"] == 0


def test_calls_of_a_device_are_made_in_its_name(bench: Bench) -> None:
    bench.serve("sw1")
    threading.Thread(target=lambda: bench.devices.members["sw1"].services.request("ping")).start()
    name, call = bench.wait(lambda: [(n, m) for n, m in bench.ret if m.type == "call"])[0]
    assert (name, call.body) == ("sw1", {"cmd": "ping", "args": {}})
    bench.say("reply", call.seq, result=True)


def test_a_pillar_that_has_changed_is_fetched(bench: Bench) -> None:
    bench.serve("sw1")
    bench.say_for("sw1", "pillar")
    name, call = bench.wait(lambda: [(n, m) for n, m in bench.ret if m.type == "call"])[0]
    assert (name, call.body["cmd"]) == ("sw1", "pillar")
    bench.say("reply", call.seq, result={"proxy": {"proxytype": "toaster", "url": "other/"}})
    bench.wait(lambda: asked().count(("init", "sw1")) == 2)
    bench.wait(lambda: bench.devices.members["sw1"].connection.up)
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "other/", 1]


def test_questions_about_jobs_are_answered_by_each_device(bench: Bench, gates: dict[Any, Any]) -> None:
    gate = threading.Event()
    gates["toast"] = lambda _: gate.wait(10) and None
    bench.serve("sw1", "sw2")
    jid = bench.job("sw1", "toast.toast")
    bench.say_for(["sw1", "sw2"], "working", 7, jids=[jid])
    answers = bench.wait(
        lambda: (found := {n: m for n, m in bench.ret if m.type == "working"}) and len(found) == 2 and found
    )
    assert {name: (message.seq, message.body["jids"]) for name, message in answers.items()} == {
        "sw1": (7, [jid]),
        "sw2": (7, []),
    }
    bench.say_for("sw1", "working", 8, all=True)
    told = bench.wait(lambda: [m.body for n, m in bench.ret if m.type == "working" and m.seq == 8])[0]
    assert told["jids"] == [jid]
    gate.set()
    bench.wait(lambda: bench.returns(jid))


def test_garbage_for_devices_is_one_line(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.serve("sw1")
    for body in (
        {},
        {"minions": ["sw1"], "message": "text"},
        {"minions": ["sw1"], "message": b"\xc1"},
        {"minions": "sw1", "message": pack("job", 0, {})},
        {"minions": [1, None, "../x"], "message": pack("schedule", 0, {})},
        {"minions": ["sw1"], "message": pack("job", 0, {"jid": "x"})},
        {"minions": ["sw1"], "message": pack("for", 0, {"minions": ["sw1"], "message": b""})},
        {"minions": ["sw1"], "message": pack("brief", 0, {"schedule": 3, "pillar": 4})},
    ):
        bench.say("for", **body)
    bench.say("devices", devices=["sw1", "../x", 3], shared="no", lease="x", asked="y")
    assert list(bench.devices.members) == ["sw1"]
    assert not [record for record in caplog.records if record.exc_info]
    assert "minion id '../x' is not valid" in caplog.text


def test_the_host_counts_its_devices(bench: Bench, gates: dict[Any, Any]) -> None:
    assert bench.host.own.services.devices() == {}
    gates["init", "sw2"] = raises(OSError("no route"))
    bench.serve("sw1")
    bench.list("sw1", "sw2")
    bench.attached("sw2")
    bench.brief("sw2")
    bench.wait_down("sw2")
    counts = bench.host.own.services.devices()
    assert {name: counts[name] for name in ("served", "up", "down", "hung")} == {
        "served": 2,
        "up": 1,
        "down": 1,
        "hung": 0,
    }
    sample = bench.host.own.executor.run(Job("20260101000000000000", "stats.collect", [], {})).value
    assert sample["agent"]["devices"]["up"] == 1
    listed = bench.host.own.executor.run(Job("20260101000000000000", "stats.numbers", ["agent"], {})).value
    assert {f"agent.devices.{name}" for name in counts} <= set(listed)


# modules


def test_modules_that_are_forgotten_open_the_device_anew(bench: Bench) -> None:
    bench.serve("sw1", "sw2")
    assert bench.run("sw1", "saltutil.refresh_modules")["return"] is True
    bench.wait(lambda: asked().count(("init", "sw1")) == 2)
    bench.wait(lambda: bench.devices.members["sw1"].connection.up)
    assert bench.run("sw1", "toast.toast")["return"] == ["sw1", "sw1/", 1]
    assert asked().count(("init", "sw2")) == 1


@pytest.mark.parametrize("name", ["proxy/toaster", "modules/toast"])
def test_a_module_that_has_changed_is_heeded(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.serve("sw1")
    bench.run("sw1", "toast.toast")
    path = tmp_path / "cache" / "extmods" / f"{name}.py"
    text = path.read_text()
    path.write_text(text.replace('__context__["toaster"]["url"], n]', "'new', n]").replace("toast(n=1)", "toast(n=2)"))
    bench.host._take_modules([name.partition("/")[2]], {})
    again = name == "proxy/toaster"
    bench.wait(lambda: asked().count(("init", "sw1")) == 1 + again)
    bench.wait(lambda: bench.devices.members["sw1"].connection.up)
    expected = ["sw1", "new", 1] if again else ["sw1", "sw1/", 2]
    assert bench.run("sw1", "toast.toast")["return"] == expected


def test_functions_that_add_grains_are_asked_when_they_come(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.serve("sw1")
    assert bench.run("sw1", "grains.get", "rack")["return"] == ""
    path = tmp_path / "cache" / "extmods" / "grains" / "racks.py"
    path.parent.mkdir(parents=True)
    path.write_text("__proxyenabled__ = ['toaster']\ndef rack(proxy): return {'rack': 7 if proxy else 0}\n")
    bench.host._take_modules(["racks"], {})
    monkeypatch.setattr(bench.host.modules.sync, "run", lambda kinds: Synced(["grains.racks"], [], failed=False))
    bench.host.modules.fetch()
    bench.wait(lambda: [message for _, message in bench.jobs if message.body.get("grains", {}).get("rack") == 7])
    assert bench.run("sw1", "grains.get", "rack")["return"] == 7


def test_a_device_has_a_mine(bench: Bench) -> None:
    bench.list("sw1")
    bench.attached("sw1")
    pillar = {"proxy": {"proxytype": "toaster", "url": "x/"}, "mine_functions": {"toast.toast": [5]}}
    bench.say_for("sw1", "brief", schedule={}, pillar=pillar)
    name, call = bench.wait(lambda: [(n, m) for n, m in bench.ret if m.type == "call"])[0]
    assert (name, call.body["args"]["data"]) == ("sw1", {"toast.toast": {"value": ["sw1", "x/", 5]}})
    bench.say("reply", call.seq, result=True)


def test_nothing_is_released_of_what_is_on_the_list_again(bench: Bench) -> None:
    bench.serve("sw1", "sw2")
    bench.acks = False
    for name in ("sw1", "sw2"):
        bench.job(name, "toast.toast")
    bench.wait(lambda: {"sw1", "sw2"} <= {name for name, m in bench.ret if m.type == "ret"})
    bench.list()
    bench.wait(lambda: list(bench.devices.departures.waiting) in (["sw1", "sw2"], ["sw2", "sw1"]))
    bench.list("sw1")
    bench.host.loop.ask(lambda: bench.host.outbox.ack(2**62))
    bench.wait(lambda: bench.said("released") == [{"devices": ["sw2"]}])


def test_an_init_that_hangs_until_its_device_is_gone_is_undone(tmp_path: Path, gates: dict[Any, Any]) -> None:
    gate = threading.Event()

    def hangs(_: Any) -> None:
        while not gate.is_set():
            try:
                gate.wait(60)
            except BaseException:
                continue

    gates["init", "sw1"] = hangs
    bench = Bench(tmp_path, device_timeout=1.0)
    bench.welcome()
    bench.list("sw1")
    bench.attached("sw1")
    bench.brief("sw1")
    bench.wait(lambda: bench.devices.members["sw1"].lane.hung)
    bench.list()
    bench.wait(lambda: bench.said("released") == [{"devices": ["sw1"]}])
    assert ("shutdown", "sw1") not in asked()
    gate.set()
    bench.wait(lambda: ("shutdown", "sw1") in asked())
    bench.stop()


def test_a_slot_that_is_answered_at_once_is_over_at_once(bench: Bench, gates: dict[Any, Any]) -> None:
    gates["init", "sw1"] = raises(OSError("no route"))
    bench.list("sw1")
    bench.attached("sw1")
    bench.brief("sw1", schedule=EVERY_HOUR)
    bench.wait(lambda: [m for name, m in bench.ret if name == "sw1" and m.type == "ret"])
    bench.brief("sw1", schedule={**EVERY_HOUR, "more": EVERY_HOUR["toasts"]})
    bench.wait(lambda: len([m for name, m in bench.ret if name == "sw1" and m.type == "ret"]) == 2)
    bench.host.loop.ask(lambda: None)
    told = bench.devices.members["sw1"].services.schedule()
    assert {name: job["running"] for name, job in told.items()} == {"toasts": False, "more": False}


def test_answers_of_many_go_together(bench: Bench) -> None:
    devices = [f"sw{number}" for number in range(60)]
    bench.serve(*devices)
    frames: list[bytes] = []
    send = bench.host.channel.send
    bench.host.channel.send = lambda frame: bool(frames.append(frame)) or send(frame)  # type: ignore[method-assign, func-returns-value]  # counted
    bench.say_for(devices, "working", 9, jids=["20260101000000000000"])
    told = bench.wait(
        lambda: (
            (found := [(n, m) for n, m in bench.ret if m.type == "working" and m.seq == 9])
            and len(found) >= 60
            and found
        )
    )
    assert sorted({name for name, _ in told}) == sorted(devices)
    assert all(message.body["jids"] == [] for _, message in told)
    assert len([frame for frame in frames if b"working" in frame]) < 10
