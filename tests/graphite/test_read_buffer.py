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
