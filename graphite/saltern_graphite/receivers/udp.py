"""Plaintext over UDP: the lines of the TCP port, a few to a datagram, the last newline optional.

A datagram can't be asked to wait: when the store has no room its points are dropped and counted.
"""

from __future__ import annotations

import asyncio
import socket
import time

from saltern.errors import StoreError
from saltern_graphite.line import parse
from saltern_graphite.receivers.connection import Intake
from saltern_graphite.receivers.line import report_bad

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024  # the kernel cuts it to net.core.rmem_max
CAUSE_FULL = "udp_full"


class UdpReceiver(asyncio.DatagramProtocol):
    """A bound UDP socket that feeds the store."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Bind *host*:*port* (0: any free port) and return where. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound = sock.getsockname()
        return bound[0], bound[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        peer = f"{addr[0]}:{addr[1]}"
        block = parse(data, time.time())
        report_bad(self._intake, block, peer)
        if not block.names:
            return
        if self._intake.gate.closed:
            self._drop(len(block.names), "the store is full")
            return
        try:
            accepted = self._intake.store.accept(block.names, block.times, block.values)
        except StoreError as error:
            self._drop(len(block.names), str(error))
            return
        self._intake.received(accepted, peer)

    def close(self) -> None:
        """Give the socket up."""
        if self._transport is not None:
            self._transport.close()

    def _drop(self, points: int, why: str) -> None:
        self._intake.store.counters.drop({CAUSE_FULL: points})
        self._intake.notices.warn(CAUSE_FULL, "UDP points are dropped: %s", why)
