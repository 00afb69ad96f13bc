"""The receivers on real sockets: pickles, both internet protocols, UDP's losses, and senders that must wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import resource
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import graphyte
import pytest

from saltern.complaints import Complaints
from saltern.errors import StoreError
from saltern_graphite.receivers.blocks import BlockConnection
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.formats.pickle import MAX_FRAME_BYTES
from saltern_graphite.receivers.gate import Gate
from saltern_graphite.receivers.intake import Intake
from saltern_graphite.receivers.line import LineConnection
from saltern_graphite.receivers.listener import Listener
from saltern_graphite.receivers.pickle import PickleConnection
from saltern_graphite.receivers.udp import UdpReceiver
from saltern_graphite.store.store import Accepted, Store
from saltern_graphite.telemetry.counters import Counters

LOOPBACK = ["127.0.0.1", "::1"]


class StubStore:
    """Counts what it is given; full when told."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.points: list[tuple[str, float, float]] = []
        self.blocks: list[int] = []
        self.full = False
        self.broken = False
        self.keep = True

    def accept(self, names: Sequence[str], times: Sequence[float], values: Sequence[float]) -> Accepted:
        if self.broken:
            raise StoreError("log can't be written: No space left on device")
        self.blocks.append(len(names))
        if self.keep:
            self.points += zip(names, times, values, strict=True)
        return Accepted(len(names))

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.points]

    def drops(self) -> dict[str, float]:
        return {name[6:]: total for name, total in self.counters.totals().items() if name.startswith("drops.")}


class Receiving:
    """Receivers in the running event loop, in front of a stub."""

    def __init__(self) -> None:
        self.store = StubStore()
        self.gate = Gate(asyncio.get_running_loop(), lambda: self.store.full)
        notices = Complaints(logging.getLogger("receivers"), logging.WARNING, again_s=60)
        self.intake = Intake(cast(Store, self.store), self.gate, notices)
        self.listeners: list[Listener] = []
        self.udp: UdpReceiver | None = None

    async def listen(
        self, driver: type[Connection], host: str = "127.0.0.1", most: int = 100, idle_s: float = 0
    ) -> tuple[str, int]:
        listener = Listener(driver, self.intake, max_connections=most, idle_timeout_s=idle_s)
        self.listeners.append(listener)
        return await listener.start(host, 0)

    async def datagrams(self, host: str = "127.0.0.1") -> tuple[str, int]:
        self.udp = UdpReceiver(self.intake)
        return await self.udp.start(host, 0)


def run(test: Callable[[Receiving], Awaitable[None]]) -> None:
    @contextlib.asynccontextmanager
    async def receiving() -> AsyncIterator[Receiving]:
        got = Receiving()
        try:
            yield got
        finally:
            for receiver in (*got.listeners, got.udp):
                if receiver is not None:
                    receiver.close()
            await asyncio.sleep(0)

    async def whole() -> None:
        async with asyncio.timeout(50), receiving() as got:
            await test(got)

    asyncio.run(whole())


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def connect(where: tuple[str, int]) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(*where)
    return writer


def frame(items: Any, protocol: int = 2) -> bytes:
    body = pickle.dumps(items, protocol)
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize("host", LOOPBACK)
def test_pickles_cut_anywhere(host: str) -> None:
    async def test(got: Receiving) -> None:
        writer = await connect(await got.listen(PickleConnection, host))
        data = b"".join(
            frame([(f"p{protocol}.x{n}", (n, protocol)) for n in range(3)], protocol) for protocol in range(6)
        )
        for place in range(0, len(data), 7):
            writer.write(data[place : place + 7])
            await asyncio.sleep(0)
        await until(lambda: len(got.store.points) == 18)
        assert got.store.points[4] == ("p1.x1", 1.0, 1.0)
        assert got.store.drops() == {}
        writer.close()

    run(test)


def test_frames_that_come_together_are_one_block() -> None:
    async def test(got: Receiving) -> None:
        writer = await connect(await got.listen(PickleConnection))
        writer.write(b"".join(frame([(f"a{n}", (1, 2))]) for n in range(100)))
        await until(lambda: len(got.store.points) == 100)
        assert len(got.store.blocks) < 20
        writer.close()

    run(test)


def test_a_bad_frame_hurts_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def test(got: Receiving) -> None:
        writer = await connect(await got.listen(PickleConnection))
        evil = b"cos\nsystem\n(S'true'\ntR."
        writer.write(frame([("a", (1, 2))]) + struct.pack(">I", len(evil)) + evil + frame([("b", (1, 2)), "bad"]))
        writer.write(struct.pack(">I", 0) + frame([("c", (1, 2))])[:-1])
        writer.close()
        await until(lambda: "frame_cut" in got.store.drops())
        assert got.store.names == ["a", "b"]
        assert got.store.drops() == {"bad_pickle": 2, "bad_item": 1, "frame_cut": 1}

    run(test)
    assert any("refused (bad_pickle): b'GLOBAL of os.system at byte 0" in record.message for record in caplog.records)


