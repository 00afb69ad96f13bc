"""``/events`` and ``/ws`` over sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from saltern_api import event_feed
from saltern_api.endpoints import events as endpoint
from support.api import RunningApi, running_api
from support.event_master import EventMaster, event_master

READY = "websocket client ready"


def run(
    tmp_path: Path, test: Callable[[RunningApi, EventMaster], Awaitable[None]], rest: dict[str, Any] | None = None
) -> None:
    async def main() -> None:
        async with event_master(str(tmp_path)) as master, running_api(str(tmp_path), rest) as api:
            master.tokens.add(api.token)
            async with asyncio.timeout(30):
                await test(api, master)

    asyncio.run(main())


class Stream:
    """One client of ``/events``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""

    async def line(self) -> str:
        """The next line of the body; chunk sizes are left out."""
        while True:
            line = (await self.reader.readline()).decode()
            if not line or line == "0\r\n":  # the last chunk
                raise EOFError
            if line.endswith("\r\n"):
                continue
            return line.rstrip("\n")

    async def event(self) -> dict[str, str]:
        """The next event's fields."""
        fields: dict[str, str] = {}
        while (line := await self.line()) or not fields:
            name, _, value = line.partition(": ")
            if name and not line.startswith(":"):
                fields[name] = value
        return fields


async def stream(api: RunningApi, headers: str = "", path: str = "/events") -> Stream:
    reader, writer = await api.connect()
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    found = Stream(reader, writer)
    found.head = await reader.readuntil(b"\r\n\r\n")
    return found


def auth(api: RunningApi) -> str:
    return f"X-Auth-Token: {api.token}\r\n"


def test_events_as_eventsource_reads_them(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        cookie = await stream(api, f"Cookie: session_id={api.token}\r\nAccept: text/event-stream\r\n")
        assert cookie.head.startswith(b"HTTP/1.1 200")
        for header in (b"text/event-stream", b"x-accel-buffering: no", b"cache-control: no-cache"):
            assert header in cookie.head
        assert [await cookie.line(), await cookie.line()] == ["retry: 400", ""]
        number = await master.fire("salt/auth", {"id": "web1"})
        event = await cookie.event()
        assert event == {
            "id": str(number), "tag": "salt/auth", "data": json.dumps({"tag": "salt/auth", "data": {"id": "web1"}}),
        }  # fmt: skip
        again = await stream(api, auth(api) + f"Last-Event-ID: {number - 1}\r\n")
        assert (await again.event())["retry"] == "400"
        assert (await again.event())["id"] == str(number)
        for one in (cookie, again):
            one.writer.close()
        await master.until_connected(0)

    run(tmp_path, test)


def test_silence_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "KEEP_ALIVE_S", 0.01)

    async def test(api: RunningApi, master: EventMaster) -> None:
        one = await stream(api, auth(api))
        lines = [await one.line() for _ in range(5)]
        assert lines == ["retry: 400", "", ":", "", ":"]
        one.writer.close()

    run(tmp_path, test)


def test_it_ends_when_the_token_does(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        one = await stream(api, auth(api))
        await one.event()
        await master.end(api.token)
        with pytest.raises(EOFError):
            await one.event()
        refused = await stream(api, auth(api))
        assert refused.head.startswith(b"HTTP/1.1 401")

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/events", "", 401),
        ("/events", "X-Auth-Token: 00000000000000000000000000000000\r\n", 401),
        ("/events?token=x", "AUTH", 400),
        ("/events?a=b", "AUTH", 400),
        ("/events?tag=a&token=x", "AUTH", 400),
        ("/events?tag=", "AUTH", 400),
        pytest.param("/events?tag=" + "a" * 513, "AUTH", 400, id="a long tag"),
        pytest.param("/events?" + "&".join(f"tag={number}" for number in range(201)), "AUTH", 400, id="201 tags"),
        ("/events?brief=yes", "AUTH", 400),
        ("/events?brief=1&brief=0", "AUTH", 400),
        pytest.param("/events?" + "&".join(f"tag={number}" for number in range(200)), "AUTH", 200, id="200 tags"),
        ("/events?brief=0", "AUTH", 200),
        ("/events?", "AUTH", 200),
        ("/events", "AUTHLast-Event-ID: x\r\n", 400),
        ("/events", "AUTHLast-Event-ID: -1\r\n", 400),
        ("/events", "AUTHLast-Event-ID: 99999999999999999999999\r\n", 400),
        ("/events", "AUTHLast-Event-ID: 9223372036854775807\r\n", 200),
        ("/events", "AUTHAccept: image/png\r\n", 200),
    ],
)
def test_who_may_not(tmp_path: Path, path: str, headers: str, status: int) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        one = await stream(api, headers.replace("AUTH", auth(api)), path)
        assert one.head.startswith(f"HTTP/1.1 {status}".encode())
        one.writer.close()

    run(tmp_path, test)


