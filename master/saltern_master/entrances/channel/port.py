"""One port: a ROUTER socket with CURVE on the master's event loop.

Sockets of ZeroMQ signal edges, not levels: after a wake-up everything must be read, and a send may swallow the
signal of a message that came meanwhile. So reading goes on until nothing is left, in turns of bounded length that
let the loop serve others, and is tried again after every burst of sends.

A connection is known by the descriptor that libzmq reports, both with each message (``SRCFD``) and, from the
monitor, when it closes: that is where presence comes from.

What waits for a peer that doesn't read is bounded in bytes, not in messages of any size. libzmq counts messages, so
small ones are left to it (``SNDHWM`` of them at most); a large one is lent to it, not copied, and counts as in flight
until libzmq gives it back, which it does when the frame has been encrypted on its way into the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import struct
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import zmq

from saltern.errors import ChannelError
from saltern.pki import KeyPair

log = logging.getLogger(__name__)

TURN_S = 0.005  # of reading, before others have the loop
BACKLOG = 4096
SMALL_BYTES = 8192
SMALL_IN_FLIGHT = 512  # small messages to one peer: 4 MiB
LARGE_BYTES_IN_FLIGHT = 8 * 1024 * 1024  # of large ones to one peer, or a single one of any size
RECEIVED_AHEAD = 16  # messages from one peer that libzmq takes in before we have read them
# Plain numbers: pyzmq's flags are enumerations, and each "or" of theirs costs as much as a send.
_LAST = int(zmq.DONTWAIT)
_MORE = int(zmq.DONTWAIT) | int(zmq.SNDMORE)
_EVENTS, _READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
_NO_SUCH_ADDRESS = (errno.ENODEV, errno.EADDRNOTAVAIL, errno.EINVAL)
_MONITOR_EVENT = struct.Struct("=HI")


class Peer:
    """One connection: its routing id, the key it authenticated with, its descriptor and the address it is from."""

    __slots__ = ("_lent", "_lent_bytes", "address", "fd", "key", "minion_id", "port", "routing_id")

    def __init__(self, port: Port, routing_id: bytes, key: str, fd: int, address: str = "") -> None:
        self.port = port
        self.routing_id = routing_id
        self.key = key
        self.fd = fd
        self.address = address
        """The remote IP address as text; ``""`` when it isn't known."""
        self._lent: deque[tuple[zmq.MessageTracker, int]] = deque()  # large frames: given back?, bytes
        self._lent_bytes = 0
        self.minion_id: str | None = None
        """Set by whoever finds out, from the key, whose connection this is."""

    def send(self, frame: bytes) -> bool:
        """Send a frame; return ``False`` when the peer is gone or takes nothing more."""
        return self.port.send(self, frame)

    def lend(self, frame: bytes) -> zmq.Frame | None:
        """Return a large frame for libzmq, noted as in flight; ``None`` when there is too much in flight already."""
        in_flight = self.bytes_in_flight()
        if in_flight and in_flight + len(frame) > LARGE_BYTES_IN_FLIGHT:
            return None
        lent = zmq.Frame(frame, track=True, copy=False)
        self._lent_bytes += len(frame)
        self._lent.append((lent.tracker, len(frame)))  # not the frame itself, which would keep it in flight
        return lent

    def bytes_in_flight(self) -> int:
        """Return how many bytes of large frames libzmq still holds for this peer."""
        while self._lent and self._lent[0][0].done:
            self._lent_bytes -= self._lent.popleft()[1]
        return self._lent_bytes


class Limits(NamedTuple):
    """Limits and clocks of a port: bytes, seconds."""

    max_message_bytes: int
    heartbeat_interval_s: float
    heartbeat_timeout_s: float


