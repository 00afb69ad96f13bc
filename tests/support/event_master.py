"""A master's socket that does events alone, by a test's word."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from saltern.local import LENGTH, SOCKET_NAME, frame
from saltern.wire import unpack_value


class EventMaster:
    """Events with numbers, kept for who comes back; tokens that may see them."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.principals: dict[str, str] = {}
        """Whose tokens are, where several are one's."""
        self.kept: list[dict[str, Any]] = []
        self.at = 100
        self.requests: list[dict[str, Any]] = []
        self.connected: dict[asyncio.StreamWriter, str] = {}
        self.replaying = True
        self._changed = asyncio.Condition()

    async def fire(self, tag: str, data: Any = None) -> int:
        """Put an event on the bus, and return its number."""
        self.at += 1
        event = {"tag": tag, "data": data if data is not None else {}, "id": self.at}
        self.kept.append(event)
        for writer in list(self.connected):
            writer.write(frame(event))
        return self.at

    async def end(self, token: str) -> None:
        """Have *token* be over."""
        self.tokens.discard(token)
        for writer, one in list(self.connected.items()):
            if one == token:
                writer.write(frame({"end": True}))
                await writer.drain()

    def leave(self) -> None:
        """Let go of everybody, as a master that is restarted does."""
        for writer in list(self.connected):
            writer.close()
        self.connected.clear()

    async def until_connected(self, count: int) -> None:
        async with self._changed, asyncio.timeout(30):
            await self._changed.wait_for(lambda: len(self.connected) == count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            request = unpack_value(await reader.readexactly(length))
            self.requests.append(request)
            token, after = request["auth"]["token"], request["kwargs"].get("after")
            if token in self.tokens:
                writer.write(frame({"result": {"at": self.at, "principal": self.principals.get(token, token)}}))
                if after is not None and self.replaying:
                    writer.write(b"".join(frame(event) for event in self.kept if event["id"] > after))
                await self._connect(writer, token)
                await reader.read()
            else:
                writer.write(frame({"error": "No permission", "code": "not_authorised", "fields": {}}))
        self.connected.pop(writer, None)
        async with self._changed:
            self._changed.notify_all()
        writer.close()

    async def _connect(self, writer: asyncio.StreamWriter, token: str) -> None:
        self.connected[writer] = token
        async with self._changed:
            self._changed.notify_all()


@contextlib.asynccontextmanager
async def event_master(sock_dir: str) -> AsyncIterator[EventMaster]:
    """A master whose socket is in *sock_dir*."""
    master = EventMaster()
    server = await asyncio.start_unix_server(master._serve, os.path.join(sock_dir, SOCKET_NAME))
    try:
        yield master
    finally:
        server.close()
        for writer in list(master.connected):
            writer.close()
        await asyncio.sleep(0)
