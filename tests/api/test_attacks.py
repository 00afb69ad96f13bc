"""What someone sends who means no good, over sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.http import bodies
from saltern_api import server, working
from support.api import RunningApi, ScriptedMaster, running_api

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
PING = json.dumps({"client": "local", "tgt": "*", "fun": "test.ping"}).encode()


def run(
    tmp_path: Path,
    test: Callable[[RunningApi], Awaitable[None]],
    rest: dict[str, Any] | None = None,
    master: ScriptedMaster | None = None,
) -> None:
    async def main() -> None:
        async with running_api(str(tmp_path), rest, master) as api, asyncio.timeout(30):
            await test(api)
            answer = await api.exchange(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")  # it is there for others

    asyncio.run(main())


def auth(api: RunningApi) -> bytes:
    return f"X-Auth-Token: {api.token}\r\n".encode()


def with_length(body: bytes) -> bytes:
    return f"Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("sent", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_head_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(server, "REQUEST_WITHIN_S", 0.5)

    async def test(api: RunningApi) -> None:
        assert await api.exchange(sent) == b""

    run(tmp_path, test)


def test_a_head_that_comes_drop_by_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REQUEST_WITHIN_S", 0.5)

    async def test(api: RunningApi) -> None:
        reader, writer = await api.connect()
        writer.write(HEAD)
        reading = asyncio.create_task(reader.read())
        while not reading.done():
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.01)
        assert reading.exception() is not None or reading.result() == b""

    run(tmp_path, test)


def test_a_body_that_does_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 0.1)

    async def test(api: RunningApi) -> None:
        answer = await api.exchange(HEAD + JSON + auth(api) + b"Content-Length: 100\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408")

    run(tmp_path, test)


def test_bodies_that_do_not_come_are_few_for_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each could be of the greatest size: so many are promised to one address, and no more."""
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 5.0)

    async def test(api: RunningApi) -> None:
        waiting = []
        for _ in range(16):
            _, writer = await api.connect()
            writer.write(HEAD + JSON + auth(api) + b"Content-Length: 100\r\n\r\n{")
            waiting.append(writer)
        status = b""
        while not status.startswith(b"HTTP/1.1 429"):
            request = HEAD + JSON + auth(api) + b"Connection: close\r\n" + with_length(PING)
            status = await api.exchange(request)
        other = HEAD + JSON + auth(api) + b"X-Forwarded-For: 10.0.0.1\r\nConnection: close\r\n" + with_length(PING)
        assert (await api.exchange(other)).startswith(b"HTTP/1.1 200")

    run(tmp_path, test, {"trusted_proxies": ["127.0.0.1"]})


@pytest.mark.parametrize("path", [b"/", b"/login", b"/run", b"/token", b"/keys", b"/hook/x", b"/minions"])
def test_chunks_without_end(tmp_path: Path, path: bytes) -> None:
    async def test(api: RunningApi) -> None:
        reader, writer = await api.connect()
        head = b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        writer.write(head + JSON + auth(api) + b"\r\n")
        reading = asyncio.create_task(reader.read(1000))
        sent = 0
        while not reading.done():
            try:
                writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                await writer.drain()
            except ConnectionError:
                break
            sent += 0x10000
        with contextlib.suppress(ConnectionError):  # what comes behind the end may get ahead of the answer
            assert (await reading).startswith(b"HTTP/1.1 413")
        assert sent < 16 << 20
        assert api.master.calls == api.master.hooks == []

    run(tmp_path, test)