class Port:
    """A bound port. *on_message* gets every frame with its peer, *on_gone* every peer whose connection closed."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        name: str,
        keys: KeyPair,
        limits: Limits,
        on_message: Callable[[Peer, bytes], None],
        on_gone: Callable[[Peer], None],
    ) -> None:
        self.name = name
        self.send_refused = 0
        """Frames not sent because too much waited for their peer already."""
        self._on_message = on_message
        self._on_gone = on_gone
        self._peers: dict[int, Peer] = {}
        self._reading_soon = False
        self._loop: asyncio.AbstractEventLoop | None = None
        socket = self._socket = context.socket(zmq.ROUTER)
        socket.linger = 0
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.BACKLOG, BACKLOG)
        socket.setsockopt(zmq.SNDHWM, SMALL_IN_FLIGHT)
        socket.setsockopt(zmq.RCVHWM, RECEIVED_AHEAD)
        socket.setsockopt(zmq.MAXMSGSIZE, limits.max_message_bytes)
        socket.setsockopt(zmq.HEARTBEAT_IVL, int(limits.heartbeat_interval_s * 1000))
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(limits.heartbeat_timeout_s * 1000))
        socket.setsockopt(zmq.HANDSHAKE_IVL, 10_000)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
        socket.setsockopt(zmq.ZAP_DOMAIN, name.encode())
        self._monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def bind(self, interface: str, port: int) -> str:
        """Bind to *interface* and *port* (0: any free) and return ``host:port``. Raises ``ChannelError``."""
        host = f"[{interface}]" if ":" in interface else interface
        self._socket.setsockopt(zmq.IPV6, int(":" in interface))
        try:
            self._socket.bind(f"tcp://{host}:{port or '*'}")
        except zmq.ZMQError as error:
            if error.errno in _NO_SUCH_ADDRESS:
                why = f"interface: {interface!r} is no address of this host: give one, or 0.0.0.0 for all"
                raise ChannelError(f"{why} ({self.name} port)") from None
            why = os.strerror(error.errno or 0)  # libzmq's own tells the address again
            raise ChannelError(f"{host}:{port} ({self.name} port): can't listen here: {why}") from None
        endpoint = self._socket.getsockopt(zmq.LAST_ENDPOINT)
        assert isinstance(endpoint, bytes)
        return endpoint.rstrip(b"\0").decode().removeprefix("tcp://")

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read on *loop*."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._read)
        loop.add_reader(self._monitor.fileno(), self._read)
        self._read()

    def close(self) -> None:
        """Close the socket; peers see the connection end."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_reader(self._monitor.fileno())
        self._socket.disable_monitor()
        self._monitor.close()
        self._socket.close()

    def send(self, peer: Peer, frame: bytes) -> bool:
        """Send a frame to *peer*; ``False`` when it is gone, or too much waits for it: then it is unreachable."""
        whole = frame if len(frame) <= SMALL_BYTES else peer.lend(frame)
        if whole is None:
            self.send_refused += 1
            return False
        try:
            self._socket.send(peer.routing_id, _MORE)
            self._socket.send(whole, _LAST)
        except zmq.Again:
            self.send_refused += 1
            return False
        except zmq.ZMQError:  # EHOSTUNREACH: it is gone
            return False
        finally:
            self._read_soon()
        return True

    def _read_soon(self) -> None:
        if not self._reading_soon and self._loop is not None:
            self._reading_soon = True
            self._loop.call_soon(self._read)

    def _read(self) -> None:
        if self._socket.closed:
            return
        self._reading_soon = True  # what is sent meanwhile swallows nothing: we read until nothing is left
        try:
            more = self._read_a_turn()
        finally:
            self._reading_soon = False
        if more:
            self._read_soon()

    def _read_a_turn(self) -> bool:
        """Read until nothing is left, or others are to have the loop; return whether there may be more."""
        # Closed connections first: their descriptors may be those of new ones already.
        if int(self._monitor.getsockopt(_EVENTS)) & _READABLE:  # to ask costs half of what it costs to be refused
            self._read_monitor()
        until = time.monotonic() + TURN_S
        while time.monotonic() < until:
            try:
                frames = self._socket.recv_multipart(_LAST, copy=False)
            except (zmq.Again, zmq.ContextTerminated):
                return False
            except zmq.ZMQError as error:
                log.error("the %s port can't be read: %s", self.name, error.strerror)
                break
            self._receive(frames)
        return True

    def _receive(self, frames: list[zmq.Frame]) -> None:
        if len(frames) != 2:
            return  # not an agent: ours send one frame, behind the routing id that ROUTER adds
        peer = None
        # One bad message ends itself, never the port: nobody would wake it up for those behind.
        try:
            peer = self._peer(frames[0].bytes, frames[1])
            if peer is not None:
                self._on_message(peer, frames[1].bytes)
        except Exception:
            who = "somebody" if peer is None else peer.minion_id or peer.key[:8]
            log.exception("a message from %s on the %s port failed", who, self.name)

    def _peer(self, routing_id: bytes, payload: zmq.Frame) -> Peer | None:
        """Return whose connection a frame came over; ``None`` when it has closed meanwhile."""
        try:
            key, fd = str(payload.get("User-Id")), int(payload.get(zmq.SRCFD))
            known = self._peers.get(fd)
            if known is not None and known.routing_id == routing_id and known.key == key:
                return known
            peer = Peer(self, routing_id, key, fd, str(payload.get("Peer-Address")))
        except (zmq.ZMQError, ValueError):
            return None
        self._peers[fd] = peer
        if known is not None:
            self._gone(known)
        return peer

    def _gone(self, peer: Peer) -> None:
        """Tell that a connection has closed, whatever becomes of telling it."""
        try:
            self._on_gone(peer)
        except Exception:
            log.exception("the end of a connection of %s failed", peer.minion_id or peer.key[:8])

    def _read_monitor(self) -> None:
        with contextlib.suppress(zmq.Again):
            while True:
                event = self._monitor.recv_multipart(zmq.DONTWAIT)
                _, fd = _MONITOR_EVENT.unpack(event[0])
                peer = self._peers.pop(fd, None)
                if peer is not None:
                    self._gone(peer)
