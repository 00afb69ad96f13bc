"""Functions that run on the master: how the bus tells of them, what it keeps quiet, and those in the background."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from saltern.errors import ArgumentError, Busy, CommandError, FunctionNotFound, NotAuthorised
from saltern.ids import JidSource, check_jid
from saltern.secret import Secret
from saltern.wire import unpack_value
from saltern_master.auth.need import Need
from saltern_master.auth.peers import Peers
from saltern_master.bus import Event, EventBus
from saltern_master.commands import events as events_module
from saltern_master.commands import runs as runs_module
from saltern_master.commands.context import Context
from saltern_master.commands.dispatcher import CALLS_OF_A_USER, Dispatcher
from saltern_master.commands.registry import Command, command
from saltern_master.commands.runs import MAX_TOLD_BYTES, Runs, about_bytes, told
from support.doors import ROOT, Door, Users, minion

ACL = {
    "ann": ["@runner", "@events", "@wheel"],
    "fred": [{"@runner": ["thing.say", "thing.wait"]}, "@events"],
    "eve": ["@events", "test.*"],
}


@command("runner.thing.say", Need.RUNNER)
def say(context: Context, what: Any = None, more: Any = None) -> Any:
    """Return it."""
    return what


@command("runner.thing.fail", Need.RUNNER)
async def fail(context: Context, error: Any = None) -> None:
    """Raise it."""
    raise error or CommandError("it can't be done")


@command("runner.thing.wait", Need.RUNNER)
async def wait(context: Context) -> str:
    """Wait for the test."""
    await context.services.gate.wait()  # type: ignore[attr-defined]
    return "waited"


@command("wheel.key.accept", Need.WHEEL)
async def accept(context: Context, match: str) -> list[str]:
    """Accept."""
    return [match]


@command("wheel.key.invite", Need.WHEEL, private=True)
async def invite(context: Context) -> str:
    """Return a token."""
    return "token"


@command("minion.ping", Need.MINION)
async def ping(context: Context) -> bool:
    """Answer."""
    return True


class Here(Door):
    """The door with a bus, and what would be kept."""

    def __init__(self) -> None:
        self.bus = EventBus(100_000)
        self.kept: list[Any] = []
        self.now = 0.0
        commands = [say, fail, wait, accept, invite, ping]
        commands += [one for one in vars(events_module).values() if isinstance(one, Command)]
        super().__init__(ACL, commands, Users(ann=(), fred=(), eve=()), bus=self.bus, gate=asyncio.Event())
        runs = Runs(self.bus, self, JidSource().next, lambda: self.now)  # type: ignore[arg-type]
        self.services.ran_by = runs.owner
        self.dispatcher = Dispatcher(self.registry, self.policy, self.services, runs)
        self.heard = self.bus.subscribe()

    def put_job(self, load: dict[str, Any]) -> None:
        self.kept.append(load)

    def put_return(self, name: str, body: dict[str, Any]) -> None:
        self.kept.append((name, body))

    async def told(self) -> list[Event]:
        return await self.heard.batch()


def run(scenario: Any) -> None:
    async def whole() -> None:
        here = Here()
        try:
            async with asyncio.timeout(20):
                await scenario(here)
        finally:
            here.dispatcher.close()

    asyncio.run(whole())


def data_of(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.data.items() if key not in ("_stamp", "from")}


def test_a_call_is_told_of_when_it_begins_and_when_it_ends() -> None:
    async def scenario(here: Here) -> None:
        assert await here.call("ann", "runner.thing.say", 1, more={"a": 2}) == 1
        await here.call(ROOT, "wheel.key.accept", match="web*")
        events = await here.told()
        jid, wheel_jid = events[0].data["jid"], events[2].data["jid"]
        assert check_jid(jid) < check_jid(wheel_jid)
        new = {"fun": "runner.thing.say", "jid": jid, "user": "ann", "fun_args": [1, {"more": {"a": 2}}]}
        wheel = {"fun": "wheel.key.accept", "jid": wheel_jid, "user": "root", "fun_args": [{"match": "web*"}]}
        assert [(event.tag, data_of(event)) for event in events] == [
            (f"salt/run/{jid}/new", new),
            (f"salt/run/{jid}/ret", {**new, "return": 1, "success": True}),
            (f"salt/wheel/{wheel_jid}/new", wheel),
            (f"salt/wheel/{wheel_jid}/ret", {**wheel, "return": ["web*"], "success": True}),
        ]
        assert {event.data["from"] for event in events} == {"master"}
        assert here.kept == []

    run(scenario)


def test_a_call_that_fails_is_told_of_too_and_one_that_may_not_be_made_is_not() -> None:
    async def scenario(here: Here) -> None:
        with pytest.raises(CommandError):
            await here.call("ann", "runner.thing.fail")
        for who, name, args, error in (
            ("fred", "runner.thing.fail", [], NotAuthorised),
            ("eve", "runner.thing.say", [], NotAuthorised),
            ("ann", "runner.thing.say", [1, 2, 3], ArgumentError),
            ("ann", "runner.nosuch", [], FunctionNotFound),
        ):
            with pytest.raises(error):
                await here.call(who, name, *args)
        assert await here.call(minion("web1"), "minion.ping") is True
        new, ret = await here.told()
        assert data_of(ret) == {**data_of(new), "return": "it can't be done", "success": False}

    run(scenario)


def test_what_is_large_or_secret_is_only_named() -> None:
    async def scenario(here: Here) -> None:
        large = "x" * (MAX_TOLD_BYTES + 1)
        await here.call(ROOT, "runner.thing.say", large)
        await here.call(ROOT, "runner.thing.say", [[large[:-2]] * 2] * 1000)
        await here.call(ROOT, "runner.thing.say", {"password": Secret("hunter2")})
        await here.call(ROOT, "wheel.key.invite")
        events = await here.told()
        assert all(len(event.packed()) < MAX_TOLD_BYTES for event in events)
        assert events[1].data["return"] == events[3].data["return"] == "over 65,536 bytes: not kept here"
        assert events[0].data["fun_args"] == "over 65,536 bytes: not kept here"
        assert events[4].data["fun_args"] == [{"password": "***"}]
        assert events[5].data["return"] == {"password": "***"}
        assert events[7].data["return"] == "***"

    run(scenario)


def test_others_see_neither_what_was_given_nor_what_came_back() -> None:
    async def scenario(here: Here) -> None:
        streams = {who: await here.call(who, "event.subscribe", "salt/run/") for who in ("ann", "eve", ROOT)}
        await here.call("ann", "runner.thing.say", "mine")
        for who, shown in (("ann", True), (ROOT, True), ("eve", False)):
            new, ret = (unpack_value(item)["data"] for item in await streams[who].source.batch())
            assert new["fun_args"] == ret["fun_args"] == (["mine"] if shown else "***")
            assert ret["return"] == ("mine" if shown else "***")
            assert ret["fun"] == "runner.thing.say"

    run(scenario)


def test_a_flood_of_calls_is_answered_and_told_of_so_many_times_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "TOLD_A_MINUTE", 5)

    async def scenario(here: Here) -> None:
        for _ in range(8):
            assert await here.call("ann", "runner.thing.say", 1) == 1
        await here.call("fred", "runner.thing.say", 1)
        assert [event.data["user"] for event in await here.told()] == ["ann"] * 10 + ["fred"] * 2
        assert here.dispatcher.metrics()["untold"] == 3
        here.now = 61.0
        await here.call("ann", "runner.thing.say", 1)
        assert len(await here.told()) == 2

    run(scenario)


def test_a_function_in_the_background_is_kept_as_a_job() -> None:
    async def scenario(here: Here) -> None:
        started = await here.call("fred", "runner.async", "thing.wait")
        jid = started["jid"]
        assert started == {"tag": f"salt/run/{jid}", "jid": jid}
        assert here.dispatcher.metrics()["running"] == 1
        here.services.gate.set()
        while here.dispatcher.metrics()["running"]:
            await asyncio.sleep(0)
        new, ret = await here.told()
        assert (new.tag, ret.tag) == (f"salt/run/{jid}/new", f"salt/run/{jid}/ret")
        load, (name, body) = here.kept
        assert load == {
            "jid": jid,
            "fun": "runner.thing.wait",
            "arg": [],
            "kwarg": {},
            "user": "fred",
            "owner": "local:fred",
            "client": "runner",
            "tgt": name,
            "tgt_type": "list",
            "minions": [name],
        }
        assert name.endswith("_master")
        whole = body["return"]
        assert whole.pop("_stamp").endswith("+00:00")
        assert whole == data_of(ret)
        assert (body["jid"], body["success"], body["retcode"], whole["return"]) == (jid, True, 0, "waited")

    run(scenario)


def test_what_may_not_be_called_is_not_begun_in_the_background_either() -> None:
    async def scenario(here: Here) -> None:
        for who, name, args, error in (
            ("fred", "runner.async", ["thing.fail"], NotAuthorised),
            ("fred", "wheel.async", ["key.accept", ["*"]], NotAuthorised),
            ("eve", "runner.async", ["thing.say"], NotAuthorised),
            (minion("web1"), "runner.async", ["thing.say"], NotAuthorised),
            (minion("web1"), "runner.async", ["../minion.ping"], NotAuthorised),
            ("ann", "runner.async", ["nosuch"], FunctionNotFound),
            ("ann", "runner.async", [], ArgumentError),
            ("ann", "runner.async", [["thing.say"]], ArgumentError),
            ("ann", "runner.async", ["thing.say", [1, 2, 3]], ArgumentError),
        ):
            with pytest.raises(error):
                await here.call(who, name, *args)
        assert here.kept == []
        assert here.dispatcher.metrics()["running"] == 0

    run(scenario)


def test_a_minion_runs_nothing_in_the_background() -> None:
    async def scenario(here: Here) -> None:
        here.policy._peer_run = Peers("peer_run", {"web1": ["thing.say"]})
        assert await here.call(minion("web1"), "runner.thing.say", 1) == 1
        with pytest.raises(NotAuthorised):
            await here.call(minion("web1"), "runner.async", "thing.say", [1])
        assert here.kept == []

    run(scenario)


def test_a_user_who_is_called_as_a_minion_sees_nothing_of_what_it_was_given() -> None:
    async def scenario(here: Here) -> None:
        here.policy._peer_run = Peers("peer_run", {"fred": ["thing.say"]})
        stream = await here.call("fred", "event.subscribe")
        await here.call(minion("fred"), "runner.thing.say", "its own")
        new, ret = [unpack_value(one)["data"] for one in await stream.source.batch()]
        assert (new["user"], new["fun_args"]) == ("minion:fred", "***")
        assert ret["return"] == "***"

    run(scenario)


def test_functions_in_the_background_count_as_calls_until_they_are_over() -> None:
    async def scenario(here: Here) -> None:
        for _ in range(CALLS_OF_A_USER):
            await here.call("fred", "runner.async", "thing.wait")
        with pytest.raises(Busy):
            await here.call("fred", "runner.thing.say")
        assert await here.call("ann", "runner.thing.say", 1) == 1
        here.services.gate.set()
        while here.dispatcher.metrics()["running"]:
            await asyncio.sleep(0)
        assert await here.call("fred", "runner.thing.say", 1) == 1

    run(scenario)


def test_a_failure_in_the_background_is_its_return() -> None:
    async def scenario(here: Here) -> None:
        for error, why in ((None, "it can't be done"), (ZeroDivisionError(), "it came to no end: ZeroDivisionError")):
            here.kept.clear()
            await here.call(ROOT, "runner.async", fun="thing.fail", kwarg={"error": error})
            while here.dispatcher.metrics()["running"]:
                await asyncio.sleep(0)
            (_, body) = here.kept[1]
            assert (body["success"], body["retcode"], body["return"]["return"]) == (False, 1, why)

    run(scenario)


def test_events_are_sent_below_ones_own_name_unless_he_may_all() -> None:
    async def scenario(here: Here) -> None:
        assert await here.call("fred", "runner.event.send", "my/tag", {"a": 1}) is True
        assert await here.call(ROOT, "runner.event.send", "my/tag") is True
        with pytest.raises(NotAuthorised):
            await here.call("fred", "runner.event.send", "salt/auth", {"id": "x"})
        events = [event for event in await here.told() if not event.tag.startswith("salt/run/")]
        assert [(event.tag, data_of(event), event.data["from"]) for event in events] == [
            ("salt/user/fred/my/tag", {"a": 1}, "user:fred"),
            ("my/tag", {}, "user:root"),
        ]

    run(scenario)


def test_sizes_are_looked_at_no_further_than_asked() -> None:
    class Endless(list):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            raise AssertionError("looked at")

    assert about_bytes([Endless([0]) * 1, *["x" * 50] * 3], 100) > 100
    assert about_bytes({"a": [1, "b"]}, 1000) < 100
    loop: list[Any] = []
    loop.append(loop)
    assert told(loop)[0] == "over 65,536 bytes: not kept here"
