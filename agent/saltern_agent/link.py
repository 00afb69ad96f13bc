"""One encrypted connection to one of the master's ports, made again for ever.

ZeroMQ's own reconnecting is switched off: it neither backs off nor jitters after a failed handshake, and gives up for
good when the far end answers garbage or refuses the key. Here every attempt is a new socket, and what becomes of it
is told by the socket's monitor. Where to is looked up anew each time (``saltern_agent.dialler``), and why an attempt
fails is found out (``saltern_agent.handshake``), both in a thread::

    looking ──an address──▶ connecting ──connected──▶ greeting ──handshake──▶ up
       ▲                        │                        │
       │ at once, each address  │ fails                  │ fails: asked why
       ├────────────────────────┘                        ▼
       └──────────────── after a while ◀── down, with its cause
"""

from __future__ import annotations

import errno
import struct
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

import zmq

from saltern.named import NamedTuple
from saltern.pki import KeyPair
from saltern.wire import MAX_MESSAGE_BYTES
from saltern_agent.cause import CUT, DOUBT, NOT_ADMITTED, SILENT, UNREACHABLE, Cause, of_addresses
from saltern_agent.dialler import Dialler, endpoint
from saltern_agent.loop import Loop, Timer
from saltern_agent.spread import between

if TYPE_CHECKING:
    from saltern.config import MinionOptions

CONNECT_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 20.0
MAX_FRAMES_AT_ONCE = 64  # then timers and the other sockets have their turn

LOOKING, CONNECTING, GREETING, UP = "looking", "connecting", "greeting", "up"

_EVENT = struct.Struct("=Hi")
_HANDSHAKE_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_EVENTS = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
    | _HANDSHAKE_FAILED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_CLOSED
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

    def link_down(self, link: Link, cause: Cause | None) -> None:
        """An attempt failed for *cause*, or (``None``) the connection ended; the next attempt comes by itself."""

    def link_frame(self, link: Link, frame: bytes) -> None:
        """A frame came."""


