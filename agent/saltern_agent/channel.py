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
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import zmq

from saltern.complaints import Complaint, Complaints
from saltern.errors import WireError
from saltern.named import NamedTuple
from saltern.pki import KeyPair, fingerprint
from saltern.wire import Message, pack, pack_any, unpack
from saltern_agent.cause import DOUBT, KEY, NOT_ADMITTED, SILENT, STRANGE, Cause
from saltern_agent.dialler import Dialler
from saltern_agent.link import CONNECT_TIMEOUT_S, Link, Timing
from saltern_agent.loop import Loop, Timer
from saltern_agent.spread import between

log = logging.getLogger(__name__)

AWAY, GREETING, PENDING, REFUSED, UP = "away", "greeting", "pending", "refused", "up"
DUPLICATE = "duplicate"

HELLO_AGAIN_S = 0.05  # the socket wasn't ready for it
WHO_INTERVAL_S = 1.0  # a master that keeps asking, because it can't write, is answered this often
REFUSED_FIRST_S = 1.0  # a key that was deleted is to be there again when the operator wants to accept it
REFUSED_RETRIES = 3  # times the interval of a pending key, at most
DOUBT_AFTER_S = 0.5  # from the start, until something is said
STEADY_S = 10.0  # a connection that held for so long was good: what comes after it is news
NOT_ADMITTED_OFTEN = 3  # in a row; once may be a key that was accepted just now


class Address(NamedTuple):
    """Where the master is, a name or an address without brackets, and its pinned key."""

    host: str
    publish_port: int
    ret_port: int
    master_key: str


