"""The channel to the master: two links, and the conversation that makes an agent a member of the fleet.

::

    away ──ret link up──▶ greeting ──welcome──▶ up ──attach on the publish link──▶ jobs come
      ▲                      │  ▲                │
      │                 wait │  │ hello again    │ who: the master was restarted
      │                      ▼  │                ▼
      └──any link down──  pending, refused    greeting
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import zmq

from saltern.complaints import Complaint, Complaints
from saltern.errors import WireError
from saltern.pki import KeyPair, fingerprint
from saltern.wire import Message, pack, pack_any, unpack
from saltern_agent.link import Link, Timing
from saltern_agent.loop import Loop, Timer

log = logging.getLogger(__name__)

AWAY, GREETING, PENDING, REFUSED, UP = "away", "greeting", "pending", "refused", "up"
DUPLICATE = "duplicate"

HELLO_AGAIN_S = 0.05  # the socket wasn't ready for it
WHO_INTERVAL_S = 1.0  # a master that keeps asking, because it can't write, is answered this often
REFUSED_RETRIES = 3  # times the interval of a pending key
REPEAT_INTERVAL_S = 600.0  # a state that lasts is said again


class Address(NamedTuple):
    """Where the master is, and its pinned key."""

    host: str
    publish_port: int
    ret_port: int
    master_key: str

    def endpoint(self, port: int) -> str:
        """Return the ZeroMQ endpoint of *port*."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{port}"


class Member(Protocol):
    """What the channel asks of, and tells to, the agent."""

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``."""

    def attachment(self) -> dict[str, Any]:
        """Return the body of an ``attach``."""

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in; everything may be sent."""

    def lost(self) -> None:
        """The channel, which was up, is away."""

    def received(self, message: Message) -> None:
        """A message came that is not about the channel itself."""


