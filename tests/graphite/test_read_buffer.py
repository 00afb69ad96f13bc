"""How much is read from senders at a time, and who is told of requests."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from saltern_graphite.process.options import ServerOptions
from saltern_graphite.process.server import Server
from saltern_graphite.receivers import read_buffer
from saltern_graphite.receivers.read_buffer import (
    ASKED_S,
    READ_BYTES,
    READ_BYTES_AMONG_REQUESTS,
    READ_BYTES_WHILE_WAITED_FOR,
    STAND_BACK_S,
    WAITED_FOR_S,
    ReadBuffer,
)
from saltern_graphite.store.store import Store


def test_blocks_are_smaller_while_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(read_buffer.time, "monotonic", lambda: now[0])
    buffer = ReadBuffer()
    assert len(buffer.room()) == READ_BYTES
    buffer.asked()
    buffer.asked()
    assert len(buffer.room()) == READ_BYTES_WHILE_WAITED_FOR
    buffer.answered()
    assert len(buffer.room()) == READ_BYTES_WHILE_WAITED_FOR
    now[0] += 2 * WAITED_FOR_S  # the other one takes its time
    assert len(buffer.room()) == READ_BYTES_AMONG_REQUESTS
    buffer.answered()
    buffer.asked()
    buffer.answered()
    assert len(buffer.room()) == READ_BYTES_AMONG_REQUESTS
    now[0] += ASKED_S
    assert len(buffer.room()) == READ_BYTES


def test_senders_stand_back_for_an_answer_and_for_half_of_the_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, went_on = [100.0], list[str]()
    monkeypatch.setattr(read_buffer.time, "monotonic", lambda: now[0])
    buffer = ReadBuffer()
    assert buffer.stand_back(lambda: went_on.append("unasked")) == 0
    buffer.asked()
    buffer.asked()
    assert buffer.stand_back(lambda: went_on.append("a")) == pytest.approx(STAND_BACK_S)
    buffer.answered()
    assert went_on == []
    buffer.answered()
    assert went_on == ["a"]
    assert buffer.stand_back(lambda: went_on.append("answered")) == 0
    buffer.asked()
    assert buffer.stand_back(lambda: went_on.append("b")) > 0
    now[0] += 1.5 * STAND_BACK_S  # it takes its time, and others ask
    buffer.go_on()
    buffer.asked()
    assert buffer.stand_back(lambda: went_on.append("too long")) == 0
    now[0] += STAND_BACK_S
    buffer.asked()
    assert buffer.stand_back(lambda: went_on.append("c")) > 0
    buffer.go_on()
    assert went_on == ["a", "b", "c"]


def test_a_sender_is_read_from_again_once_there_is_an_answer_or_after_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(patience_s: float) -> None:
        monkeypatch.setattr(read_buffer, "STAND_BACK_S", patience_s)
        store = Store(str(tmp_path / str(patience_s)))
        options = ServerOptions(
            line=("127.0.0.1", 0), pickle=None, batch=None, http=("127.0.0.1", 0), self_metrics_interval_s=3600
        )
        server = Server(str(tmp_path / str(patience_s)), store, options)
        await server.start()
        try:
            ports = [int(str(server.endpoints[name]).rpartition(":")[2]) for name in ("line", "http")]
            _, sender = await asyncio.open_connection("127.0.0.1", ports[0])
            reader, asker = await asyncio.open_connection("127.0.0.1", ports[1])
            asker.write(b"POST /render HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            async with asyncio.timeout(20):
                while not server._buffer._waiting:
                    await asyncio.sleep(0.01)
                sender.write(b"a 1 N\n")
                while store.counters.total("metricsReceived") < 1:
                    await asyncio.sleep(0.01)
                sender.write(b"a.b 2 N\n")
                if patience_s > 1:
                    assert len(server._buffer._standing) == 1
                    assert store.counters.total("metricsReceived") == 1
                    asker.write(b"target=no")
                    assert b" 200 OK" in await reader.readline()
                while store.counters.total("metricsReceived") < 2:
                    await asyncio.sleep(0.01)
            asker.close()
            sender.close()
        finally:
            await server.stop()

    for patience_s in (30.0, 0.05):
        asyncio.run(ask(patience_s))


def test_what_was_read_is_copied_from_where_the_room_begins() -> None:
    buffer = ReadBuffer()
    buffer.room()[:5] = b"abcde"
    first = buffer.taken(3)
    buffer.room()[:3] = b"xyz"
    assert (first, buffer.taken(5)) == (b"abc", b"xyzde")


def test_each_request_is_told_once_and_its_end_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(ReadBuffer, "asked", lambda self: told.append("asked"))
    monkeypatch.setattr(ReadBuffer, "answered", lambda self: told.append("answered"))

    async def ask() -> None:
        server = Server(str(tmp_path), Store(str(tmp_path)), ServerOptions(http=("127.0.0.1", 0), read_only=True))
        await server.start()
        try:
            port = int(str(server.endpoints["http"]).rpartition(":")[2])
            for _ in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert b" 200 OK" in await reader.read()
                writer.close()
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /render HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            async with asyncio.timeout(20):
                while told.count("asked") < 3:
                    await asyncio.sleep(0.01)
                writer.close()
                while told.count("answered") < 3:
                    await asyncio.sleep(0.01)
        finally:
            await server.stop()

    asyncio.run(ask())
    assert told == ["asked", "answered"] * 3
