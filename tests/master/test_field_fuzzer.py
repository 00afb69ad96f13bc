"""Every field of every message, and every parameter of every command, with values that nobody meant.

A master that runs is told all of it by a stranger, by an accepted minion, by root and by an ordinary user. After that
it must work as before: a job, a point, a key, an event; with nothing in its log that calls for its author.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import math
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from saltern.client import LocalClient
from saltern.config import MasterOptions
from saltern.errors import WireError
from saltern.event import MasterEvent
from saltern.local import LENGTH, SOCKET_NAME
from saltern.pki import KeyPair
from saltern.wheel import Wheel
from saltern.wire import Message, unpack, unpack_value
from saltern_master.master import Master
from saltern_master.shipping.shippers.memory import MemoryShipper
from support.folders import open_to_all
from support.masters import FakeAgent, running, until

SEED = 20_261_128
ANSWER_WITHIN_S = 20.0
NOBODY = 65534
SECRET = "hunter2-of-the-fuzzer"
FRAMES_OF_A_STRANGER = 18  # a key's burst is looked at, what comes faster is dropped unread
JID = "20260131120000123456"
ASKED: dict[str, Any] = {
    "path": "x",
    "hsum": "0" * 64,
    "offset": 0,
    "saltenv": "base",
    "upload": "0" * 32,
    "data": {"a": 1},
    "tgt": "*",
    "fun": "test.ping",
    "arg": [1],
    "kwarg": {"a": 1},
    "timeout": 1.0,
    "clear": False,
}
"""What minions' calls are given, by the parameter's name."""
ACL = {"nobody": ["test.*", "@runner", "@wheel", "@events", {"web*": ["cmd.run"]}]}


def deep(levels: int, around: Any = 0) -> Any:
    for level in range(levels):
        around = [around] if level % 2 else {"d": around}
    return around


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 2**31, 2**63, 2**64 - 1, -(2**63)),
    *(math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324),
    *("", "x", "x" * 70_000, "\ud800", "a\udcffb", "\x1b[2J\x07", "a\nb", "\0", "../../etc/passwd", "٢" * 20, "\u202e"),
    *(JID, "*" * 300 + "!", "[", "(" * 200, "a" * 5000, "salt/job/1/ret/x", "test.ping", "%s{0}${HOME}"),
    *(b"", b"\xff\x00" * 20, [], [None], [[]], [{}], ["x", 1, b"\xff"], [["minions", "x", "y"]], list(range(300))),
    *({}, {"a": {}}, {1: 2}, {b"k": b"\xff"}, {None: None}, {2**63: 1}, {math.nan: 1}, {"data": 1, "id": 2, "from": 3}),
    *(deep(24), deep(40), {"x" * 5000: 1}, {"\ud800": "\ud800"}),
    msgpack.ExtType(1, SECRET.encode()),
    {"function": msgpack.ExtType(1, SECRET.encode()), "password": msgpack.ExtType(1, SECRET.encode())},
    *(msgpack.ExtType(5, b"x"), msgpack.Timestamp(1, 2)),
)


def packed(value: Any) -> bytes:
    made: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return made


def variants(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield *body* with each of its fields odd, gone, and with fields that aren't its own."""
    for field in body:
        yield {key: value for key, value in body.items() if key != field}
        for value in ODD:
            yield {**body, field: value}
    for extra in ("data", "_stamp", "from", "id", "user", "cmd", "", "x" * 3000, "\ud800", b"\xff", 7, None):
        yield {**body, extra: {"nested": "extra"}}


def messages(type_: str, *bodies: dict[str, Any]) -> Iterator[bytes]:
    """Yield the frames of a type of message: odd bodies, and odd envelopes of a good one."""
    for body in bodies:
        for variant in variants(body):
            yield packed([1, type_, 3, variant])
    for part in range(4):
        for value in ODD:
            whole: list[Any] = [1, type_, 3, bodies[0]]
            whole[part] = value
            yield packed(whole)
    yield from (packed(value) for value in ([], [1, type_], [1, type_, 3, bodies[0], 4], type_, bodies[0]))
    yield b""
    yield packed([1, type_, 3, bodies[0]])[:-1]