class Channel:
    """Keeps the agent connected. Without *attach* no jobs are asked for: the publish link stays closed."""

    def __init__(
        self,
        loop: Loop,
        address: Address,
        keys: KeyPair,
        timing: Timing,
        member: Member,
        *,
        pending_retry_s: float,
        attach: bool = True,
    ) -> None:
        self.state = AWAY
        self.reason = "not connected yet"
        self._loop = loop
        self._address = address
        self._keys = keys
        self._member = member
        self._pending_retry_s = pending_retry_s
        self._answer_s = timing.heartbeat_timeout_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._ret = self._link(address.ret_port, timing)
        self._publish = self._link(address.publish_port, timing) if attach else None
        self._timer: Timer | None = None
        self._said = ""
        self._said_at = 0.0
        self._handshakes_failed = 0
        self._greeted_at = -WHO_INTERVAL_S
        self._ignored = Complaints(log)
        self._asked = Complaint(log, logging.INFO)

    def open(self) -> None:
        """Start connecting."""
        self._ret.open()

    def close(self) -> None:
        """End both connections at once; what wasn't sent is the outbox's to keep."""
        self._cancel_timer()
        self._ret.close()
        if self._publish is not None:
            self._publish.close()
        self._context.destroy(linger=0)

    def send(self, frame: bytes) -> bool:
        """Send *frame* up; return whether the socket took it."""
        return self.state == UP and self._ret.send(frame)

    def attach(self) -> None:
        """Ask for jobs, and say what this minion is and has; again when that has changed."""
        if self.state == UP and self._publish is not None and self._publish.up:
            frame = pack_any("attach", 0, self._member.attachment())
            if not self._publish.send(frame):
                self._loop.later(HELLO_AGAIN_S, self.attach)

    def greet(self) -> None:
        """Say hello (again)."""
        if not self._ret.up:
            return
        self._cancel_timer()
        self._greeted_at = time.monotonic()
        if self._ret.send(pack("hello", 0, self._member.hello())):
            self._timer = self._loop.later(self._answer_s, self._unanswered)
        else:
            self._timer = self._loop.later(HELLO_AGAIN_S, self.greet)

    # what the links tell

    def link_up(self, link: Link) -> None:
        """A connection is there."""
        if link is self._ret:
            self._handshakes_failed = 0
            self.state = GREETING
            self.greet()
        else:
            link.settled()
            self.attach()

    def link_down(self, link: Link, handshake_failed: bool) -> None:
        """A connection ended or couldn't be made."""
        if link is not self._ret:
            log.debug("%s: the connection for jobs is down", link.endpoint)
            return
        self._cancel_timer()
        self._handshakes_failed += handshake_failed
        if self._handshakes_failed > 1:  # once may be a master that is just being stopped
            self._say(
                logging.ERROR,
                "key",
                f"{link.endpoint}: the handshake failed: the master there has another key than the pinned one, "
                f"{fingerprint(self._address.master_key)}, or is no saltern-master; compare with saltern-key -F master",
            )
        elif not handshake_failed:
            self._say(logging.WARNING, AWAY, f"{link.endpoint}: the master is away; what it misses is kept")
        self._leave(AWAY)

    def link_frame(self, link: Link, frame: bytes) -> None:
        """A frame came."""
        try:
            message = unpack(frame, secrets=True)
        except WireError as error:
            self._ignored.say(str(error), f"{link.endpoint}: a message was ignored: {error}", logging.WARNING)
            return
        handle = self._HANDLERS.get(message.type)
        if handle is None:
            self._member.received(message)
        elif link is self._ret:
            handle(self, message.body)

    # what the master says about the channel

    def _welcome(self, body: dict[str, Any]) -> None:
        self._cancel_timer()
        self._ret.settled()
        self._say(logging.INFO, UP, f"{self._ret.endpoint}: connected")
        self.state = UP
        self._member.welcomed(body)
        if self._publish is not None:
            self._publish.open()
            self.attach()

    def _wait(self, body: dict[str, Any]) -> None:
        own = fingerprint(self._keys.public)
        self._say(
            logging.WARNING,
            PENDING,
            f"{self._ret.endpoint}: waiting for this minion's key to be accepted (saltern-key -a on the master); "
            f"its fingerprint is {own}{_because(body)}",
        )
        self._leave(PENDING)
        self._timer = self._loop.later(self._pending_retry_s, self.greet)

    def _refused(self, body: dict[str, Any]) -> None:
        state, reason = body.get("state"), body.get("reason")
        self._say(logging.ERROR, f"{REFUSED} {state} {reason}", f"{self._ret.endpoint}: refused ({state}): {reason}")
        if state == DUPLICATE and self.state == UP:
            return  # another agent has our key, and the jobs: we stay, for they are ours again when it goes
        self._leave(REFUSED)
        self._timer = self._loop.later(self._pending_retry_s * REFUSED_RETRIES, self.greet)

    def _who(self, body: dict[str, Any]) -> None:
        if self.state == UP:
            self._asked.say(f"{self._ret.endpoint}: the master asks who this is")
            self._leave(GREETING)
            self._cancel_timer()
            wait_s = self._greeted_at + WHO_INTERVAL_S - time.monotonic()
            self._timer = self._loop.later(max(0.0, wait_s), self.greet)

    _HANDLERS: dict[str, Callable[[Channel, dict[str, Any]], None]] = {  # noqa: RUF012  # never changed
        "welcome": _welcome,
        "wait": _wait,
        "refused": _refused,
        "who": _who,
    }

    def _unanswered(self) -> None:
        self._say(logging.WARNING, AWAY, f"{self._ret.endpoint}: the master does not answer")
        self._ret.restart()

    def _leave(self, state: str) -> None:
        """Go to *state*, which is not up."""
        was_up = self.state == UP
        self.state = state
        if state in (PENDING, REFUSED) and self._publish is not None:
            self._publish.close()
        if was_up:
            self._member.lost()

    def _link(self, port: int, timing: Timing) -> Link:
        address = self._address
        return Link(self._loop, self._context, address.endpoint(port), self._keys, address.master_key, timing, self)

    def _say(self, level: int, key: str, text: str) -> None:
        """Log *text* when the state *key* is news, or was said long ago."""
        self.reason = text
        now = time.monotonic()
        if key != self._said or now - self._said_at > REPEAT_INTERVAL_S:
            self._said, self._said_at = key, now
            log.log(level, "%s", text)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _because(body: dict[str, Any]) -> str:
    """Return the master's reason for letting us wait, where it gave one."""
    reason = body.get("reason")
    return f"; {reason}" if isinstance(reason, str) and reason else ""
