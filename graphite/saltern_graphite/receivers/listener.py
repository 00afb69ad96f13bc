"""A listening socket and the connections that came in by it: how many there may be, and for how long they may idle."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from saltern_graphite.receivers.address import ANY_IPV6, bind_socket
from saltern_graphite.receivers.connection import Connection
from saltern_graphite.receivers.intake import Intake

BACKLOG = 512


class Listener:
    """A listening socket and its connections, at most *max_connections* of them.

    One that is silent for *idle_timeout_s* seconds is closed, unless it is we who keep it waiting; 0 lets it stay.
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
        """Listen on *host*:*port* (0: any free port; host ``::``: IPv4 too) and return where. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        if host == ANY_IPV6:
            sock = bind_socket(host, port, socket.SOCK_STREAM)
            self._server = await loop.create_server(self._connection, sock=sock, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(self._connection, host, port, backlog=BACKLOG, reuse_address=True)
        for listening in self._server.sockets:  # its connections inherit it: a sender that vanished is noticed
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._idle_timeout_s:
            self._sweep_idle()
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    def admit(self, connection: Connection) -> bool:
        """Take *connection* in, unless there are too many."""
        if len(self.connections) >= self._max_connections:
            self._intake.store.counters.add("connectionsRefused")
            self._intake.notices.say(
                "connections", "%s: turned away, %d connections are open", connection.peer, self._max_connections
            )
            return False
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """*connection* has ended."""
        self.connections.discard(connection)

    def hold(self) -> None:
        """Have every connection wait until the gate opens."""
        for connection in self.connections:
            connection.hold()

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

    def _connection(self) -> Connection:
        return self._driver(self._intake, self)

    def _sweep_idle(self) -> None:
        loop = asyncio.get_running_loop()
        for connection in list(self.connections):
            if connection.closing:
                continue  # counted already: what was sent to it is still on its way out
            if not connection.waits_for_us and loop.time() - connection.last_heard > self._idle_timeout_s:
                self._intake.store.counters.add("connectionsIdle")
                connection.close()
        self._sweep = loop.call_later(self._idle_timeout_s / 4, self._sweep_idle)
