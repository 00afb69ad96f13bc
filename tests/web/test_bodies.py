"""What a stranger's body may cost: so many bytes of each, so many of all together, and so much time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from saltern_web.bodies import BoundedBodies
from support.console import ConsoleClient

MIB = 1024 * 1024
FORM = b"application/x-www-form-urlencoded"


class Asking:
    """One request to *app*, whose body comes in *chunks*; then nothing more comes, unless it is *whole*."""

    def __init__(self, chunks: Sequence[bytes], *, whole: bool = True, length: int | None = None) -> None:
        self.chunks = list(chunks)
        self.whole = whole
        headers = [(b"content-type", FORM)]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        self.scope: Scope = {"type": "http", "method": "POST", "path": "/login", "headers": headers}
        self.sent: list[Message] = []
        self.asked = 0

    async def receive(self) -> Message:
        """Give the next chunk."""
        self.asked += 1
        if self.chunks:
            body = self.chunks.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self.chunks) or not self.whole}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        """Keep what is answered."""
        self.sent.append(message)

    @property
    def status(self) -> int:
        """The answer's."""
        return int(self.sent[0]["status"])


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole body, as Django does, and answer with its length."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def bounded(**more: Any) -> BoundedBodies:
    """Return small bounds before a page."""
    return BoundedBodies(
        page, **{"count": lambda name: None, "most": 100, "small": 10, "together": 150, "within_s": 60.0, **more}
    )


def test_body_within_bounds_comes_to_the_page() -> None:
    asking = Asking([b"a" * 60, b"b" * 40], length=100)
    asyncio.run(bounded()(asking.scope, asking.receive, asking.send))
    assert (asking.status, asking.sent[1]["body"]) == (200, b"100")


def test_body_said_to_be_too_long_is_refused_unread() -> None:
    asking = Asking([b"a"], length=101)
    asyncio.run(bounded()(asking.scope, asking.receive, asking.send))
    assert (asking.status, asking.asked) == (413, 0)
    assert (b"connection", b"close") in asking.sent[0]["headers"]


def test_body_of_no_said_length_is_refused_when_it_becomes_too_long() -> None:
    asking = Asking([b"a" * 60] * 1000)
    asyncio.run(bounded()(asking.scope, asking.receive, asking.send))
    assert (asking.status, asking.asked) == (413, 2)


def test_body_that_does_not_come_in_time_is_refused() -> None:
    asking = Asking([b"a"], whole=False)
    asyncio.run(bounded(within_s=0.0)(asking.scope, asking.receive, asking.send))
    assert asking.status == 408


def test_large_bodies_have_room_for_so_many_together_and_small_ones_always() -> None:
    async def ask() -> None:
        app = bounded()
        held = [Asking([b"a" * 70], whole=False) for _ in range(2)]
        tasks = [asyncio.create_task(app(one.scope, one.receive, one.send)) for one in held]
        while any(one.asked < 2 for one in held):
            await asyncio.sleep(0)
        large, small = Asking([b"a" * 11]), Asking([b"a" * 10])
        for one in (large, small):
            await app(one.scope, one.receive, one.send)
        assert (large.status, small.status) == (503, 200)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        after = Asking([b"a" * 100])
        await app(after.scope, after.receive, after.send)
        assert after.status == 200

    asyncio.run(ask())


def test_console_reads_no_endless_body(console: ConsoleClient) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while taken < 64 * MIB:
            taken += MIB
            yield b"a" * MIB

    answer = console.post("/login", content=endless(), headers={"Content-Type": FORM.decode()})
    assert (answer.status_code, taken <= 8 * MIB) == (413, True)
