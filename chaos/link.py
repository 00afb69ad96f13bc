"""The connections of one program to another, through us: cut, reset, stalled, delayed, throttled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from functools import partial

HOST = "127.0.0.1"
READ_BYTES = 65_536
START_WITHIN_S = 10.0
LINGER_NOT = struct.pack("ii", 1, 0)
"""A close that sends a reset, whatever was on its way."""


class Link:
    """A way from each of our ports to one port behind it. Its methods may be called from any thread."""

    def __init__(self, routes: dict[int, int]) -> None:
        """*routes*: our port to the one behind it, both on loopback."""
        self.delay_s = 0.0
        """Each piece is held back so long."""
        self.bytes_a_second = 0
        """So much goes through at most, 0: all."""
        self._routes = routes
        self._open = True
        self._flows = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def listen(self) -> None:
        """Begin to take connections."""
        self._loop = asyncio.get_running_loop()
        self._flows.set()
        for ours, behind in self._routes.items():
            await asyncio.start_server(partial(self._carry, behind), HOST, ours)

    def cut(self) -> None:
        """End every connection and take no more, until ``join``."""
        self._open = False
        self._do(self._end_all)

    def join(self) -> None:
        """Take connections again."""
        self._open = True

    def reset(self) -> None:
        """End every connection by a reset."""
        self._do(self._reset_all)

    def stall(self) -> None:
        """Let nothing through in either direction, until ``flow``; connections stay."""
        self._do(self._flows.clear)

    def flow(self) -> None:
        """Let everything through again."""
        self._do(self._flows.set)

    def _do(self, what: Callable[[], object]) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(what)

    async def _carry(self, behind: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        try:
            if not self._open:
                return
            far_reader, far_writer = await asyncio.open_connection(HOST, behind)
            writers.append(far_writer)
            self._writers.update(writers)
            pumps = [self._pump(reader, far_writer), self._pump(far_reader, writer)]
            tasks = [asyncio.ensure_future(pump) for pump in pumps]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
        except OSError:
            pass  # nobody listens behind: so it is for whoever came to us
        finally:
            self._writers.difference_update(writers)
            for one in writers:
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(READ_BYTES):
                await self._flows.wait()
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.bytes_a_second:
                    await asyncio.sleep(len(data) / self.bytes_a_second)
                writer.write(data)
                await writer.drain()

    def _end_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _reset_all(self) -> None:
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            writer.transport.abort()


def carry(links: Iterable[Link]) -> None:
    """Have *links* work in a thread, as long as this process lives."""
    ready = threading.Event()

    async def listen() -> None:
        for link in links:
            await link.listen()
        ready.set()
        await asyncio.Event().wait()

    threading.Thread(target=asyncio.run, args=(listen(),), name="links", daemon=True).start()
    if not ready.wait(START_WITHIN_S):
        raise RuntimeError("the links could not listen: is a port taken?")
