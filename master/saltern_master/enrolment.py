"""Taking minions in: who says hello is judged by the keyring, answered, and welcomed when its key is accepted.

Whatever a stranger can cause here is bounded: keys that wait (``keyring``), lines in the log, events.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from saltern.errors import IdError, KeyStoreError, WireError
from saltern.ids import MAX_MINION_ID, check_minion_id
from saltern.pki import fingerprint
from saltern.visible import visible
from saltern.wire import pack, pack_any
from saltern_master.bus import EventBus
from saltern_master.connection import Connection
from saltern_master.fleet import Fleet, Session
from saltern_master.keyring import Change, Keyring, Verdict
from saltern_master.line_limit import LineLimit
from saltern_master.network import network_of
from saltern_master.presence import Presence
from saltern_master.shape import HELLO

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
MAX_SAID = 10_000
_REMOVED = "its key was removed on the master"


class _Waiting(NamedTuple):
    """A connection whose key isn't accepted, the id that it claims, and when its agent started (epoch s, or 0)."""

    peer: Connection
    minion_id: str
    boot: float


class Enrolment:
    """Answers every ``hello``, and says what changes of keys mean to those who are connected."""

    def __init__(
        self,
        keyring: Keyring,
        fleet: Fleet,
        presence: Presence,
        bus: EventBus,
        welcome: Callable[[str], dict[str, Any]],
    ) -> None:
        """*welcome* makes the body that greets a minion: its schedule, pillar, …"""
        self._keyring = keyring
        self._fleet = fleet
        self._presence = presence
        self._bus = bus
        self._welcome = welcome
        self._waiting: dict[str, _Waiting] = {}
        self._said: dict[str, str] = {}
        self._limit = LineLimit("keys that say hello")

    def hello(self, peer: Connection, body: dict[str, Any]) -> None:
        """Answer a ``hello``: ``welcome``, ``wait`` or ``refused``."""
        try:
            hello = HELLO.checked(body)
            minion_id = check_minion_id(hello["id"])
            verdict = self._keyring.judge(minion_id, peer.key, hello.get("token", ""), peer.address)
        except (IdError, WireError) as error:
            self._refuse(peer, body, "invalid", str(error))
            return
        except KeyStoreError as error:
            self._refuse(peer, body, "error", "the master can't store keys: see its log", str(error))
            return
        self._say(peer, minion_id, verdict)
        if verdict.displaced:
            self._tell_displaced(minion_id, verdict.displaced)
        if verdict.state == "accepted":
            self._waiting.pop(peer.key, None)
            if hello.get("call"):
                # A program beside the agent, for files and pillar alone: the agent's own connection stays its own.
                peer.minion_id = minion_id
                peer.send(pack_any("welcome", 0, self._welcome(minion_id), secrets=True))
                return
            self._greet(peer, minion_id, hello.get("grains", {}), epoch(hello.get("boot")))
        elif verdict.state == "pending":
            self._wait(peer, minion_id, hello)
            answer = {"fingerprint": fingerprint(peer.key)}
            peer.send(pack("wait", 0, {**answer, "reason": verdict.reason} if verdict.reason else answer))
        else:
            self._wait(peer, minion_id, hello)
            peer.send(pack("refused", 0, {"state": verdict.state, "reason": verdict.reason}))

    def keys_changed(self, change: Change) -> None:
        """Shut out those whose keys are gone, then welcome the minions whose keys were accepted.

        Who waited, or was refused, by a key that was deleted is told too: it may say hello as if for the first time.
        """
        for key, minion_id in change.removed.items():
            now = change.added.get(key)
            reason = f"its key is accepted for {now!r} now" if now else _REMOVED
            link = self._fleet.forget(minion_id, key)
            if link is not None:
                if link.in_charge() is not None:
                    self._presence.lost(minion_id)
                for session in link.sessions:
                    for peer in session.peers():
                        peer.send(pack("refused", 0, {"state": "rejected", "reason": reason}))
                        peer.minion_id = None
                    if session.returns is not None:
                        self._wait(session.returns, minion_id, {"boot": session.boot})
            log.info("the key %s of minion %s is no longer accepted", fingerprint(key), minion_id)
        for key in self._keyring.freed & self._waiting.keys():
            self._waiting.pop(key).peer.send(pack("refused", 0, {"state": "rejected", "reason": _REMOVED}))
        for key, minion_id in change.added.items():
            waiting = self._waiting.pop(key, None)
            if waiting is not None and waiting.minion_id == minion_id:  # else it hears why at its next hello
                self._greet(waiting.peer, minion_id, {}, waiting.boot)

    def in_charge_again(self, minion_id: str, session: Session) -> None:
        """Welcome an agent that takes a minion's jobs again: what was told meanwhile was told to another."""
        if session.returns is not None:
            self._fleet.answer(session.returns, pack_any("welcome", 0, self._welcome(minion_id), secrets=True))

    def gone(self, peer: Connection) -> None:
        """Note a closed connection."""
        waiting = self._waiting.get(peer.key)
        if waiting is not None and waiting.peer is peer:
            del self._waiting[peer.key]

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "waiting": len(self._waiting),
            "pending_full": self._keyring.refused_full,
            "hello_lines_left_out": self._limit.left_out,
        }

    def _wait(self, peer: Connection, minion_id: str, hello: dict[str, Any]) -> None:
        """Remember a connection whose key an operator can accept at any time: then it is welcomed at once."""
        room = len(self._waiting) < MAX_WAITING or peer.key in self._waiting
        if room and not hello.get("call") and self._keyring.holds(peer.key):
            self._waiting[peer.key] = _Waiting(peer, minion_id, epoch(hello.get("boot")))

    def _greet(self, peer: Connection, minion_id: str, grains: dict[str, Any], boot: float) -> None:
        started = self._fleet.greet(minion_id, peer, boot)
        if grains:
            self._fleet.set_grains(minion_id, peer.key, grains)
        peer.send(pack_any("welcome", 0, self._welcome(minion_id), secrets=True))
        if started:
            say_started(self._bus, minion_id, boot)

    def _say(self, peer: Connection, minion_id: str, verdict: Verdict) -> None:
        """Log and publish a verdict that is new for its key.

        A refusal that the limit leaves out is said at a later hello. A key that was taken in is always published.
        """
        taken_in = verdict.act in ("accept", "pend")
        text = f"key of {minion_id} ({fingerprint(peer.key)}): {verdict.state}" + (
            f": {verdict.reason}" if verdict.reason else ""
        )
        if not taken_in and (not verdict.reason or self._said.get(peer.key) == text):
            return
        # What is said of a key that was accepted takes no line from the refusal that may follow it.
        about = f"{peer.key} accepted" if verdict.state == "accepted" else peer.key
        allowed = self._limit.allows(about, network_of(peer.address))
        if allowed:
            self._remember(peer.key, text)
            log.log(logging.WARNING if verdict.reason else logging.INFO, "%s", text)
        if allowed or taken_in:
            act = verdict.act or {"pending": "pend", "rejected": "reject"}.get(verdict.state, verdict.state)
            self._publish(minion_id, peer.key, act, verdict.reason, peer.address)

    def _refuse(self, peer: Connection, body: dict[str, Any], state: str, reason: str, line: str = "") -> None:
        """Refuse a hello that can't be judged; *line*: what the log says, when that is another thing."""
        peer.send(pack("refused", 0, {"state": state, "reason": reason}))
        if self._limit.allows(peer.key, network_of(peer.address)):
            log.warning("key %s: %s", fingerprint(peer.key), line or reason)
            claimed = body.get("id")
            minion_id = visible(claimed[:MAX_MINION_ID]) if isinstance(claimed, str) else ""
            self._publish(minion_id, peer.key, state, reason, peer.address)

    def _tell_displaced(self, minion_id: str, key: str) -> None:
        reason = f"a host with a join token was taken in as {minion_id!r}"
        waiting = self._waiting.get(key)
        peer = waiting.peer if waiting is not None else None
        if peer is not None:
            peer.send(pack("refused", 0, {"state": "denied", "reason": reason}))
        log.warning("the pending key %s was denied: %s", fingerprint(key), reason)
        self._publish(minion_id, key, "denied", reason, peer.address if peer else "")

    def _publish(self, minion_id: str, key: str, act: str, reason: str, address: str) -> None:
        data = {"result": act in ("accept", "pend"), "act": act, "id": minion_id, "pub": key}
        self._bus.publish("salt/auth", {**data, "reason": reason, "address": address})

    def _remember(self, key: str, text: str) -> None:
        self._said.pop(key, None)
        self._said[key] = text
        if len(self._said) > MAX_SAID:
            del self._said[next(iter(self._said))]


def say_started(bus: EventBus, minion_id: str, boot: float) -> None:
    """Publish that a minion was started, at *boot* (epoch s; 0: not known), by Salt's two tags."""
    now = time.time()
    said = f"Minion {minion_id} started at {time.ctime(boot or now)}"
    for tag in ("minion_start", f"salt/minion/{minion_id}/start"):
        data = {"id": minion_id, "cmd": "_minion_event", "pretag": None, "data": said, "tag": tag}
        bus.publish(tag, {**data, "ts": int(now)})


def epoch(value: object) -> float:
    """Return a time that a peer told (epoch s), 0 for anything that is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    return 0.0
