"""The master's end of the channel: who is who, who may say what, who is there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from saltern.errors import IdError, KeyStoreError, WireError
from saltern.ids import check_minion_id
from saltern.pki import fingerprint
from saltern.wire import Message, pack, pack_any, unpack
from saltern_master.accounting import Accounting
from saltern_master.bus import EventBus
from saltern_master.calls import CallTable
from saltern_master.entrances.channel.port import Peer
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.keyring import Change, Keyring

log = logging.getLogger(__name__)

PUBLISH, RET = "publish", "ret"
COMPLAINT_EVERY_S = 60.0
MAX_COMPLAINTS_KNOWN = 1000
MAX_WAITING = 10_000
MAX_CALLS_WAITING = 1000


class Hub:
    """Handles every message of both ports."""

    def __init__(
        self,
        keyring: Keyring,
        fleet: Fleet,
        inbox: Inbox,
        bus: EventBus,
        calls: CallTable,
        account: Accounting,
        welcome: Callable[[str], dict[str, Any]],
    ) -> None:
        """*welcome* makes the body that greets a minion: its schedule, pillar, …"""
        self._keyring = keyring
        self._fleet = fleet
        self._inbox = inbox
        self._bus = bus
        self._calls = calls
        self._account = account
        self._welcome = welcome
        self._waiting: dict[str, Peer] = {}
        self._calling: set[asyncio.Task[None]] = set()
        self._complained: dict[str, float] = {}
        self.garbage = 0

    def admit(self, port: str, key: str) -> bool:
        """Say at the handshake whether *key* may connect: to the publish port only when it is accepted."""
        return port == RET or self._keyring.minion_of(key) is not None

    def on_publish_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the publish port: ``attach`` is the only one."""
        message = self._unpack(peer, frame)
        minion_id = self._keyring.minion_of(peer.key)
        if message is None or minion_id is None or message.type != "attach":
            return
        peer.minion_id = minion_id
        if self._fleet.attach(minion_id, peer):
            log.info("minion %s is connected", minion_id)
            self._bus.publish("salt/presence/change", {"new": [minion_id], "lost": []})

    def on_ret_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the ret port."""
        message = self._unpack(peer, frame)
        if message is None:
            return
        if message.type == "hello":
            self._hello(peer, message.body)
            return
        minion_id = self._keyring.minion_of(peer.key)
        if minion_id is None or minion_id != peer.minion_id:
            # Unknown since our own restart, or its key was taken away: it has to introduce itself.
            peer.send(pack("who", 0, {}))
        elif message.type in ("ret", "event"):
            self._inbox.receive(peer, message, self._account)
        elif message.type == "call":
            self._call(peer, minion_id, message)
        else:
            self._complain(peer, f"sent a message of unknown type {message.type!r:.40}")

    def on_gone(self, peer: Peer) -> None:
        """Note a closed connection."""
        if self._waiting.get(peer.key) is peer:
            del self._waiting[peer.key]
        if self._fleet.gone(peer):
            log.info("minion %s is gone", peer.minion_id)
            self._bus.publish("salt/presence/change", {"new": [], "lost": [peer.minion_id]})

    def keys_changed(self, change: Change) -> None:
        """Welcome the minions whose keys were accepted, shut out those whose keys are gone."""
        for key, minion_id in change.removed.items():
            link = self._fleet.link(minion_id)
            for peer in (link.returns, link.jobs):
                if peer is not None and peer.key == key:
                    reason = "its key was removed on the master"
                    peer.send(pack("refused", 0, {"state": "rejected", "reason": reason}))
                    peer.minion_id = None
            if minion_id not in change.added.values():
                if link.jobs is not None:
                    self._bus.publish("salt/presence/change", {"new": [], "lost": [minion_id]})
                self._fleet.forget(minion_id)
            log.info("the key of minion %s is no longer accepted", minion_id)
        for key, minion_id in change.added.items():
            peer = self._waiting.pop(key, None)
            if peer is not None:
                self._greet(peer, minion_id, {}, 0.0)

    def metrics(self) -> dict[str, float]:
        """Return the hub's counters."""
        return {
            "garbage": self.garbage,
            "waiting": len(self._waiting),
            "pending_full": self._keyring.refused_full,
            "present": len(self._fleet.present()),
            "accepted": len(self._keyring.minions()),
        }

    def _hello(self, peer: Peer, body: dict[str, Any]) -> None:
        try:
            minion_id = check_minion_id(body.get("id"))
            verdict = self._keyring.judge(minion_id, peer.key, str(body.get("token") or ""))
        except IdError as error:
            peer.send(pack("refused", 0, {"state": "invalid", "reason": str(error)}))
            self._complain(peer, str(error))
            return
        except KeyStoreError as error:
            log.error("%s", error)
            peer.send(pack("refused", 0, {"state": "error", "reason": "the master can't store keys: see its log"}))
            return
        if verdict.act:
            accepted = verdict.state == "accepted"
            data = {
                "result": verdict.act in ("accept", "pend"),
                "act": verdict.act,
                "id": minion_id,
                "pub": peer.key,
            }
            self._bus.publish("salt/auth", data)
            log.log(
                logging.INFO if accepted or verdict.state == "pending" else logging.WARNING,
                "key of %s (%s): %s%s",
                minion_id,
                fingerprint(peer.key),
                verdict.state,
                f": {verdict.reason}" if verdict.reason else "",
            )
        if verdict.state == "accepted":
            if body.get("call"):
                # A program beside the agent, for files and pillar alone: the agent's own connection stays its own.
                peer.minion_id = minion_id
                peer.send(pack_any("welcome", 0, self._welcome(minion_id), secrets=True))
                return
            grains = body.get("grains")
            boot = body.get("boot")
            self._greet(
                peer,
                minion_id,
                grains if isinstance(grains, dict) else {},
                float(boot) if isinstance(boot, (int, float)) else 0.0,
            )
        elif verdict.state == "pending":
            if len(self._waiting) < MAX_WAITING:
                self._waiting[peer.key] = peer
            peer.send(pack("wait", 0, {"fingerprint": fingerprint(peer.key)}))
        else:
            peer.send(pack("refused", 0, {"state": verdict.state, "reason": verdict.reason}))

    def _greet(self, peer: Peer, minion_id: str, grains: dict[str, Any], boot: float) -> None:
        peer.minion_id = minion_id
        link = self._fleet.link(minion_id)
        link.returns = peer
        if grains:
            self._fleet.set_grains(minion_id, grains)
        peer.send(pack_any("welcome", 0, self._welcome(minion_id), secrets=True))
        if boot != link.boot:
            link.boot = boot
            self._bus.publish(f"salt/minion/{minion_id}/start", {"id": minion_id, "cmd": "_minion_event"})

    def _call(self, peer: Peer, minion_id: str, message: Message) -> None:
        if len(self._calling) >= MAX_CALLS_WAITING:
            peer.send(pack("reply", message.seq, {"error": "the master is busy: try again"}))
            return
        task = asyncio.get_running_loop().create_task(self._answer(peer, minion_id, message))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _answer(self, peer: Peer, minion_id: str, message: Message) -> None:
        answer = await self._calls.answer(minion_id, message.body.get("cmd"), message.body.get("args", {}))
        try:
            peer.send(pack("reply", message.seq, answer, secrets=True))
        except WireError as error:
            peer.send(pack("reply", message.seq, {"error": f"the answer can't be sent: {error}"}))

    def _unpack(self, peer: Peer, frame: bytes) -> Message | None:
        try:
            return unpack(frame)
        except WireError as error:
            self._complain(peer, str(error))
            return None

    def _complain(self, peer: Peer, what: str) -> None:
        """Log something wrong, once a minute for each key: a peer can't fill the log."""
        self.garbage += 1
        now = time.monotonic()
        if now - self._complained.get(peer.key, -COMPLAINT_EVERY_S) >= COMPLAINT_EVERY_S:
            if len(self._complained) >= MAX_COMPLAINTS_KNOWN:
                self._complained.clear()
            self._complained[peer.key] = now
            log.warning("%s: %s", peer.minion_id or f"key {peer.key[:8]}…", what)
