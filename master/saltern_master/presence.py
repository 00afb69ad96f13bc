"""Which minions are there, said on the bus as it changes; and when two hosts have one key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from saltern.wire import pack
from saltern_master.bus import USUAL_BYTES, EventBus
from saltern_master.connection import Connection
from saltern_master.device_peers import DevicePeer
from saltern_master.fleet import Fleet, Session
from saltern_master.line_limit import LineLimit

log = logging.getLogger(__name__)

PRESENT_EVERY_S = 60.0


class Presence:
    """Told of connections for jobs as they come and go."""

    def __init__(self, fleet: Fleet, bus: EventBus) -> None:
        self._fleet = fleet
        self._bus = bus
        self._limit = LineLimit("keys that two hosts have")
        self.duplicates = 0
        """Times that another agent with the same key took over from one that was connected."""

    def attach(self, minion_id: str, peer: Connection, boot: float) -> None:
        """Take *peer* as the minion's connection for jobs; another agent that had it is told."""
        attached = self._fleet.attach(minion_id, peer, boot)
        if attached.was_away:
            log.info("minion %s is connected", minion_id)
            self._bus.publish("salt/presence/change", {"new": [minion_id], "lost": []})
        if attached.older is not None:
            self._tell_duplicate(minion_id, attached.older, peer)

    def gone(self, peer: Connection) -> Session | None:
        """Note a closed connection; return the agent that takes the jobs from now on, where that changed."""
        minion_id = peer.minion_id
        gone = self._fleet.gone(peer)
        if gone.away and minion_id:
            log.info("minion %s is gone", minion_id)
            self.lost(minion_id)
        return gone.heir

    def serve(self, peer: DevicePeer, boot: float) -> bool:
        """Take *peer* as its device's connection; return whether the device was started since the last one."""
        served = self._fleet.serve(peer, boot)
        if served.was_away:
            log.info("device %s is served by %s", peer.minion_id, peer.line.host)
            self._bus.publish("salt/presence/change", {"new": [peer.minion_id], "lost": []})
        return served.started

    def unserved(self, peers: Iterable[DevicePeer]) -> None:
        """Note that connections of devices are none any more, and say which devices are away by that, all at once."""
        lost = sorted(peer.minion_id for peer in peers if self._fleet.gone(peer).away and peer.minion_id)
        for minion_id in lost:
            log.info("device %s is gone", minion_id)
        if lost:
            data = {"new": [], "lost": lost}
            self._bus.publish("salt/presence/change", data, size=USUAL_BYTES + sum(map(len, lost)))

    def lost(self, minion_id: str) -> None:
        """Say that a minion is away."""
        self._bus.publish("salt/presence/change", {"new": [], "lost": [minion_id]})

    def _tell_duplicate(self, minion_id: str, older: Session, newer: Connection) -> None:
        self.duplicates += 1
        before = older.jobs.address if older.jobs else ""
        reason = (
            f"another agent with this key is connected, from {newer.address or 'an unknown address'}: "
            "give each host a key of its own (stop this agent, delete its minion.key, start it)"
        )
        for peer in older.peers():
            peer.send(pack("refused", 0, {"state": "duplicate", "reason": reason}))
        data = {"id": minion_id, "addresses": [before, newer.address]}
        self._bus.publish(f"salt/minion/{minion_id}/duplicate", data)
        if self._limit.allows(newer.key, newer.key):
            log.warning(
                "two agents have the key of minion %s: the one from %s took over from the one from %s",
                minion_id,
                newer.address or "?",
                before or "?",
            )


class Present:
    """Says who is there, every ``PRESENT_EVERY_S``, though nothing changed (``presence_events``)."""

    def __init__(self, fleet: Fleet, bus: EventBus) -> None:
        self._fleet = fleet
        self._bus = bus

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(PRESENT_EVERY_S)
            present = self._fleet.present()
            self._bus.publish("salt/presence/present", {"present": present}, size=sum(map(len, present)))