class Link:
    """A ``DEALER`` to where *dialler* says; ``open`` it, and it stays open or keeps trying until ``close``."""

    def __init__(
        self,
        loop: Loop,
        context: zmq.Context[zmq.Socket[bytes]],
        dialler: Dialler,
        keys: KeyPair,
        master_key: str,
        timing: Timing,
        listener: Listener,
    ) -> None:
        self.up = False
        self._loop = loop
        self._context = context
        self._dialler = dialler
        self._keys = keys
        self._master_key = master_key
        self._timing = timing
        self._listener = listener
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._timer: Timer | None = None
        self._failures = 0
        self._attempts = 0
        self._phase = LOOKING
        self._address = ""
        self._trying = False
        self._asking = False
        self._open = False
        self._began_at = 0.0

    @property
    def endpoint(self) -> str:
        """Where to, as configured: ``tcp://host:port``."""
        return str(self._dialler)

    @property
    def is_name(self) -> bool:
        """Whether that has to be looked up."""
        return self._dialler.is_name

    @property
    def address(self) -> str:
        """The address that is, or was last, connected to."""
        return self._address

    def doubt(self) -> Cause:
        """Return what an attempt that is under way waits for."""
        if self._phase == LOOKING and self._dialler.is_name:
            what = f"no answer yet to the lookup of the name {self._dialler.host!r}: is a name server there?"
        elif self._phase in (GREETING, UP):
            what = f"connected to {self._address}, but no answer yet: is that the master's port?"
        else:
            what = "silence so far: the host is off, or a firewall drops the packets to this port?"
        return Cause(DOUBT, what)

    def open(self) -> None:
        """Start connecting, unless it has been started."""
        if not self._open:
            self._open = True
            self._connect()

    def close(self) -> None:
        """End the connection, and all attempts."""
        self._give_up_socket()
        self._attempts += 1  # what a thread finds now comes too late
        self._open = False

    def restart(self) -> None:
        """Give the connection up and make a new one."""
        self._failed(None)

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
        """Begin an attempt: find out where to."""
        self._timer = None
        self._attempts += 1
        self._phase = LOOKING
        self._look()

    def _look(self) -> None:
        self._dialler.find(partial(self._found, self._attempts), trying=self._trying)

    def _found(self, attempt: int, found: str | Cause) -> None:
        if attempt != self._attempts or self._timer is not None:
            return  # closed, or given up, meanwhile
        if isinstance(found, Cause):
            self._trying = True
            self._failed(found)
            return
        self._address, self._phase = found, CONNECTING
        self._began_at = time.monotonic()
        self._timer = self._loop.later(CONNECT_TIMEOUT_S + HANDSHAKE_TIMEOUT_S, self._overdue)
        socket = self._context.socket(zmq.DEALER)
        monitor = self._context.socket(zmq.PAIR)
        self._socket, self._monitor = socket, monitor
        try:
            self._configure(socket)
            address = f"inproc://monitor-{id(self)}-{self._attempts}-{self._trying:d}"
            socket.monitor(address, _EVENTS)
            monitor.linger = 0
            monitor.connect(address)
            self._loop.watch(monitor, self._read_monitor)
            self._loop.watch(socket, self._read)
            socket.connect(endpoint(found, self._dialler.port))
        except zmq.ZMQError as error:
            self._failed(Cause(UNREACHABLE, f"can't be connected to: {error}"))

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
            zmq.IPV6: int(":" in self._address),
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
                self._phase = GREETING
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self._succeeded()
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._failed(Cause(NOT_ADMITTED, "the master does not let this minion's key in"))
            elif event & _HANDSHAKE_FAILED or event in (zmq.EVENT_DISCONNECTED, zmq.EVENT_CLOSED):
                self._ended()

    def _ended(self) -> None:
        """Find out why a connection ended, or did not come about."""
        if self.up:
            self._failed(None)
        elif self._phase == GREETING:
            self._ask_why()
        elif self._trying:  # it took a connection a moment ago
            self._failed(Cause(CUT, "the connection ended before it was there"))
        elif time.monotonic() - self._began_at >= CONNECT_TIMEOUT_S * 0.95:
            self._trying = True
            self._failed(of_addresses({self._address: errno.ETIMEDOUT}))
        else:
            self._give_up_socket()
            self._phase, self._trying = LOOKING, True
            self._look()

    def _ask_why(self) -> None:
        self._give_up_socket()
        if self._asking:
            self._failed(Cause(CUT, "the connection ends during the handshake"))
            return
        attempt, address, port = self._attempts, self._address, self._dialler.port

        def ask() -> None:
            from saltern_agent.handshake import why_it_failed  # hardly any agent ever needs it

            try:
                cause = why_it_failed(address, port, self._keys, self._master_key)
            except Exception as error:  # whatever it is, the link goes on
                cause = Cause(CUT, f"the connection ends during the handshake ({type(error).__name__}: {error})")
            self._loop.post(partial(self._told_why, attempt, cause))

        self._asking = True
        try:
            threading.Thread(target=ask, name="handshake", daemon=True).start()
        except RuntimeError as error:
            self._told_why(attempt, Cause(CUT, f"the connection ends during the handshake, no thread can ask: {error}"))

    def _told_why(self, attempt: int, cause: Cause) -> None:
        self._asking = False
        if attempt == self._attempts and self._timer is None and self._phase == GREETING:
            self._failed(cause)

    def _overdue(self) -> None:
        self._failed(Cause(SILENT, f"silence: {self._address} takes the connection, and then nothing comes from it"))

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
        self._phase = UP
        self._trying = False
        self._dialler.right(self._address)
        self._listener.link_up(self)

    def _failed(self, cause: Cause | None) -> None:
        self._read()  # what came before the end
        if self._phase == GREETING:
            self._dialler.wrong(self._address)
        self._give_up_socket()
        self._phase = LOOKING
        most_s = min(self._timing.reconnect_s * 2**self._failures, self._timing.reconnect_max_s)
        self._failures = min(self._failures + 1, 30)
        self._timer = self._loop.later(most_s * between(0.5, 1.0), self._connect)
        self._listener.link_down(self, cause)

    def _give_up_socket(self) -> None:
        self._discard()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

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