def test_a_frame_that_is_too_long_ends_the_connection_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def test(got: Receiving) -> None:
        where = await got.listen(PickleConnection)
        for data in (b"GET / HTTP/1.1\r\n\r\n", struct.pack(">I", MAX_FRAME_BYTES + 1)):
            reader, writer = await asyncio.open_connection(*where)
            writer.write(frame([("before", (1, 2))]) + data)
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
        assert got.store.names == ["before"] * 2
        assert got.store.drops() == {"frame_too_long": 2}

    run(test)
    assert any("is over the limit of 1048576" in record.message for record in caplog.records)


def test_any_ipv6_address_takes_ipv4_senders_too(caplog: pytest.LogCaptureFixture) -> None:
    async def test(got: Receiving) -> None:
        _, port = await got.listen(LineConnection, "::")
        _, udp_port = await got.datagrams("::")
        for turn, (host, bad) in enumerate(zip(LOOPBACK, ("bad", "bad one 1"), strict=True), start=1):
            writer = await connect((host, port))
            writer.write(f"tcp.{len(host)} 1 2\n{bad}\n".encode())
            writer.close()
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(f"udp.{len(host)} 1 2".encode(), (host, udp_port))
            await until(lambda turn=turn: len(got.store.points) == 2 * turn)  # type: ignore[misc]
        assert got.store.drops() == {"bad_fields": 1, "bad_value": 1}
        assert set(got.store.names) == {"tcp.9", "udp.9", "tcp.3", "udp.3"}

    run(test)
    told = [record.message for record in caplog.records]
    assert any(line.startswith("127.0.0.1:") for line in told)
    assert any(line.startswith("[::1]:") for line in told)


def test_a_single_ipv6_address_is_itself_alone() -> None:
    async def test(got: Receiving) -> None:
        _, port = await got.listen(LineConnection, "::1")
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port)

    run(test)


def test_udp_datagrams_in_one_go_and_a_bad_one_named(caplog: pytest.LogCaptureFixture) -> None:
    async def test(got: Receiving) -> None:
        where = await got.datagrams()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        ):
            for sender in (one, two):
                sender.bind(("127.0.0.1", 0))
            bad_port = two.getsockname()[1]
            for n in range(50):
                one.sendto(b"u.%d 1 2\nv.%d 1 2" % (n, n), where)
            two.sendto(b"oops", where)
            two.sendto(b"", where)
            await until(lambda: len(got.store.points) == 100)
        assert len(got.store.blocks) < 50
        assert got.store.drops() == {"bad_fields": 1}
        assert any(f"127.0.0.1:{bad_port}: refused (bad_fields)" in record.message for record in caplog.records)

    run(test)


def test_what_the_kernel_drops_of_udp_is_counted() -> None:
    async def test(got: Receiving) -> None:
        where = await got.datagrams()
        assert got.udp is not None
        sock = got.udp._socket
        assert sock is not None
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for n in range(1000):  # nobody reads meanwhile
                sender.sendto(b"k.%d 1 2" % n, where)
        await until(lambda: bool(got.store.points))
        got.udp._count_kernel_drops()
        lost = got.store.drops()["udp_kernel"]
        assert lost > 0
        await until(lambda: lost + len(got.store.points) == 1000)

    run(test)


def test_udp_is_dropped_and_counted_while_the_store_is_full_or_broken() -> None:
    async def test(got: Receiving) -> None:
        where = await got.datagrams()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            got.store.full = True
            sender.sendto(b"a 1 2\nb 1 2", where)
            await until(lambda: got.store.drops() == {"udp_full": 2})
            got.store.full, got.store.broken = False, True
            sender.sendto(b"a 1 2", where)
            await until(lambda: got.store.drops() == {"udp_full": 3})
            got.store.broken = False
            sender.sendto(b"a 1 2", where)
            await until(lambda: got.store.names == ["a"])

    run(test)


def blocks_held(got: Receiving) -> int:
    """Return how many connections hold points."""
    connections = cast("set[BlockConnection]", got.listeners[0].connections)
    return sum(connection._held is not None for connection in connections)


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("driver", [LineConnection, PickleConnection])
def test_100_mb_wait_outside_while_the_store_is_full(driver: type[Connection]) -> None:
    async def test(got: Receiving) -> None:
        got.store.keep = False
        where = await got.listen(driver)
        if driver is LineConnection:
            part, points = b"".join(b"servers.web%05d.load 12.5 1700000000\n" % n for n in range(27_000)), 27_000
        else:
            items = [(f"servers.web{n:05}.load", (1_700_000_000, 12.5)) for n in range(500)]
            part, points = frame(items) * 30, 15_000
        senders, rounds = 10, 10 * 2**20 // len(part)
        sent = [0] * senders

        def send(number: int) -> None:
            with socket.create_connection(where) as sock:
                for _ in range(rounds):
                    sock.sendall(part)
                    sent[number] += 1

        threads = [threading.Thread(target=send, args=(number,)) for number in range(senders)]
        for thread in threads:
            thread.start()
        await until(lambda: min(sent) > 0)
        got.store.full = True
        await until(lambda: all(connection.waits_for_us for connection in got.listeners[0].connections))
        before, taken = _resident_bytes(), sum(got.store.blocks)
        for _ in range(200):
            await asyncio.sleep(0)  # the loop looks at every socket, none of which may be read
            got.gate.open()
        assert sum(got.store.blocks) == taken
        assert blocks_held(got) <= 1
        assert _resident_bytes() - before < 20 * 2**20
        assert any(thread.is_alive() for thread in threads)
        got.store.full = False
        got.gate.open()
        await until(lambda: sum(got.store.blocks) == senders * rounds * points, 60)
        for thread in threads:
            thread.join()
        assert got.store.drops() == {}
        assert max(got.store.blocks) < 30_000

    run(test)


