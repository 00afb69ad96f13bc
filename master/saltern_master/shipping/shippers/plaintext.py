"""Carbon's plaintext protocol, by graphyte: to carbon-cache, a relay, VictoriaMetrics, any Carbon there is.

The protocol has no acknowledgement, but TCP has an end of stream: every Carbon closes a connection once it has read
ours to its end. Waiting for that tells apart what the far program has read from what its kernel merely holds, which
is lost when the program dies. What a program loses after it read it is lost all the same. graphyte would also drop
what it can't send; here it raises instead, and the journal keeps the points until it succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence

import graphyte

from saltern.errors import ChannelError
from saltern_master.shipping.shipper import Points

TIMEOUT_S = 10
READ_TIMEOUT_S = 60.0
"""How long the far end may take to read what was sent: relays make their senders wait when a queue is full."""
LINES_PER_SEND = 20_000  # each costs a connection, and a relay's pause until it looks at new ones


class PlaintextShipper:
    """See ``Shipper``."""

    def __init__(self, host: str, port: int) -> None:
        self._where = f"{host}:{port}"
        self._sender = _Sender(host, port, timeout=TIMEOUT_S, raise_send_errors=True)

    async def ship(self, points: Points) -> Sequence[int]:
        """Send *points* as lines. Raises ``ChannelError``."""
        self._sender.abandoned = False
        try:
            await asyncio.to_thread(self._send, points)
        except asyncio.CancelledError:
            self._sender.abandon()
            raise
        except OSError as error:
            raise ChannelError(f"carbon at {self._where} can't be reached: {error}") from None
        return ()

    async def close(self) -> None:
        """Nothing stays open between sends."""

    def _send(self, points: Points) -> None:
        lines = [
            self._sender.build_message(name, value, time)
            for name, time, value in zip(points.names, points.times, points.values, strict=True)
        ]
        for i in range(0, len(lines), LINES_PER_SEND):
            self._sender.send_socket(b"".join(lines[i : i + LINES_PER_SEND]))


class _Sender(graphyte.Sender):  # type: ignore[misc]  # graphyte has no types
    """graphyte's, which also waits until what it sent was read to the end."""

    abandoned = False
    _socket: socket.socket | None = None

    def send_message(self, message: bytes) -> None:
        """Send *message* over a connection of its own. Raises ``OSError``."""
        with socket.create_connection((self.host, self.port), self.timeout) as self._socket:
            if self.abandoned:
                raise ConnectionAbortedError("given up")
            self._socket.settimeout(READ_TIMEOUT_S)
            try:
                self._socket.sendall(message)
                self._socket.shutdown(socket.SHUT_WR)
                answer = self._socket.recv(1)
            except TimeoutError:
                raise TimeoutError(f"it has not read in {READ_TIMEOUT_S:g} s what it was sent") from None
            if answer:
                raise ConnectionError("it answers, which a plaintext port never does")

    def abandon(self) -> None:
        """Have another thread that sends, or waits, give up at once."""
        self.abandoned = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