def hellos(minion_id: str) -> Iterator[bytes]:
    body = {"id": minion_id, "version": "1", "grains": {"os": "x"}, "boot": 5.0, "token": "t", "call": False}
    return messages("hello", body)


def on_the_ret_port(master: Master, now: int) -> Iterator[bytes]:
    """Yield what an accepted minion says: returns of jobs and schedules, events, calls, answers to questions."""
    answer = {"jid": JID, "fun": "test.ping", "fun_args": [1], "return": {"a": 1}, "retcode": 0, "success": True}
    more = {"duration_ms": 1.5, "plain": ["x"], "module": {"digest": "d", "commit": "c"}, "return_job": True}
    scheduled = {"schedule": "stats", "slot": now, "metrics": True, "failed": "x"}
    yield from messages("ret", answer, {**answer, **more, **scheduled})
    yield from messages("event", {"tag": "mine", "data": {"a": 1}})
    absent = {"seconds": 15, "skipped": [[now, now + 15]], "dropped": []}
    yield from messages("account", {"schedules": {"stats": absent}})
    yield from messages("clock", {"skew_ms": 0.5})
    yield from messages("working", {"jids": [JID], "more": False})
    for command in master.registry.offered_by("minion"):
        args = {param.name: ASKED.get(param.name, "x") for param in command.params}
        for variant in variants(args):
            yield packed([1, "call", 4, {"cmd": command.function, "args": variant}])
    yield from messages("call", {"cmd": "ping", "args": {}})
    yield from (packed([1, type_, 3, {}]) for type_ in ("job", "ack", "welcome", "schedule", "nonsense", "\ud800"))


def requests(master: Master) -> Iterator[bytes]:
    """Yield requests for the local socket: each parameter of each command, and the request's own fields."""
    good: dict[str, Any] = {"tgt": "web*", "tgt_type": "glob", "fun": "test.arg", "arg": [1], "kwarg": {"a": 1}}
    good |= {"tag": "mine", "data": {}, "jid": JID, "follow": False, "minion": "web01", "match": "nosuch*"}
    good |= {"states": ["acc"], "keys": [["minions", "nosuch", "x"]], "host": "localhost", "minion_id": "new"}
    good = ASKED | good | {"publish_port": 4505, "ret_port": 4506}
    for client in ("job", "event", "runner", "wheel", "minion"):
        for command in master.registry.offered_by(client):
            named = [param for param in command.params if not param.rest]
            args = {p.name: good.get(p.name, "x" if p.required else p.default) for p in named}
            if command.name == "job.publish":
                args["jid"] = ""  # else it would be one that is held
            for variant in variants(args):
                yield packed({"command": command.name, "kwargs": variant, "within_s": 10})
            for value in ODD:
                yield packed({"command": command.name, "args": [value] * (1 + len(args)), "within_s": 10})
                if args:
                    yield packed({"command": command.name, "args": [value], "within_s": 10})
    request = {"command": "job.publish", "args": [], "kwargs": {"tgt": "web*", "fun": "test.ping"}, "within_s": 10}
    yield from (packed(variant) for variant in variants(request))
    yield from (packed(value) for value in ODD)


class Program:
    """A local program's connection, made again whenever the master has ended it."""

    def __init__(self, options: MasterOptions, uid: int) -> None:
        self._path = os.path.join(options["sock_dir"], SOCKET_NAME)
        self._uid = uid
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.answers: Counter[str] = Counter()

    async def ask(self, request: bytes) -> None:
        """Send a request and read its one answer, past a stream's items; or the connection's end."""
        if self._stream is None:
            with acting_as(self._uid):
                self._stream = await asyncio.open_unix_connection(self._path)
        reader, writer = self._stream
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                writer.write(LENGTH.pack(len(request)) + request)
                await writer.drain()
                while True:
                    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    answer = unpack_value(await reader.readexactly(length))
                    if "result" in answer or "error" in answer:
                        break
            assert SECRET not in repr(answer)
            assert "\n" not in str(answer.get("error"))
            self.answers[answer.get("code", "result")] += 1
        except (ConnectionError, EOFError):
            self.answers["closed"] += 1
            await self.close()

    async def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            with contextlib.suppress(ConnectionError):
                await self._stream[1].wait_closed()
            self._stream = None


