"""What uvicorn's protocol bears before a request is a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.http.protocol import MAX_HEAD_BYTES
from saltern_graphite.process.options import ServerOptions
from saltern_graphite.process.server import Server
from saltern_graphite.store.store import Store


async def _answer(root: Path, *parts: bytes) -> bytes:
    """What a read-only server says to *parts*, each sent on its own, until it closes."""
    server = Server(str(root), Store(str(root)), ServerOptions(http=("127.0.0.1", 0), read_only=True))
    await server.start()
    try:
        port = int(str(server.endpoints["http"]).rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        answer = await reader.read()
        writer.close()
        return answer
    finally:
        await server.stop()


def _chunks(data: bytes, size: int) -> Iterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


@pytest.mark.parametrize("head", [b"GET /version?a=" + b"a" * 65_600, b"GET /version HTTP/1.1\r\nX: " + b"b" * 65_600])
def test_a_head_without_end_is_refused_in_one_line(tmp_path: Path, head: bytes) -> None:
    answer = asyncio.run(asyncio.wait_for(_answer(tmp_path, *_chunks(head, 10_000)), 20))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 431 ")
    assert body == f"the request's line and headers are over {MAX_HEAD_BYTES} bytes: use POST\n".encode()


def test_a_url_that_is_too_long_at_once(tmp_path: Path) -> None:
    """The parser gives up on it by itself."""
    head = b"GET /version?a=%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * 70_000)
    answer = asyncio.run(asyncio.wait_for(_answer(tmp_path, head), 20))
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert answer.endswith(b"bytes: use POST\n")


@pytest.mark.parametrize(
    "asked",
    [
        b"BREW /pot HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",  # a browser that wants TLS
        "GET /render?target=ü HTTP/1.1\r\n\r\n".encode(),
        b"POST /render HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /render HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http(tmp_path: Path, asked: bytes) -> None:
    answer = asyncio.run(asyncio.wait_for(_answer(tmp_path, asked), 20))
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 400 ")
    assert b"content-length: %d\r\n" % len(body) in status
    assert body.startswith(b"this is no HTTP/1.1 request that can be read: ")
    assert body.count(b"\n") == 1


def test_a_long_body_is_not_taken_for_a_head(tmp_path: Path) -> None:
    body = b"target=constantLine(1)&format=raw&from=0&until=60&x=" + b"x" * 500_000
    head = b"POST /render HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = asyncio.run(asyncio.wait_for(_answer(tmp_path, head, *_chunks(body, 50_000)), 20))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\n\r\n1.0," in answer


def test_requests_one_after_the_other_have_a_head_each(tmp_path: Path) -> None:
    one = b"GET /version HTTP/1.1\r\nHost: localhost\r\nX: " + b"b" * 30_000 + b"\r\n\r\n"
    last = one.replace(b"Host: localhost", b"Host: localhost\r\nConnection: close")
    answer = asyncio.run(asyncio.wait_for(_answer(tmp_path, one, one, one, last), 20))
    assert answer.count(b"HTTP/1.1 200 ") == 4
