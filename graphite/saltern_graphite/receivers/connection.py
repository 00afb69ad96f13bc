"""What every TCP receiver has in common: a sender's connection, with back-pressure.

A driver derives from :class:`Connection` and says what bytes mean in :meth:`Connection.take`. When the store has
no room, the driver keeps what it holds, the connection stops reading, TCP slows the sender down, and the driver goes
on when the gate opens. All the other connections stop too, before they have read anything: what waits in memory is a
block, not a block for each sender. A connection also stops for the moment that an answer to a reader takes
(:mod:`saltern_graphite.receivers.read_buffer`).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from saltern_graphite.receivers.address import show_address
from saltern_graphite.receivers.intake import Intake

if TYPE_CHECKING:
    from saltern_graphite.receivers.listener import Listener


class Connection(asyncio.BufferedProtocol, ABC):
    """One sender's connection. Drivers override :meth:`take` and, if the end matters, :meth:`at_end`."""

    ends_by_reset = False
    """Whether a sender that isn't done hears of our end, by ``close`` or by ``kill -9``, as a reset.

    After a plain end of stream the next thing that it writes still vanishes without an error, and many senders
    (carbon-c-relay is one) never read: each would lose a line whenever we stop. A reset makes that write fail, and
    the sender keeps its line. It would also take what we answered last, so it is for drivers that answer nothing.
    """

    def __init__(self, intake: Intake, listener: Listener) -> None:
        self.intake = intake
        self.peer = "?"
        self.last_heard = 0.0
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._holding = False  # the store has no room
        self._choking = False  # the sender doesn't read our answers
        self._standing_back = False  # somebody waits for an answer
        self._ended = False

    @abstractmethod
    def take(self, data: bytes) -> bool:
        """Take what came in, or go on with what is held when *data* is empty.

        Return ``False`` when the store has no room; the driver then holds on to the rest and is called again.
        """

    def at_end(self) -> bool:
        """Take what the stream's end completes; the same answer as :meth:`take`."""
        return True

    @property
    def waits_for_us(self) -> bool:
        """Whether its silence is our doing."""
        return self._holding or self._ended

    @property
    def closing(self) -> bool:
        """Whether it ends, or has ended."""
        return self._transport is None or self._transport.is_closing()

    def send(self, data: bytes) -> None:
        """Send an answer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection once what was sent is out."""
        if self._transport is not None:
            self._transport.close()

    def hold(self) -> None:
        """Read nothing until the gate opens."""
        if self._holding:
            return
        self._holding = True
        self.intake.gate.wait(self._resume)
        self._set_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, once the gate is open; a connection too many is ended at once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = show_address(*peer[:2]) if isinstance(peer, tuple) else "?"
        self.last_heard = self._loop.time()
        self._linger(reset=True)
        if not self._listener.admit(self):
            transport.abort()
        else:
            self._loop.call_soon(self._hold_if_closed)  # asyncio starts reading after this call

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place to others."""
        self._transport = None
        self._listener.forget(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where asyncio is to put the next bytes: the buffer that all connections share."""
        return self.intake.buffer.room()

    def buffer_updated(self, nbytes: int) -> None:
        """Take *nbytes* that are in the buffer."""
        self.last_heard = self._loop.time()
        self._proceed(self.intake.buffer.taken(nbytes))
        back_s = self.intake.buffer.stand_back(self._go_on)
        if back_s:
            self._standing_back = True
            self._set_reading()
            self._loop.call_later(back_s, self.intake.buffer.go_on)

    def eof_received(self) -> bool:
        """The sender has ended: what is held is still taken. Return that the connection stays until then."""
        self._ended = True
        if not self._holding:
            self._proceed(b"")
        return True  # the transport stays open until everything held is taken

    def pause_writing(self) -> None:
        """Read nothing more of a sender that doesn't read its answers."""
        self._choking = True
        self._set_reading()

    def resume_writing(self) -> None:
        """Go on reading: it has read its answers."""
        self._choking = False
        self._set_reading()

    def _proceed(self, data: bytes) -> None:
        taken = self.take(data)
        if taken and self._ended:
            taken = self.at_end()
            if taken:
                self._linger(reset=False)  # the sender is done, and may wait for our end of the stream
                self.close()
        if not taken:
            self.hold()
            self._listener.hold()

    def _linger(self, *, reset: bool) -> None:
        """Have the kernel end the connection by a reset or by an end of stream, however it comes to be closed."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if self.ends_by_reset and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", reset, 0))

    def _resume(self) -> bool:
        self._holding = False
        self.last_heard = self._loop.time()
        self._proceed(b"")  # even when the sender has gone: what it sent is held here
        self._set_reading()
        return not self._holding

    def _go_on(self) -> None:
        self._standing_back = False
        self._set_reading()

    def _hold_if_closed(self) -> None:
        if self._transport is not None and self.intake.gate.closed:
            self.hold()

    def _set_reading(self) -> None:
        if self._transport is None or self._transport.is_closing() or self._ended:
            return
        if self._holding or self._choking or self._standing_back:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
