"""The master's end of the channel: who is who, who may say what, who is there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from saltern.errors import Busy, NotAuthorised, SalternError, WireError, answer_of
from saltern.wire import Message, pack, unpack
from saltern_master.auth.caller import Caller, Kind
from saltern_master.briefing import Briefing
from saltern_master.bus import EventBus
from saltern_master.clocks import Clocks
from saltern_master.commands.dispatcher import CALLS_OF_A_MINION, Dispatcher
from saltern_master.complaints import Complaints
from saltern_master.enrolment import Enrolment, epoch
from saltern_master.entrances.channel.hosts import DELIVERED, SAID, Hosts
from saltern_master.entrances.channel.port import Peer
from saltern_master.entrances.channel.strangers import Strangers
from saltern_master.fleet import Fleet
from saltern_master.inbox import Inbox
from saltern_master.jobs.tracker import Tracker
from saltern_master.keyring import Change, Keyring
from saltern_master.presence import Presence
from saltern_master.shape import ATTACH, CALL, CLOCK, EACH, FOR, WORKING

log = logging.getLogger(__name__)

PUBLISH, RET = "publish", "ret"
CALL_WITHIN_S = 30.0


class Hub:
    """Handles every message of both ports."""

    def __init__(
        self,
        keyring: Keyring,
        fleet: Fleet,
        inbox: Inbox,
        bus: EventBus,
        tracker: Tracker,
        dispatcher: Dispatcher,
        briefing: Briefing,
        clocks: Clocks,
    ) -> None:
        self._keyring = keyring
        self._fleet = fleet
        self._inbox = inbox
        self._tracker = tracker
        self._dispatcher = dispatcher
        self._briefing = briefing
        self._clocks = clocks
        self._presence = Presence(fleet, bus)
        self._enrolment = Enrolment(keyring, fleet, self._presence, bus, briefing.welcome)
        self.hosts = Hosts(keyring, fleet, self._presence, bus, tracker, briefing)
        self._strangers = Strangers()
        self._garbage = 0
        self._complaints = Complaints("messages that are none")
        self._calling: set[asyncio.Task[None]] = set()
        self._calls_of: dict[str, int] = {}
        """By key, the calls of an agent that are being answered, its own and those for devices."""
        self.on_removed: list[Callable[[str], None]] = []
        """Called with each minion whose key was taken away."""

    def admit(self, port: str, key: str) -> bool:
        """Say at the handshake whether *key* may connect: to the publish port only when it is accepted."""
        return port == RET or self._keyring.minion_of(key) is not None

    def on_publish_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the publish port: an ``attach``, a device's in an envelope."""
        minion_id = self._keyring.minion_of(peer.key)
        message = self._unpack(peer, frame) if minion_id is not None else None
        if message is None or minion_id is None:
            return
        try:
            if message.type == "attach":
                self._attach(peer, minion_id, message)
            elif message.type == "for":
                self.hosts.attach(minion_id, peer, message)
        except WireError as error:
            self._complain(peer, str(error))

    def _attach(self, peer: Peer, minion_id: str, message: Message) -> None:
        """Take a minion's word that it takes jobs. Raises ``WireError``."""
        attach = ATTACH.checked(message.body)
        if attach.get("grains"):
            self._fleet.set_grains(minion_id, peer.key, attach["grains"])
        self._presence.attach(minion_id, peer, epoch(attach.get("boot")))
        if "have" in attach:
            self._briefing.compare(minion_id, attach["have"])
        self.hosts.attached(minion_id, peer)

    def on_ret_message(self, peer: Peer, frame: bytes) -> None:
        """Handle a message on the ret port."""
        minion_id = self._keyring.minion_of(peer.key)
        if minion_id is None and not self._strangers.admit(peer.key, peer.address, len(frame)):
            return
        message = self._unpack(peer, frame)
        if message is None:
            return
        if message.type == "hello":
            self._enrolment.hello(peer, message.body)
            return
        if minion_id is None or minion_id != peer.minion_id:
            # Unknown since our own restart, or its key was taken away: it has to introduce itself.
            peer.send(pack("who", 0, {}))
        elif message.type in DELIVERED:
            self._inbox.receive(peer, minion_id, message, frame)
        else:
            try:
                self._take(peer, minion_id, message)
            except WireError as error:
                self._complain(peer, str(error))

    def _take(self, peer: Peer, minion_id: str, message: Message) -> None:
        """Take what is no delivery. Raises ``WireError``."""
        if message.type == "call":
            self._call(peer, Caller(Kind.MINION, minion_id, key=peer.key), message)
        elif message.type == "working":
            self._working(minion_id, message)
        elif message.type == "clock":
            self._clock(peer, minion_id, message)
        elif message.type == "for":
            self._take_envelope(peer, minion_id, message)
        elif message.type == "lease":
            self.hosts.lease(minion_id, peer, message)
        elif message.type == "serving":
            self.hosts.serving(minion_id, message)
        elif message.type == "released":
            self.hosts.released(minion_id, message)
        else:
            raise WireError(f"sent a message of unknown type {message.type!r:.40}")

    def _take_envelope(self, peer: Peer, host: str, message: Message) -> None:
        """Take what a host says for devices, each as if the device said it. Raises ``WireError``."""
        if "each" not in message.body:
            envelope = FOR.checked(message.body)
            self._take_for_device(peer, host, message.seq, envelope["minion"], envelope["message"])
            return
        for number, device, frame in EACH.checked(message.body)["each"]:
            try:
                self._take_for_device(peer, host, number, device, frame)
            except WireError as error:
                self._complain(peer, str(error))

    def _take_for_device(self, peer: Peer, host: str, number: int, device: str, frame: bytes) -> None:
        device, key, said, frame, refused = self.hosts.opened(host, peer, device, frame, number, SAID)
        if said.type in DELIVERED:
            if refused:
                self._inbox.refuse(peer, number, refused)
            else:
                self._inbox.receive(peer, device, said, frame, key)
        elif said.type == "call":
            self._call(peer, Caller(Kind.MINION, device, key=key), said, refused)
        elif not refused:
            self._working(device, said)

    def on_gone(self, peer: Peer) -> None:
        """Note a closed connection."""
        self._enrolment.gone(peer)
        heir = self._presence.gone(peer)
        if peer.minion_id:
            self.hosts.gone(peer.minion_id, peer)
            if heir is not None:
                self._enrolment.in_charge_again(peer.minion_id, heir)

    def keys_changed(self, change: Change) -> None:
        """Welcome the minions whose keys were accepted, shut out those whose keys are gone."""
        self._enrolment.keys_changed(change)
        for minion_id in change.removed.values():
            self._clocks.forget(minion_id)
            self.hosts.shut_out(minion_id)
            for forget in self.on_removed:
                forget(minion_id)

    def metrics(self) -> dict[str, float]:
        """Return the hub's counters."""
        return {
            "garbage": self._garbage,
            **self._enrolment.metrics(),
            **self._strangers.metrics(),
            **self.hosts.metrics(),
            "duplicates": self._presence.duplicates,
            "present": len(self._fleet.present()),
            "accepted": len(self._keyring.minions()),
        }

    def _call(self, peer: Peer, caller: Caller, message: Message, refused: str = "") -> None:
        """Answer a call, later; one that is *refused*, or too much for this agent, at once."""
        running = self._calls_of.get(peer.key, 0)
        if refused or running >= CALLS_OF_A_MINION:
            busy = Busy(f"{running} of your calls are being answered: try again")
            self._reply(peer, message.seq, answer_of(NotAuthorised(refused) if refused else busy))
            return
        self._calls_of[peer.key] = running + 1
        task = asyncio.get_running_loop().create_task(self._answer(peer, caller, message))
        self._calling.add(task)
        task.add_done_callback(lambda task: self._answered(peer.key, task))

    def _answered(self, key: str, task: asyncio.Task[None]) -> None:
        self._calling.discard(task)
        left = self._calls_of.pop(key) - 1
        if left:
            self._calls_of[key] = left

    async def _answer(self, peer: Peer, caller: Caller, message: Message) -> None:
        """Answer a call, whatever becomes of it."""
        try:
            call = CALL.checked(message.body)
            args = {str(name): value for name, value in call.get("args", {}).items()}
            name, given = call["cmd"], []
            if not name.startswith("runner."):
                name = f"minion.{name}"
            elif isinstance(args.get("arg"), list) and isinstance(args.get("kwarg"), dict):
                given, args = args["arg"], {str(key): value for key, value in args["kwarg"].items()}
            answer = {"result": await self._dispatcher.call(caller, name, given, args, CALL_WITHIN_S)}
        except SalternError as error:
            answer = answer_of(error)
        if self._keyring.minion_of(caller.key) != caller.name:
            answer = answer_of(NotAuthorised(f"nobody speaks for {caller.name} by this key any more"))
        self._reply(peer, message.seq, answer)

    def _reply(self, peer: Peer, seq: int, answer: dict[str, Any]) -> None:
        try:
            frame = pack("reply", seq, answer, secrets=True)
        except WireError as error:
            frame = pack("reply", seq, {"error": f"the answer can't be sent: {error}"})
        if not self._fleet.answer(peer, frame):
            self._complain(peer, "an answer could not be sent: the connection is gone, or full of what it didn't read")

    def _working(self, minion_id: str, message: Message) -> None:
        answer = WORKING.checked(message.body)
        self._tracker.working(
            minion_id, message.seq, answer["jids"], more_to_come=answer.get("more", False), pids=answer.get("pids", {})
        )

    def _clock(self, peer: Peer, minion_id: str, message: Message) -> None:
        """Say what time it is, and note how far the minion says its clock is from it."""
        peer.send(pack("clock", message.seq, {"time": time.time()}))
        question = CLOCK.checked(message.body)
        if "skew_ms" in question:
            self._clocks.told(minion_id, question["skew_ms"] / 1000)

    def _unpack(self, peer: Peer, frame: bytes) -> Message | None:
        try:
            return unpack(frame)
        except WireError as error:
            self._complain(peer, str(error))
            return None

    def _complain(self, peer: Peer, what: str) -> None:
        self._garbage += 1
        if self._keyring.minion_of(peer.key) is None:
            self._strangers.complain(peer.address, what)
            return
        self._complaints.say(f"minion {peer.minion_id}" if peer.minion_id else f"key {peer.key[:8]}…", "message", what)