def test_streams_are_few(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        open_ones = [await stream(api, auth(api)) for _ in range(3)]
        refused = await stream(api, auth(api))
        assert refused.head.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in refused.head
        for one in open_ones:
            one.writer.close()
        await master.until_connected(0)
        again = await stream(api, auth(api))
        assert again.head.startswith(b"HTTP/1.1 200")
        again.writer.close()

    run(tmp_path, test, {"max_streams_per_user": 3})


def test_who_does_not_read_keeps_nobody_waiting(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        slow, quick = await stream(api, auth(api)), await stream(api, auth(api))
        await quick.event()
        for number in range(400):
            await master.fire("t", {"n": number, "x": "y" * 20_000})
            if number % 20 == 0:
                while json.loads((await quick.event())["data"])["data"]["n"] < number:
                    pass
        slow.writer.transport.abort()
        quick.writer.close()
        await master.until_connected(0)

    run(tmp_path, test)


def test_a_slow_client_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "READ_WITHIN_S", 0.2)

    async def test(api: RunningApi, master: EventMaster) -> None:
        slow = await stream(api, auth(api))
        while len(master.connected):
            await master.fire("t", {"x": "y" * 200_000})
            await asyncio.sleep(0.01)
        slow.writer.close()

    run(tmp_path, test)


async def web_socket(api: RunningApi, path: str = "/ws", **headers: str) -> Any:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return await websockets.connect(f"{api.url.replace('http', 'ws')}{path}", additional_headers=told, proxy=None)


def test_a_web_socket(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        socket = await web_socket(api, X_Auth_Token=api.token)
        await socket.send("hello")
        assert await socket.recv() == "server received message"
        await master.fire("before")
        await socket.send(READY)
        assert await socket.recv() == "server received message"
        assert await socket.recv() == 'data: {"tag": "before", "data": {}}\n\n'
        await master.fire("a/b", {"x": 1})
        assert await socket.recv() == 'data: {"tag": "a/b", "data": {"x": 1}}\n\n'
        await socket.send("more")
        assert await socket.recv() == "server received message"
        await master.end(api.token)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await master.until_connected(0)

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ws", {}, 401),
        ("/ws", {"X_Auth_Token": "00" * 32}, 401),
        ("/ws/TOKEN", {}, 401),
        ("/ws/TOKEN", {"X_Auth_Token": "TOKEN"}, 401),
        ("/ws?token=TOKEN", {"X_Auth_Token": "TOKEN"}, 401),
        ("/ws", {"Cookie": "session_id=TOKEN", "Origin": "http://evil.example"}, 403),
        ("/ws", {"Cookie": "session_id=TOKEN", "Origin": "null"}, 403),
        ("/ws", {"X_Auth_Token": "TOKEN", "Origin": "http://localhost.evil.example"}, 403),
    ],
)
def test_web_sockets_that_are_not_opened(tmp_path: Path, path: str, headers: dict[str, str], status: int) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        told = {name: value.replace("TOKEN", api.token) for name, value in headers.items()}
        with pytest.raises(InvalidStatus) as raised:
            await web_socket(api, path.replace("TOKEN", api.token), **told)
        assert raised.value.response.status_code == status
        assert json.loads(raised.value.response.body)["status"] == status
        assert master.connected == {}

    run(tmp_path, test)


def test_a_web_socket_of_an_own_page(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        socket = await web_socket(api, Cookie=f"session_id={api.token}", Origin=api.url)
        await socket.close()
        await master.until_connected(0)
        reader, writer = await api.connect()
        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        writer.write(f"GET /ws HTTP/1.1\r\nHost: evil.example\r\n{upgrade}{key}{auth(api)}\r\n".encode())
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 421")
        writer.close()

    run(tmp_path, test)


def test_a_web_socket_that_is_never_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "READY_WITHIN_S", 0.05)

    async def test(api: RunningApi, master: EventMaster) -> None:
        socket = await web_socket(api, X_Auth_Token=api.token)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await master.until_connected(0)

    run(tmp_path, test)


def test_a_frame_that_is_too_large(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        socket = await web_socket(api, X_Auth_Token=api.token)
        await socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        await master.until_connected(0)

    run(tmp_path, test)


def test_without_an_upgrade(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        one = await stream(api, auth(api), "/ws")
        assert one.head.startswith(b"HTTP/1.1 426")
        one.writer.close()

    run(tmp_path, test)


def test_a_head_without_a_body_ends(tmp_path: Path) -> None:
    async def test(api: RunningApi, master: EventMaster) -> None:
        answer = await api.exchange(
            f"HEAD /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{auth(api)}\r\n".encode()
        )
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"text/event-stream" in answer
        assert answer.endswith(b"\r\n\r\n")
        await master.until_connected(0)

    run(tmp_path, test)