def test_a_length_that_is_too_long_is_refused_at_once(tmp_path: Path) -> None:
    async def test(api: RunningApi) -> None:
        reader, writer = await api.connect()
        writer.write(HEAD + JSON + auth(api) + b"Content-Length: 9999999999\r\n\r\n")
        assert (await reader.read(100)).startswith(b"HTTP/1.1 413")

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 500) for n in range(1000)) + b"\r\n", b"431"),
        (HEAD + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b"400"),
        (HEAD + b"Content-Length: +5\r\n\r\nhello", b"400"),
        (HEAD + b"Content-Length: -5\r\n\r\nhello", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (HEAD + b"X : y\r\n\r\n", b"400"),
        (HEAD + b"X\x00: y\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50, b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_request(tmp_path: Path, sent: bytes, status: bytes) -> None:
    async def test(api: RunningApi) -> None:
        reader, writer = await api.connect()
        writer.write(sent)
        answer = await reader.read(4000)
        assert answer.startswith(b"HTTP/1.1 " + status), answer
        assert b"Traceback" not in answer

    run(tmp_path, test)


@pytest.mark.parametrize(
    "smuggling",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n",
        b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n",
    ],
)
def test_no_second_request_is_hidden_in_a_first(tmp_path: Path, smuggling: bytes) -> None:
    """Whatever a proxy before us takes for the length: of what is in the body nothing is carried out."""

    async def test(api: RunningApi) -> None:
        hidden = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + JSON + auth(api) + with_length(PING)
        body = b"0\r\n\r\n" + hidden
        raw = b"POST /login HTTP/1.1\r\nHost: localhost\r\n" + JSON + smuggling + b"\r\n" + body
        reader, writer = await api.connect()
        writer.write(raw)
        writer.write_eof()
        answer = await reader.read()
        assert answer.count(b"HTTP/1.1 ") <= 2
        assert not [low for session, low in api.master.calls if session == api.token]

    run(tmp_path, test)


def test_requests_behind_one_another_are_told_apart(tmp_path: Path) -> None:
    async def test(api: RunningApi) -> None:
        one = HEAD + JSON + auth(api) + with_length(PING)
        two = HEAD + JSON + b"X-Auth-Token: 00112233445566778899\r\nConnection: close\r\n" + with_length(PING)
        answer = await api.exchange(one + two)
        first, second = answer.find(b"HTTP/1.1 200"), answer.find(b"HTTP/1.1 401")
        assert 0 <= first < second

    run(tmp_path, test)


def test_who_does_not_read_his_answer_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "READ_WITHIN_S", 0.5)
    monkeypatch.setattr(server, "REQUEST_WITHIN_S", 0.5)
    master = ScriptedMaster()
    master.scripts["large"] = lambda low: ["x" * 1000] * 50_000

    async def test(api: RunningApi) -> None:
        body = json.dumps({"client": "local", "tgt": "*", "fun": "large"}).encode()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, api.address)
        await asyncio.get_running_loop().sock_sendall(sock, HEAD + JSON + auth(api) + with_length(body))
        workers = api.server._workers
        while not workers.working:
            await asyncio.sleep(0)
        while workers.working or api.server._serving._server.server_state.connections:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        sock.close()

    run(tmp_path, test, master=master)


def test_connections_are_few_and_no_address_has_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 8)
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

    async def test(api: RunningApi) -> None:
        def connections() -> int:
            return len(api.server._serving._server.server_state.connections)  # type: ignore[union-attr]

        async def held(address: str, until: int) -> list[asyncio.StreamWriter]:
            found = [(await api.connect(local_addr=(address, 0)))[1] for _ in range(4)]
            while connections() < until:
                await asyncio.sleep(0)
            return found

        writers = await held("127.0.0.1", 4)
        assert await api.exchange(asked) == b""  # of this address
        reader, writer = await api.connect(local_addr=("127.0.0.3", 0))
        writer.write(asked)
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writers += await held("127.0.0.2", 8)
        writers.pop(0).close()
        while connections() > 7:
            await asyncio.sleep(0)
        assert (await api.exchange(asked)).startswith(b"HTTP/1.1 200")
        for one in writers:
            one.close()
        while connections():
            await asyncio.sleep(0)

    run(tmp_path, test)


def test_paths_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "secret").write_text("secret")

    async def test(api: RunningApi) -> None:
        for path in (b"../secret", b"%2e%2e/secret", b"..%2fsecret", b"x/../../secret", b"/secret", b"%00"):
            raw = b"GET /static/" + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            answer = await api.exchange(raw)
            assert answer.startswith(b"HTTP/1.1 404"), path

    run(tmp_path, test, {"static": str(tmp_path / "static")})
