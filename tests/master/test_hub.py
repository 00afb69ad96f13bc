"""The master's end of the channel over its objects: who is heard, and that whoever asks is answered once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from typing import Any

import pytest

from saltern.keystore import ACCEPTED
from saltern.secret import Secret
from saltern.wire import MAX_MESSAGE_BYTES, Message, pack
from saltern_master.commands.context import Context
from saltern_master.commands.dispatcher import CALLS_OF_A_MINION, Dispatcher
from saltern_master.commands.registry import Need, Registry, command
from saltern_master.entrances.channel.port import Peer
from saltern_master.jobs.tracker import TrackedJob
from support.keys import A, B, Door
from support.masters import until


def say(door: Door, peer: Peer, type_: str, body: dict[Any, Any], seq: int = 7) -> None:
    door.hub.on_ret_message(peer, pack(type_, seq, body))


async def answers(door: Door, peer: Peer, number: int = 1) -> list[Message]:
    """Return what was sent to *peer* once no call is being answered any more: so many messages."""
    await until(lambda: not door.hub._calling)
    sent = door.wire.to(peer)
    assert len(sent) == number
    return sent


async def replied(door: Door, peer: Peer, body: dict[Any, Any]) -> dict[str, Any]:
    say(door, peer, "call", body)
    (reply,) = await answers(door, peer)
    assert (reply.type, reply.seq) == ("reply", 7)
    return reply.body


class Nameless(Exception):
    def __str__(self) -> str:
        raise ValueError("no text for it")


FAULTS: list[BaseException] = [
    *(ValueError("x\ny"), OverflowError(), RecursionError("deep"), MemoryError(), KeyError("k"), OSError(28, "full")),
    *(StopIteration(), StopAsyncIteration(), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Nameless()),
    *(
        asyncio.CancelledError(),
        concurrent.futures.CancelledError(),
        TimeoutError(),
        ExceptionGroup("g", [ValueError()]),
    ),
]


def offering(door: Door, handler: Callable[..., Any]) -> None:
    """Have minions call *handler* as ``given``."""
    registry = Registry([], [command("minion.given", Need.MINION)(handler)])
    door.hub._dispatcher = Dispatcher(registry, door.master.policy, door.master)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_call_that_raises_anything_gets_one_reply(
    door: Door, fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def given(context: Context) -> None:
        raise fault

    async def scenario() -> None:
        offering(door, given)
        peer = door.minion("web", A)
        for _ in range(2):
            answer = await replied(door, peer, {"cmd": "given", "args": {}})
            assert answer["code"] == "internal"
            assert answer["error"].startswith("the master failed (")
        door.hub._dispatcher.close()

    asyncio.run(scenario())
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1  # not one for each


@pytest.mark.parametrize(
    "result",
    [b"x" * (MAX_MESSAGE_BYTES + 1), {(1, 2): 3}, 2**70, {2**70: 1}, object(), [[]] * 3, Secret("s"), "\ud800"],
    ids=lambda value: type(value).__name__,
)
def test_a_result_that_cant_be_sent_is_answered_too(door: Door, result: object) -> None:
    def given(context: Context) -> Any:
        return result

    async def scenario() -> None:
        offering(door, given)
        answer = await replied(door, door.minion("web", A), {"cmd": "given"})
        assert len(answer) == 1 or answer["code"]
        door.hub._dispatcher.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("args", [None, [], ["x"], "x", 5, 1.5, True, b"x"], ids=repr)
def test_arguments_that_are_no_map_are_refused(door: Door, args: object) -> None:
    async def scenario() -> None:
        answer = await replied(door, door.minion("web", A), {"cmd": "ping", "args": args})
        assert answer["error"].startswith("a call's args must be a map, not ")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "args",
    [
        *({"offset": float("inf")}, {"offset": 1.5}, {"offset": True}, {"offset": -(2**63)}, {"offset": 2**64 - 1}),
        *({"path": "\ud800"}, {"path": "a\0b"}, {"path": ["x"]}, {"hsum": b"x"}, {"saltenv": None}, {5: 1}, {b"x": 1}),
    ],
    ids=repr,
)
def test_arguments_of_other_types_are_refused_by_name(
    door: Door, args: dict[Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        good = {"path": "x", "hsum": "0" * 64, "offset": 0}
        answer = await replied(door, door.minion("web", A), {"cmd": "file_chunk", "args": {**good, **args}})
        assert answer["code"] in ("arguments", "bad_id", "files")
        assert "\n" not in answer["error"]

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_one_minions_calls_leave_the_others_theirs(door: Door) -> None:
    release = asyncio.Event()

    async def given(context: Context) -> str:
        await release.wait()
        return context.caller.name

    async def scenario() -> None:
        offering(door, given)
        web, db = door.minion("web", A), door.minion("db", B)
        for seq in range(100):
            say(door, web, "call", {"cmd": "given"}, seq)
        say(door, db, "call", {"cmd": "given"})
        await until(lambda: len(door.hub._calling) == CALLS_OF_A_MINION + 1)
        busy = door.wire.to(web)
        assert {message.body["code"] for message in busy} == {"busy"}
        release.set()
        done = await answers(door, web, CALLS_OF_A_MINION)
        assert sorted([message.seq for message in [*busy, *done]]) == list(range(100))
        assert [message.body for message in await answers(door, db)] == [{"result": "db"}]

    asyncio.run(scenario())


def test_what_a_minion_can_write_into_the_log_is_bounded(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        peer = door.minion("web", A)
        jobs = door.attach(door.wire.peer(A))
        caplog.clear()
        for number in range(300):
            say(door, peer, "call", {"cmd": f"nosuch{number}"})
            say(door, peer, "ret", {"jid": "x"})
            say(door, peer, "event", {"tag": ""})
            say(door, peer, "working", {"jids": number})
            say(door, peer, f"nosuch{number}", {})
            door.hub.on_ret_message(peer, b"\xc1" * number)
            door.attach(jobs, grains=number)
            door.attach(jobs, grains={"large": "x" * (1024 * 1024 + number)})
            await until(lambda: not door.hub._calling)

    asyncio.run(scenario())
    assert len(caplog.records) < 20


def test_a_question_is_answered_by_whom_it_was_put_to(door: Door) -> None:
    async def scenario() -> None:
        web, db = door.minion("web", A), door.minion("db", B)
        tracker = door.master.tracker
        now = 1000.0
        tracker._clock = lambda: now
        tracker.begin(TrackedJob("2" * 20, "test.sleep", None, {"web": A}, quiet_s=1.0))
        now += 2
        tracker.look()
        for body in ({"jids": []}, {"jids": [], "more": False}, {"jids": ["2" * 20]}):
            say(door, db, "working", body)
        for nonsense in ({}, {"jids": None}, {"jids": [5]}, {"jids": "2" * 20}, {"jids": [], "more": 1}):
            say(door, web, "working", nonsense)
        assert tracker.running()["2" * 20]["running"] == ["web"]
        say(door, web, "working", {"jids": ["3" * 20] * 1000, "more": True})
        assert tracker.running()["2" * 20]["running"] == ["web"]
        say(door, web, "working", {"jids": []})
        assert tracker.running() == {}

    asyncio.run(scenario())


@pytest.mark.parametrize("type_", ["ret", "event", "call", "working", "attach", "job", "nonsense"])
def test_a_key_that_isnt_accepted_is_only_asked_who_it_is(door: Door, type_: str) -> None:
    async def scenario() -> None:
        stranger = door.wire.peer(A, "10.0.0.1")
        body = {"jid": "2" * 20, "fun": "f", "return": 1, "tag": "x", "cmd": "pillar", "jids": []}
        say(door, stranger, type_, body)
        assert [message.type for message in await answers(door, stranger)] == ["who"]
        web = door.minion("web", B)
        door.store.remove(ACCEPTED, "web")
        door.refresh()
        door.wire.to(web)
        say(door, web, type_, body)
        assert [message.type for message in await answers(door, web)] == ["who"]

    asyncio.run(scenario())
    assert door.told("salt/job") == door.told("salt/minion/web/x") == []
    assert door.master.inbox.returns == 0
