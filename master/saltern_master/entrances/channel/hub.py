"""The master's end of the channel: who is who, who may say what, who is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from saltern.errors import WireError
from saltern.wire import Message, pack, unpack
from saltern_master.accounting import Accounting
from saltern_master.bus import EventBus
from saltern_master.calls import CallTable
from saltern_master.enrolment import Enrolment, epoch
from saltern_master.entrances.channel.port import Peer
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.keyring import Change, Keyring
from saltern_master.line_limit import LineLimit
from saltern_master.presence import Presence

log = logging.getLogger(__name__)

PUBLISH, RET = "publish", "ret"
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
        self._calls = calls
        self._account = account
        self._presence = Presence(fleet, bus)
        self._enrolment = Enrolment(keyring, fleet, self._presence, bus, welcome)
        self._calling: set[asyncio.Task[None]] = set()
        self._limit = LineLimit("messages that are none")
        self.garbage = 0

    def admit(self, port: str, key: str) -> bool:
        """Say at the handshake whether *key* may connect: to the publish port only when it is accepted."""
        return port == RET or self._keyring.minion_of(key) is not None

    def on_publish_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the publish port: ``attach`` is the only one."""
        message = self._unpack(peer, frame)
        minion_id = self._keyring.minion_of(peer.key)
        if message is not None and minion_id is not None and message.type == "attach":
            self._presence.attach(minion_id, peer, epoch(message.body.get("boot")))

    def on_ret_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the ret port."""
        message = self._unpack(peer, frame)
        if message is None:
            return
        if message.type == "hello":
            self._enrolment.hello(peer, message.body)
            return
        minion_id = self._fleet.speaks_for(peer)
        if minion_id is None:
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
        self._enrolment.gone(peer)
        heir = self._presence.gone(peer)
        if heir is not None and peer.minion_id:
            self._enrolment.in_charge_again(peer.minion_id, heir)

    def keys_changed(self, change: Change) -> None:
        """Welcome the minions whose keys were accepted, shut out those whose keys are gone."""
        self._enrolment.keys_changed(change)

    def metrics(self) -> dict[str, float]:
        """Return the hub's counters."""
        return {
            "garbage": self.garbage,
            **self._enrolment.metrics(),
            "duplicates": self._presence.duplicates,
            "present": len(self._fleet.present()),
            "accepted": len(self._keyring.minions()),
        }

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
            self._fleet.answer(peer, pack("reply", message.seq, answer, secrets=True))
        except WireError as error:
            self._fleet.answer(peer, pack("reply", message.seq, {"error": f"the answer can't be sent: {error}"}))

    def _unpack(self, peer: Peer, frame: bytes) -> Message | None:
        try:
            return unpack(frame)
        except WireError as error:
            self._complain(peer, str(error))
            return None

    def _complain(self, peer: Peer, what: str) -> None:
        """Log something wrong: a peer can't fill the log."""
        self.garbage += 1
        if self._limit.allows(peer.key):
            log.warning("%s: %s", peer.minion_id or f"key {peer.key[:8]}…", what)