def test_a_log_that_can_not_be_written_holds_one_block_and_goes_on() -> None:
    async def test(got: Receiving) -> None:
        where = await got.listen(LineConnection)
        got.store.broken = True
        writers = [await connect(where) for _ in range(20)]
        for number, writer in enumerate(writers):
            writer.write(b"w%d 1 2\n" % number)
        await until(lambda: len(got.listeners[0].connections) == 20)
        for _ in range(200):
            await asyncio.sleep(0)
            got.gate.open()
        assert blocks_held(got) == 1
        got.store.broken = False
        got.gate.open()
        await until(lambda: len(got.store.points) == 20)
        for writer in writers:
            writer.close()

    run(test)


def test_a_sender_that_we_keep_waiting_is_not_idle() -> None:
    async def test(got: Receiving) -> None:
        where = await got.listen(LineConnection, idle_s=0.2)
        got.store.full = True
        writer = await connect(where)
        writer.write(b"a 1 2\n")
        await until(lambda: bool(got.listeners[0].connections))
        (connection,) = got.listeners[0].connections
        await until(lambda: asyncio.get_running_loop().time() - connection.last_heard > 0.2)
        got.listeners[0]._sweep_idle()
        assert len(got.listeners[0].connections) == 1
        got.store.full = False
        got.gate.open()
        await until(lambda: got.store.names == ["a"])
        await until(lambda: not got.listeners[0].connections)
        assert got.store.counters.totals()["connectionsIdle"] == 1
        writer.close()

    run(test)


def test_graphyte_and_nc_are_understood() -> None:
    async def test(got: Receiving) -> None:
        host, port = await got.listen(LineConnection)
        _, udp_port = await got.datagrams()

        def by_graphyte() -> None:
            for protocol, where in (("tcp", port), ("udp", udp_port)):
                sender = graphyte.Sender(host, where, prefix=protocol, protocol=protocol)
                sender.send("a.b", 1.5, timestamp=1_700_000_000)
                sender.send("a.b", 2.5, timestamp=1_700_000_000, tags={"z": "1", "b": "x"})
                sender.stop()

        await asyncio.to_thread(by_graphyte)
        nc = await asyncio.create_subprocess_exec("nc", "-N", host, str(port), stdin=asyncio.subprocess.PIPE)
        await nc.communicate(b"n.c 7 1700000000\nn.d 8 1700000000")
        assert nc.returncode == 0
        await until(lambda: len(got.store.points) == 6)
        plain = [("a.b", 1.5), ("a.b;b=x;z=1", 2.5)]
        expected = {(f"{protocol}.{name}", value) for protocol in ("tcp", "udp") for name, value in plain}
        found = {(name, value) for name, time_, value in got.store.points if time_ == 1_700_000_000}
        assert {name.replace(";z=1;b=x", ";b=x;z=1") for name, _ in found} == {
            *(name for name, _ in expected), "n.c", "n.d",
        }  # fmt: skip

    run(test)


def test_names_on_the_lists_are_carbons_counters_and_no_news(caplog: pytest.LogCaptureFixture) -> None:
    async def test(got: Receiving) -> None:
        got.intake.received(
            Accepted(1, {"blacklistMatches": 3, "future": 2}, {"blacklistMatches": "a", "future": "b"}), "x"
        )
        totals = got.store.counters.totals()
        assert (totals["metricsReceived"], totals["blacklistMatches"]) == (1, 3)

    run(test)
    assert [record.message for record in caplog.records] == ["x: 2 points refused (future), such as 'b'"]


def test_no_descriptor_stays_behind() -> None:
    before = set(os.listdir("/proc/self/fd"))

    async def test(got: Receiving) -> None:
        for host in ("127.0.0.1", "::"):
            where = await got.listen(LineConnection, host)
            writer = await connect((LOOPBACK[0], where[1]))
            writer.close()
            await writer.wait_closed()
        await got.datagrams()

    run(test)
    deadline = time.monotonic() + 40
    while len(os.listdir("/proc/self/fd")) > len(before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= len(before)
