"""What every TCP receiver has in common: a bounded number of connections, idle ones ended, and back-pressure.

A driver derives from :class:`Connection` and says what bytes mean in :meth:`Connection.take`. When the store has
no room, the driver keeps what it holds, the connection stops reading, TCP slows the sender down, and the driver goes
on when the gate opens.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from saltern_graphite.gate import Gate
from saltern_graphite.notices import Notices
from saltern_graphite.store import Accepted, Store

BACKLOG = 512
NOTICE_EVERY_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Intake:
    """What receivers share: the *store*, the *gate* that closes when it is full, and *notices* for bad input."""

    store: Store
    gate: Gate
    notices: Notices

    def received(self, accepted: Accepted, peer: str) -> None:
        """Count what the store took from *peer*, and log a sample of what it refused."""
        self.store.counters.add("metricsReceived", accepted.accepted)
        for cause, name in accepted.samples.items():
            count = accepted.refused[cause]
            self.notices.warn(cause, "%s: %d points refused (%s), such as %.200r", peer, count, cause, name)


class Connection(asyncio.Protocol, ABC):
    """One sender's connection. Drivers override :meth:`take` and, if the end matters, :meth:`at_end`."""

    def __init__(self, intake: Intake, listener: Listener) -> None:
        self.intake = intake
        self.peer = "?"
        self.last_heard = 0.0
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._holding = False  # the store has no room for what the driver holds
        self._choking = False  # the sender doesn't read our answers
        self._ended = False

    @abstractmethod
    def take(self, data: bytes) -> bool:
        """Take what came in, or go on with what is held when *data* is empty.

        Return ``False`` when the store has no room; the driver then holds on to the rest and is called again.
        """

    def at_end(self) -> bool:
        """Take what the stream's end completes; the same answer as :meth:`take`."""
        return True

    def send(self, data: bytes) -> None:
        """Send an answer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection once what was sent is out."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "?"
        self.last_heard = self._loop.time()
        if not self._listener.admit(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._listener.forget(self)

    def data_received(self, data: bytes) -> None:
        self.last_heard = self._loop.time()
        self._proceed(data)

    def eof_received(self) -> bool:
        self._ended = True
        if not self._holding:
            self._proceed(b"")
        return True  # the transport stays open until everything held is taken

    def pause_writing(self) -> None:
        self._choking = True
        self._set_reading()

    def resume_writing(self) -> None:
        self._choking = False
        self._set_reading()

    def _proceed(self, data: bytes) -> None:
        taken = self.take(data)
        if taken and self._ended:
            taken = self.at_end()
            if taken:
                self.close()
        if not taken and not self._holding:
            self.intake.gate.wait(self._resume)
        self._holding = not taken
        self._set_reading()

    def _resume(self) -> None:
        self._holding = False
        self._proceed(b"")  # even when the sender has gone: what it sent is held here

    def _set_reading(self) -> None:
        if self._transport is None or self._transport.is_closing() or self._ended:
            return
        if self._holding or self._choking:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


class Listener:
    """A listening socket and its connections, at most *max_connections* of them.

    One that is silent for *idle_timeout_s* seconds is closed; 0 lets it stay.
    """

    def __init__(
        self,
        driver: Callable[[Intake, Listener], Connection],
        intake: Intake,
        *,
        max_connections: int,
        idle_timeout_s: float,
    ) -> None:
        self._driver = driver
        self._intake = intake
        self._max_connections = max_connections
        self._idle_timeout_s = idle_timeout_s
        self._server: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self.connections: set[Connection] = set()

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen on *host*:*port* (0: any free port) and return where. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        make = self._driver
        self._server = await loop.create_server(
            lambda: make(self._intake, self), host, port, backlog=BACKLOG, reuse_address=True
        )
        if self._idle_timeout_s:
            self._sweep_idle()
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    def admit(self, connection: Connection) -> bool:
        """Take *connection* in, unless there are too many."""
        if len(self.connections) >= self._max_connections:
            self._intake.store.counters.add("connectionsRefused")
            self._intake.notices.warn(
                "connections", "%s: turned away, %d connections are open", connection.peer, self._max_connections
            )
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self.connections.discard(connection)

    def stop_accepting(self) -> None:
        """Take no new connection; those that are open go on."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """End everything."""
        self.stop_accepting()
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self.connections):
            connection.close()

    def _sweep_idle(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in list(self.connections):
            if loop.time() - connection.last_heard > self._idle_timeout_s:
                self._intake.store.counters.add("connectionsIdle")
                connection.close()
        self._sweep = loop.call_later(self._idle_timeout_s / 4, self._sweep_idle)
