"""Agents that speak for devices: what they say in envelopes, what they are told to serve, and when that ends.

Whose key it is, and whether its minion may speak for the device, is looked up with every message. A host that may no
longer speak for a device isn't heard for it from that moment on, whatever was on its way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from saltern.errors import WireError
from saltern.visible import shown
from saltern.wire import Message, pack, unpack
from saltern_master.briefing import Briefing
from saltern_master.bus import EventBus
from saltern_master.complaints import Complaints
from saltern_master.delegations import LEASE_S, Assignments, Changed, voice
from saltern_master.device_peers import DevicePeer, HostLine
from saltern_master.enrolment import epoch, say_started
from saltern_master.entrances.channel.alike import Alike
from saltern_master.entrances.channel.port import Peer
from saltern_master.fleet import Fleet
from saltern_master.jobs.tracker import Tracker
from saltern_master.keyring import Keyring
from saltern_master.presence import Presence
from saltern_master.shape import ATTACH, DEVICES, FOR, LEASE

log = logging.getLogger(__name__)

TICK_S = 1.0
DELIVERED = frozenset({"ret", "event", "account"})
SAID = DELIVERED | {"call", "working"}
"""Types of what comes in an envelope on the ret port."""


class Spoken(NamedTuple):
    """What a host said for a *device*, by the *key* that speaks for it; the *message* has the envelope's number.

    *frame* is the message as it came. *refused*: why the host isn't heard for it, or ``""``.
    """

    device: str
    key: str
    message: Message
    frame: bytes
    refused: str


class Hosts:
    """The hosts of devices that are connected."""

    def __init__(
        self,
        keyring: Keyring,
        fleet: Fleet,
        presence: Presence,
        bus: EventBus,
        tracker: Tracker,
        briefing: Briefing,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keyring = keyring
        self._fleet = fleet
        self._presence = presence
        self._bus = bus
        self._tracker = tracker
        self._briefing = briefing
        self._delegations = keyring.delegations
        self.assignments = Assignments(self._delegations, self.tell, clock)
        self._delegations.on_changed.append(self.changed)  # behind theirs
        self._alike = Alike()
        self._complaints = Complaints("what hosts say for devices")
        self._lines: dict[str, HostLine] = {}
        self._serving: set[str] = set()
        """Hosts that said that they serve something."""
        self._asked: dict[str, tuple[Peer, int]] = {}
        """By host, the connection and the number of its last question for a lease."""
        self._untold: set[str] = set()
        """Hosts to which their list could not be sent."""
        self._refused_frames = 0
        self._told = 0
        self.refused = 0
        """Messages that a host sent for a device that it doesn't speak for."""
        self.on_removed: list[Callable[[str], None]] = []
        """Called with each device that is nobody's any more, and no minion of its own either."""

    # what hosts say

    def opened(self, host: str, peer: Peer, device: str, frame: bytes, number: int, types: Collection[str]) -> Spoken:
        """Return what *host* says for *device* by a *frame*, one of *types*, with the envelope's *number*.

        Raises ``WireError`` for what is no message.
        """
        key = voice(peer.key, device)
        inner = self._alike.read(frame) or unpack(frame)
        if inner.type not in types:
            raise WireError(f"an envelope may hold {', '.join(sorted(types))}, not {shown(inner.type, 40)}")
        said = Message(inner.type, number, inner.body)
        if self._keyring.speaks(peer.key, device):
            return Spoken(device, key, said, frame, "")
        self.refused += 1
        why = f"{host} doesn't speak for {device}: nothing on the master delegates it to that host"
        self._complaints.say(f"minion {host}", "envelope", why)
        return Spoken(device, key, said, frame, why)

    def attach(self, host: str, peer: Peer, message: Message) -> None:
        """Take what a host says of a device that it serves now. Raises ``WireError``."""
        envelope = FOR.checked(message.body)
        said = self.opened(host, peer, envelope["minion"], envelope["message"], 0, ("attach",))
        attach = ATTACH.checked(said.message.body)
        line = self._lines.get(host)
        if said.refused or line is None or line.peer is not peer or self.assignments.server_of(said.device) != host:
            return  # the list that says otherwise is on its way, or was sent
        device = line.device(said.device, said.key)
        if attach.get("grains"):
            self._fleet.set_grains(said.device, said.key, attach["grains"])
        boot = epoch(attach.get("boot"))
        if self._presence.serve(device, boot):
            say_started(self._bus, said.device, boot)
        self._briefing.brief(said.device, attach.get("have", {}))

    def serving(self, host: str, message: Message) -> None:
        """Take the list of what a host serves already. Raises ``WireError``."""
        devices = DEVICES.checked(message.body)["devices"]
        (self._serving.add if devices else self._serving.discard)(host)
        self.assignments.serving(host, devices)

    def released(self, host: str, message: Message) -> None:
        """Take the list of what a host serves no more. Raises ``WireError``."""
        devices = DEVICES.checked(message.body)["devices"]
        line = self._lines.get(host)
        if line is not None:
            self._presence.unserved(line.leave(devices))
        self.assignments.released(host, devices)

    def lease(self, host: str, peer: Peer, message: Message) -> None:
        """Give a host that is in charge its lease, and its list where it wants that. Raises ``WireError``."""
        wants_list = LEASE.checked(message.body).get("list", False)
        session = self._fleet.link(host).in_charge()
        if session is None or session.returns is not peer:
            return  # of two agents with one key, one serves
        self._asked[host] = (peer, message.seq)
        peer.send(pack("lease", message.seq, {}))
        told = self._told
        self.assignments.leased(host)
        if wants_list and self._told == told:
            self.tell(host)

    # who is there

    def attached(self, host: str, peer: Peer) -> None:
        """Note that a minion takes jobs over *peer*; tell it what it serves, if it does."""
        line = self._lines.get(host)
        if line is not None and line.peer is peer:
            if line.told:
                self.tell(host)
            return
        self._end(host)
        told = self._told
        self.assignments.host_came(host)
        if host in self._serving and self._told == told:
            self.tell(host)

    def gone(self, host: str, peer: Peer) -> None:
        """Note that a connection of a minion's has closed; another of its agents may be in charge now."""
        line = self._lines.get(host)
        if line is not None and line.peer is peer:
            self._end(host)
        if not self._fleet.is_present(host):
            self.assignments.host_gone(host)

    def shut_out(self, host: str) -> None:
        """Note that the key that a minion had isn't accepted any more."""
        self._end(host)
        self._serving.discard(host)
        self._untold.discard(host)
        self._asked.pop(host, None)
        self.assignments.host_gone(host)

    def changed(self, changed: Changed) -> None:
        """Put what was delegated, moved or taken away into force at once."""
        for line in self._lines.values():
            self._presence.unserved(line.leave([name for name in line.devices if not self._speaks(line, name)]))
        self._forget(changed.removed)
        if self._briefing.pillars.compiles:
            self._briefing.pillars.want(sorted(changed.added))
        self._briefing.altered(sorted(changed.altered | changed.moved))

    def tell(self, host: str) -> None:
        """Tell a host what it serves from now on, if it is there."""
        line = self._line(host)
        if line is None:
            return
        devices = self.assignments.served_by(host)
        served = frozenset(devices)
        self._presence.unserved(line.leave([name for name in line.devices if name not in served]))
        asked_by, number = self._asked.get(host, (None, 0))
        told = {
            "devices": devices,
            "shared": [name for name in devices if self.assignments.shared(name)],
            "lease": LEASE_S,
            "asked": number if asked_by is self._fleet.link(host).returns else 0,
        }
        try:
            sent = line.send(pack("devices", 0, told))
        except WireError as error:
            self._complaints.say(f"minion {host}", "devices", f"its list of devices can't be sent: {error}")
            return
        self._told += 1
        line.told = True
        (self._untold.discard if sent else self._untold.add)(host)

    async def run(self) -> None:
        """Move devices from hosts that are away, until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def tick(self) -> None:
        """Look whose time is over, and tell again who could not be told."""
        self.assignments.tick()
        self._briefing.tell_again()
        for host in list(self._untold):
            self._untold.discard(host)
            self.tell(host)

    def metrics(self) -> dict[str, float]:
        """Return the counters: hosts and devices that are there, messages refused, frames that were not sent."""
        return {
            "hosts": len(self._lines),
            "devices": sum(len(line.devices) for line in self._lines.values()),
            "refused_for_devices": self.refused,
            "device_frames_refused": self._refused_frames + sum(line.refused for line in self._lines.values()),
        }

    def _line(self, host: str) -> HostLine | None:
        """Return the line of a host that is there, over the connection that its jobs go to."""
        peer = self._fleet.link(host).jobs
        line = self._lines.get(host)
        if line is not None and line.peer is not peer:
            self._end(host)
            line = None
        if line is None and peer is not None and not isinstance(peer, DevicePeer):
            line = self._lines[host] = HostLine(host, peer)
        return line

    def _end(self, host: str) -> None:
        line = self._lines.pop(host, None)
        if line is not None:
            self._refused_frames += line.refused
            self._presence.unserved(line.end())

    def _speaks(self, line: HostLine, device: str) -> bool:
        return self._keyring.minion_of(line.devices[device].key) == device

    def _forget(self, devices: Iterable[str]) -> None:
        """Drop all that is kept of what was a device, and is none any more; nobody waits for it."""
        gone = [device for device in sorted(devices) if not self._delegations.hosts(device)]
        if gone:
            self._tracker.taken_away(gone)
        for device in gone:
            log.info("device %s is delegated to nobody any more", device)
            self._fleet.forget_device(device)
            for forget in self.on_removed:
                forget(device)