@contextlib.contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Have the kernel tell *uid* to whom we connect to meanwhile."""
    before = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


class Talker:
    """Sends frames as fast as they are taken, and takes what comes back."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._socket = socket
        self.answers: Counter[str] = Counter()

    async def say(self, frames: Iterator[bytes]) -> None:
        for frame in frames:
            await self.send(frame)

    async def send(self, frame: bytes) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                with contextlib.suppress(zmq.Again):
                    self._socket.send(frame, zmq.DONTWAIT)
                    break
                self.take()
                await asyncio.sleep(0.001)
        if random.random() < 0.1:  # the seed is set: now and then the master has its turn
            self.take()
            await asyncio.sleep(0)

    def take(self) -> list[Message]:
        taken = []
        with contextlib.suppress(zmq.Again):
            while True:
                taken.append(unpack(self._socket.recv(zmq.DONTWAIT), secrets=True))
                self.answers[taken[-1].type] += 1
        return taken

    async def heard(self, type_: str, times: int = 1) -> None:
        """Wait until so many messages of a type have come in all."""

        def enough() -> bool:
            self.take()
            return self.answers[type_] >= times

        await until(enough)


@contextlib.asynccontextmanager
async def fuzzed(options: MasterOptions) -> AsyncIterator[tuple[Master, FakeAgent]]:
    async with running(options) as master:
        web01 = FakeAgent(master, "web01")
        try:
            web01.hello()
            await web01.receive()
            Wheel(options)  # its options are read before the loop is busy
            await asyncio.to_thread(Wheel(options).call_func, "key.accept", match="web01")
            await web01.join()
            yield master, web01
        finally:
            web01.close()


@pytest.fixture
def shipper(monkeypatch: pytest.MonkeyPatch) -> MemoryShipper:
    shipper = MemoryShipper()
    monkeypatch.setattr("saltern_master.shipping.engine.make_shipper", lambda *_: shipper)
    return shipper


@pytest.fixture
def open_options(options: MasterOptions, shipper: MemoryShipper) -> Iterator[Any]:
    """Options of a master whose socket other users get to, and whose points go to *shipper*."""
    (Path(options["root_dir"]) / "srv" / "x").write_text("a file")
    changed = {"carbon_protocol": "plaintext", "publisher_acl": ACL, "timeout": 0.3}
    with open_to_all() as folder:
        yield {**options, **changed, "sock_dir": f"{folder}/run"}


async def told_by_strangers(master: Master, now: int) -> None:
    frames = itertools.chain(hellos("stranger"), on_the_ret_port(master, now))
    random.Random(SEED).shuffle(some := list(frames))
    for number in range(12):
        stranger = FakeAgent(master, f"s{number}")
        try:
            talker = Talker(stranger.ret)
            await talker.say(iter(some[number * FRAMES_OF_A_STRANGER : (number + 1) * FRAMES_OF_A_STRANGER]))
            stranger.hello()
            await until(lambda talker=talker: {m.type for m in talker.take()} & {"wait", "refused"})
            assert not talker.answers["welcome"]
            assert not talker.answers["ack"]
            assert not talker.answers["reply"]
        finally:
            stranger.close()


async def told_by_the_minion(master: Master, web01: FakeAgent, now: int) -> None:
    talker = Talker(web01.ret)
    calls = 0
    for frame in itertools.chain(on_the_ret_port(master, now), hellos("web01")):
        await talker.send(frame)
        with contextlib.suppress(WireError):
            if unpack(frame).type == "call":
                calls += 1
                await talker.heard("reply", calls)
    web01.hello()
    await talker.send(packed([1, "call", 4, {"cmd": "ping", "args": {}}]))
    await talker.heard("reply", calls + 1)
    assert talker.answers["reply"] == calls + 1  # each call got one reply, whatever was asked
    assert web01.jobs is not None
    jobs = Talker(web01.jobs)
    await jobs.say(messages("attach", {"boot": 1.0, "grains": {"os": "x"}, "have": {"schedule": "x", "pillar": "y"}}))
    await jobs.send(packed([1, "attach", 0, {"boot": 1.0, "grains": {"settled": True}}]))
    await until(lambda: master.fleet.grains("web01").get("settled"))


