"""One encrypted connection to one of the master's ports, made again for ever.

ZeroMQ's own reconnecting is switched off: it neither backs off nor jitters after a failed handshake, and gives up for
good when the far end answers garbage or refuses the key. Here every attempt is a new socket, and what becomes of it
is told by the socket's monitor.
"""

from __future__ import annotations

import logging
import random
import struct
from typing import TYPE_CHECKING, NamedTuple, Protocol

import zmq

from saltern.complaints import Complaint
from saltern.pki import KeyPair
from saltern.wire import MAX_MESSAGE_BYTES
from saltern_agent.loop import Loop, Timer

if TYPE_CHECKING:
    from saltern.config import MinionOptions

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 20.0
MAX_FRAMES_AT_ONCE = 64  # then timers and the other sockets have their turn

_EVENT = struct.Struct("=Hi")
_HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_EVENTS = (
    zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | _HANDSHAKE_FAILED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
)


class Timing(NamedTuple):
    """Seconds: between attempts (first, most), between heartbeats, and without a sign of life until it is over."""

    reconnect_s: float
    reconnect_max_s: float
    heartbeat_s: float
    heartbeat_timeout_s: float

    @classmethod
    def of(cls, options: MinionOptions) -> Timing:
        """Return the timing from the options."""
        return cls(
            options["reconnect_interval"],
            options["reconnect_interval_max"],
            options["heartbeat_interval"],
            options["heartbeat_timeout"],
        )


class Listener(Protocol):
    """Told what happens on a link."""

    def link_up(self, link: Link) -> None:
        """The handshake succeeded: frames may be sent."""

    def link_down(self, link: Link, handshake_failed: bool) -> None:
        """The connection ended, or an attempt failed; the next attempt comes by itself."""

    def link_frame(self, link: Link, frame: bytes) -> None:
        """A frame came."""


class Link:
    """A ``DEALER`` to *endpoint*; ``open`` it, and it stays open or keeps trying until ``close``."""

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        keys: KeyPair,
        master_key: str,
        timing: Timing,
        listener: Listener,
    ) -> None:
        self.endpoint = endpoint
        self.up = False
        self._loop = loop
        self._context = context
        self._keys = keys
        self._master_key = master_key
        self._timing = timing
        self._listener = listener
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._timer: Timer | None = None
        self._failures = 0
        self._attempts = 0
        self._connected = False
        self._not_connected = Complaint(log)

    def open(self) -> None:
        """Start connecting, unless it has been started."""
        if self._socket is None and self._timer is None:
            self._connect()

    def close(self) -> None:
        """End the connection, and all attempts."""
        self._discard()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def restart(self) -> None:
        """Give the connection up and make a new one."""
        self._failed(handshake_failed=False)

    def settled(self) -> None:
        """Say that the far end took us in: the next failure is tried again soon."""
        self._failures = 0

    def send(self, frame: bytes) -> bool:
        """Send *frame*; return whether the socket took it."""
        if self._socket is None or not self.up:
            return False
        try:
            self._socket.send(frame, zmq.NOBLOCK)
        except zmq.ZMQError:  # Again: full, or between two connections
            return False
        return True

    def _connect(self) -> None:
        self._timer = self._loop.later(CONNECT_TIMEOUT_S + HANDSHAKE_TIMEOUT_S, self.restart)
        self._connected = False
        socket = self._context.socket(zmq.DEALER)
        monitor = self._context.socket(zmq.PAIR)
        self._socket, self._monitor = socket, monitor
        try:
            self._configure(socket)
            self._attempts += 1
            address = f"inproc://monitor-{id(self)}-{self._attempts}"
            socket.monitor(address, _EVENTS)
            monitor.linger = 0
            monitor.connect(address)
            self._loop.watch(monitor, self._read_monitor)
            self._loop.watch(socket, self._read)
            socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            self._not_connected.say(f"{self.endpoint}: can't be connected to: {error}")
            self._failed(handshake_failed=False)

    def _configure(self, socket: zmq.Socket[bytes]) -> None:
        timing = self._timing
        options = {
            zmq.LINGER: 0,
            zmq.IMMEDIATE: 1,
            zmq.RECONNECT_IVL: -1,
            zmq.CONNECT_TIMEOUT: int(CONNECT_TIMEOUT_S * 1000),
            zmq.HANDSHAKE_IVL: int(HANDSHAKE_TIMEOUT_S * 1000),
            zmq.HEARTBEAT_IVL: int(timing.heartbeat_s * 1000),
            zmq.HEARTBEAT_TIMEOUT: int(timing.heartbeat_timeout_s * 1000),
            zmq.HEARTBEAT_TTL: min(int(timing.heartbeat_timeout_s * 1000), 6_553_500),
            zmq.MAXMSGSIZE: MAX_MESSAGE_BYTES,
            zmq.IPV6: int("[" in self.endpoint),
        }
        for option, value in options.items():
            socket.setsockopt(option, value)
        socket.curve_serverkey = self._master_key.encode()
        socket.curve_publickey = self._keys.public.encode()
        socket.curve_secretkey = self._keys.secret.encode()

    def _read_monitor(self) -> None:
        while self._monitor is not None:
            try:
                packed = self._monitor.recv_multipart(zmq.NOBLOCK)[0]
            except zmq.Again:
                return
            event, _value = _EVENT.unpack(packed)
            if event == zmq.EVENT_CONNECTED:
                self._connected = True
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._succeeded()
            elif event & _HANDSHAKE_FAILED:
                self._failed(handshake_failed=True)
            elif event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED):
                self._failed(handshake_failed=self._connected and not self.up)

    def _read(self) -> None:
        for _ in range(MAX_FRAMES_AT_ONCE):
            if self._socket is None:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError:
                return
            self._listener.link_frame(self, frames[-1])

    def _succeeded(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.up = True
        self._listener.link_up(self)

    def _failed(self, handshake_failed: bool) -> None:
        self._read()  # what came before the end
        self._discard()
        if self._timer is not None:
            self._timer.cancel()
        most_s = min(self._timing.reconnect_s * 2**self._failures, self._timing.reconnect_max_s)
        self._failures = min(self._failures + 1, 30)
        self._timer = self._loop.later(most_s * random.uniform(0.5, 1.0), self._connect)  # noqa: S311  # no secret
        self._listener.link_down(self, handshake_failed)

    def _discard(self) -> None:
        self.up = False
        socket, monitor = self._socket, self._monitor
        self._socket = self._monitor = None
        if socket is not None:
            self._loop.unwatch(socket)
            socket.disable_monitor()
            socket.close(linger=0)
        if monitor is not None:
            self._loop.unwatch(monitor)
            monitor.close(linger=0)