class Member(Protocol):
    """What the channel asks of, and tells to, the agent."""

    def hello(self) -> dict[str, Any]:
        """Return the body of a ``hello``."""

    def attachment(self) -> dict[str, Any]:
        """Return the body of an ``attach``."""

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in; everything may be sent."""

    def attached(self, *, anew: bool) -> None:
        """Jobs were asked for; *anew*: for the first time since the master took us in, or on a new connection."""

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
        self.cause: Cause | None = None
        """Why the last attempt failed, until the master answers."""
        self.answer: dict[str, Any] = {}
        """What the master answered to the last hello."""
        self._loop = loop
        self._address = address
        self._keys = keys
        self._member = member
        self._pending_retry_s = pending_retry_s
        self._answer_s = timing.heartbeat_timeout_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._ret = self._link(address.ret_port, timing, lambda: "")
        # The port for jobs is the same master's: of a name with several addresses, at the same one.
        self._publish = self._link(address.publish_port, timing, lambda: self._ret.address) if attach else None
        self._timer: Timer | None = None
        self._doubts: Timer | None = None
        self._complaints = Complaints(log)
        self._news = True
        self._connected_to = ""
        self._failed: Counter[str] = Counter()
        self._failing_since = self._up_since = 0.0
        self._refusals = self._not_admitted = 0
        self._refused_for: tuple[Any, Any] = ("", "")
        self._greeted_at = -WHO_INTERVAL_S
        self._no_jobs = Complaints(log)
        self._no_jobs_said = False
        self._attached = False
        self._ignored = Complaints(log)
        self._asked = Complaint(log, logging.INFO)

    def open(self) -> None:
        """Start connecting."""
        self._failing_since = time.monotonic()
        self._ret.open()
        self._doubts = self._loop.later(DOUBT_AFTER_S, self._doubt)

    def close(self) -> None:
        """End both connections at once; what wasn't sent is the outbox's to keep."""
        self._cancel_timer()
        if self._doubts is not None:
            self._doubts.cancel()
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
            if self._publish.send(frame):
                anew, self._attached = not self._attached, True
                self._member.attached(anew=anew)
            else:
                self._loop.later(HELLO_AGAIN_S, self.attach)

    def ask(self, frame: bytes) -> bool:
        """Send *frame* by the connection that jobs come by, once they were asked for; return whether it was taken."""
        publish = self._publish
        return self._attached and self.state == UP and publish is not None and publish.up and publish.send(frame)

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
            self.state = GREETING
            self.greet()
        else:
            self._not_admitted = 0
            self._attached = False
            self._no_jobs.end()
            if self._no_jobs_said:
                self._no_jobs_said = False
                log.info("%s: jobs come again", link.endpoint)
            link.settled()
            self.attach()

    def link_down(self, link: Link, cause: Cause | None) -> None:
        """A connection ended or couldn't be made."""
        if link is not self._ret:
            self._jobs_down(link, cause)
            return
        self._cancel_timer()
        if cause is not None:
            self._fails(cause)
        elif self.state == GREETING:
            self._fails(Cause(SILENT, "the connection ended before the master answered"))
        elif self.state != AWAY:
            if self.state == UP and time.monotonic() - self._up_since >= STEADY_S:
                self._complaints = Complaints(log)
            self._failing_since = time.monotonic()
            self._say(logging.WARNING, AWAY, f"{link.endpoint}: the master is away; what it misses is kept")
        self._leave(AWAY)

    def _jobs_down(self, link: Link, cause: Cause | None) -> None:
        """Say why no jobs come, when that isn't said of the other connection."""
        self._not_admitted += cause is not None and cause.kind == NOT_ADMITTED
        soon = cause is not None and cause.kind == NOT_ADMITTED and self._not_admitted < NOT_ADMITTED_OFTEN
        if cause is None or soon or self.state != UP:
            log.debug("%s: the connection for jobs is down", link.endpoint)
        elif self._no_jobs.say(cause.kind, f"{link.endpoint}: no jobs come: {cause.text}", level=logging.WARNING):
            self._no_jobs_said = True

    def _fails(self, cause: Cause) -> None:
        """Count an attempt that failed, and say why."""
        self.cause = cause
        self._failed[cause.kind] += 1
        level = logging.ERROR if cause.kind in (KEY, STRANGE) else logging.WARNING
        self._say(level, cause.kind, f"{self._ret.endpoint}: {cause.text}")

    def _doubt(self) -> None:
        """Say what is waited for, unless more is known."""
        if self.state in (AWAY, GREETING) and not self._failed:
            self._say(logging.WARNING, DOUBT, f"{self._ret.endpoint}: {self._ret.doubt().text}")

    def _answered(self) -> str:
        """Note that the master answered; return in words what was in vain before that, ``""`` for nothing."""
        if not self._failed:
            return ""
        seconds = time.monotonic() - self._failing_since
        kinds = ", ".join(f"{number} {kind}" for kind, number in self._failed.most_common())
        self._failed.clear()
        return f"after {seconds:.0f} s of attempts that failed ({kinds})"

    def link_frame(self, link: Link, frame: bytes) -> None:
        """A frame came."""
        try:
            message = unpack(frame, secrets=True)
        except WireError as error:
            self._ignored.say(str(error), f"{link.endpoint}: a message was ignored: {error}", level=logging.WARNING)
            return
        handle = self._HANDLERS.get(message.type)
        if handle is None:
            self._member.received(message)
        elif link is self._ret:
            self.cause, self.answer = None, message.body
            handle(self, message.body)

    # what the master says about the channel

    def _welcome(self, body: dict[str, Any]) -> None:
        self._cancel_timer()
        self._ret.settled()
        self._refusals = 0
        after = self._answered()
        self.reason = f"{self._ret.endpoint}: connected"
        if self._news or self._ret.address != self._connected_to:
            self._connected_to = self._ret.address
            where = f" to {self._ret.address}" if self._ret.is_name else ""
            log.info("%s%s%s", self.reason, where, f", {after}" if after else "")
        self._complaints.end()
        self._news = False
        if self.state != UP:
            self._up_since = time.monotonic()
        self.state = UP
        self._attached = False
        self._member.welcomed(body)
        if self._publish is not None:
            self._publish.open()
            self.attach()

    def _wait(self, body: dict[str, Any]) -> None:
        self._cancel_timer()
        self._say_answered()
        own = fingerprint(self._keys.public)
        self._say(
            logging.WARNING,
            PENDING,
            f"{self._ret.endpoint}: waiting for this minion's key to be accepted (saltern-key -a on the master); "
            f"its fingerprint is {own}{_because(body)}",
        )
        self._refusals = 0
        self._leave(PENDING)
        self._timer = self._loop.later(self._pending_retry_s, self.greet)

    def _refused(self, body: dict[str, Any]) -> None:
        self._cancel_timer()
        self._say_answered()
        state, reason = body.get("state"), body.get("reason")
        stays = state == DUPLICATE and self.state == UP
        if (state, reason) != self._refused_for:
            self._refused_for, self._refusals = (state, reason), 0
        again_s = min(REFUSED_FIRST_S * 2**self._refusals, self._pending_retry_s * REFUSED_RETRIES)
        again_s *= between(0.75, 1.0)  # a fleet doesn't ask all at once
        again = "" if stays else f"; tried again in {again_s:.1f} s"
        said = f"{self._ret.endpoint}: refused ({state}): {reason}"
        self._say(logging.ERROR, f"{REFUSED} {state} {reason}", f"{said}{again}")
        if stays:
            return  # another agent has our key, and the jobs: we stay, for they are ours again when it goes
        self._refusals = min(self._refusals + 1, 30)
        self._leave(REFUSED)
        self._timer = self._loop.later(again_s, self.greet)

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
        self._fails(Cause(SILENT, f"silence: connected, but the master has not answered for {self._answer_s:g} s"))
        self.state = AWAY
        self._ret.restart()

    def _leave(self, state: str) -> None:
        """Go to *state*, which is not up."""
        was_up = self.state == UP
        self.state = state
        if state in (PENDING, REFUSED) and self._publish is not None:
            self._publish.close()
        if was_up:
            self._member.lost()

    def _link(self, port: int, timing: Timing, instead: Callable[[], str]) -> Link:
        address = self._address
        dialler = Dialler(address.host, port, self._loop.post, CONNECT_TIMEOUT_S, instead=instead)
        return Link(self._loop, self._context, dialler, self._keys, address.master_key, timing, self)

    def _say_answered(self) -> None:
        after = self._answered()
        if after:
            log.info("%s: the master answers, %s", self._ret.endpoint, after)

    def _say(self, level: int, kind: str, text: str) -> None:
        """Log *text*, once for as long as its *kind* goes on."""
        self.reason = text
        if self._complaints.say(kind, text, level=level):
            self._news = True

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _because(body: dict[str, Any]) -> str:
    """Return the master's reason for letting us wait, where it gave one."""
    reason = body.get("reason")
    return f"; {reason}" if isinstance(reason, str) and reason else ""
