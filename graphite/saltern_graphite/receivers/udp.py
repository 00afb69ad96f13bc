"""Plaintext over UDP: the lines of the TCP port, a few to a datagram, the last newline optional.

A datagram can't be asked to wait: when the store has no room its points are dropped and counted. What the kernel
dropped because we did not read in time is counted too, in datagrams.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time

from saltern.errors import StoreError
from saltern_graphite.receivers.address import bind_socket, show_address
from saltern_graphite.receivers.formats.line import Block, parse
from saltern_graphite.receivers.intake import Intake

RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024  # the kernel cuts it to net.core.rmem_max
MAX_DATAGRAM_BYTES = 65_535
MAX_DATAGRAMS = 500  # taken together; then others have their turn
KERNEL_DROPS_EVERY_S = 5.0
CAUSE_FULL = "udp_full"
CAUSE_KERNEL = "udp_kernel"

_SO_MEMINFO = getattr(socket, "SO_MEMINFO", 55)  # Linux, asm-generic/socket.h
_MEMINFO = struct.Struct("9I")  # linux/sock_diag.h; the last is SK_MEMINFO_DROPS

_Datagram = tuple[bytes, tuple[str, int]]


class UdpReceiver:
    """A bound UDP socket that feeds the store."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._kernel_drops = 0
        self._look: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Bind *host*:*port* (0: any free port; host ``::``: IPv4 too) and return where. Raises ``OSError``."""
        self._socket = sock = bind_socket(host, port, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._loop.add_reader(sock, self._read, sock)
        self._count_kernel_drops()
        bound = sock.getsockname()
        return bound[0], bound[1]

    def close(self) -> None:
        """Take what has come in and give the socket up."""
        if self._socket is None:
            return
        self._loop.remove_reader(self._socket)
        self._read(self._socket)
        self._count_kernel_drops()
        if self._look is not None:
            self._look.cancel()
        self._socket.close()
        self._socket = None

    def _read(self, sock: socket.socket) -> None:
        """Take the datagrams that wait, many at once: a block costs the store little more than a point does."""
        datagrams: list[_Datagram] = []
        with contextlib.suppress(BlockingIOError):
            for _ in range(MAX_DATAGRAMS):
                try:
                    data, sender = sock.recvfrom(MAX_DATAGRAM_BYTES)
                except (ConnectionError, InterruptedError):  # an ICMP error to something sent before
                    continue
                if data:
                    datagrams.append((_whole_lines(data), sender[:2]))
        if datagrams:
            self._take(datagrams)

    def _take(self, datagrams: list[_Datagram]) -> None:
        now = time.time()
        block = parse(b"".join([data for data, _ in datagrams]), now)
        sender = datagrams[0][1]
        if block.bad:  # whose?
            block = Block()
            for data, sender in datagrams:
                part = parse(data, now)
                self._intake.refused(part, show_address(*sender))
                block.extend(part)
        points = len(block.names)
        if not points:
            return
        if self._intake.gate.closed:
            self._drop(points, "the store is full")
            return
        try:
            accepted = self._intake.accept(block)
        except StoreError as error:
            self._drop(points, str(error))
            return
        peer = show_address(*sender)
        self._intake.received(accepted, f"{peer} or another" if len(datagrams) > 1 else peer)

    def _drop(self, points: int, why: str) -> None:
        self._intake.store.counters.drop({CAUSE_FULL: points})
        self._intake.notices.say(CAUSE_FULL, "UDP points are dropped: %s", why)

    def _count_kernel_drops(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):  # another system than Linux
            told = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            drops: int = _MEMINFO.unpack(told)[-1]
            lost = (drops - self._kernel_drops) % 2**32
            self._kernel_drops = drops
            if lost:
                self._intake.store.counters.drop({CAUSE_KERNEL: lost})
                self._intake.notices.say(
                    CAUSE_KERNEL, "%d UDP datagrams were dropped by the kernel: more came than were read in time; "
                    "net.core.rmem_max bounds its buffer", lost,
                )  # fmt: skip
        self._look = self._loop.call_later(KERNEL_DROPS_EVERY_S, self._count_kernel_drops)


def _whole_lines(data: bytes) -> bytes:
    """Return the lines of a datagram, each ended by a newline; as Carbon, take a carriage return for one there."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data if data.endswith(b"\n") else data + b"\n"