async def told_by_programs(master: Master, web01: FakeAgent, options: MasterOptions) -> None:
    assert web01.jobs is not None
    jobs = Talker(web01.jobs)
    seqs = itertools.count(2**40)
    for uid in (os.geteuid(), NOBODY) if os.geteuid() == 0 else (os.geteuid(),):
        program = Program(options, uid)
        # Each value comes to a third of the fields; who has few rights is mostly refused at once: less will do for him.
        for request in itertools.islice(requests(master), None, None, 3 if uid == os.geteuid() else 11):
            await program.ask(request)
            for message in jobs.take():
                if message.type == "job":
                    web01.give_back(message.body, message.body["kwarg"], seq=next(seqs))
        await program.close()
        assert program.answers["internal"] == 0
        assert program.answers["timeout"] <= 5  # those that wanted an answer within no time
        assert program.answers["result"] > 50
    assert jobs.answers["job"] > 50


async def works(
    master: Master, web01: FakeAgent, options: MasterOptions, shipper: MemoryShipper, fuzzed_slot: int
) -> None:
    """Run a job, ship a point, which counts unless *fuzzed_slot* was its own, accept a key, fire an event."""
    asking = asyncio.create_task(asyncio.to_thread(LocalClient(mopts=options).cmd, "web01", "test.works", [1]))
    while (job := await web01.receive(web01.jobs)).body.get("fun") != "test.works":
        pass
    web01.give_back(job.body, "it does", seq=2**41)
    assert await asking == {"web01": "it does"}

    slot = int(time.time() // 15 * 15)
    await master.account_keeper.catch_up()
    before = {name: numbers for _, name, numbers in master.accounting.rows(slot)}
    point = {"schedule": "stats", "slot": slot, "metrics": True}
    web01.give_back({"jid": "2" * 20, "fun": "stats.collect"}, {"works": 42}, seq=2**41 + 1, **point)
    await until(lambda: ("saltern.web01.stats.works", slot, 42.0) in shipper.points)
    await master.account_keeper.catch_up()
    after = {name: numbers for _, name, numbers in master.accounting.rows(slot)}
    assert after["stats"]["received"] - before["stats"]["received"] == (slot != fuzzed_slot)
    while (ack := await web01.receive()).type != "ack" or ack.seq != 2**41 + 1:
        pass
    assert ack.body == {}

    events = MasterEvent(options["sock_dir"])
    await asyncio.to_thread(events.subscribe, "salt/minion/web01/works")
    web01.send("event", 2**41 + 2, tag="works", data={"a": 1})
    event = await asyncio.to_thread(events.get_event, 10)
    assert event is not None
    assert (event["data"], event["from"]) == ({"a": 1}, "minion:web01")
    events.close()

    db01 = FakeAgent(master, "db01", key=KeyPair(*(half.decode() for half in zmq.curve_keypair())))
    try:
        db01.hello()
        await db01.receive()
        await asyncio.to_thread(Wheel(options).call_func, "key.accept", match="db01")
        assert (await db01.receive()).type == "welcome"
        await asyncio.to_thread(Wheel(options).call_func, "key.delete", match="db01")
        assert (await db01.receive()).type == "refused"
    finally:
        db01.close()


def tasks() -> Counter[str]:
    return Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks() if not task.done())  # type: ignore[union-attr]


@pytest.mark.timeout(240)
def test_whatever_a_field_holds_the_master_goes_on(
    open_options: MasterOptions, shipper: MemoryShipper, caplog: pytest.LogCaptureFixture
) -> None:
    random.seed(SEED)

    async def scenario() -> None:
        async with fuzzed(open_options) as (master, web01):
            working = tasks()
            now = int(time.time() // 15 * 15)
            await told_by_strangers(master, now)
            await told_by_the_minion(master, web01, now)
            await told_by_programs(master, web01, open_options)
            await until(lambda: master.dispatcher.metrics()["running"] == 0)
            await until(lambda: master.local.metrics()["connections"] == 0)
            await works(master, web01, open_options, shipper, now)
            assert master.dead_letters.count == 0
            await until(lambda: tasks() == working)
            await until(lambda: not master.tracker.running())
        gc.collect()  # what became of a task that nobody asked for is said when it goes

    asyncio.run(scenario())
    bad = [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert [record.getMessage() for record in bad] == []
    assert SECRET not in caplog.text
    assert len(caplog.records) < 1000
