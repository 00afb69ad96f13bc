"""The minions as the master knows them now: who is connected, and their grains.

What is known of a minion belongs to the key it was learned from. Whether that key is still the minion's is looked up
in the keyring at every question and before every send, so that nothing goes to a key that was removed or replaced,
in whatever order that became known.

Grains are kept on disk too, with their key, so that a minion that is away can still be targeted by them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from saltern.wire import pack_value
from saltern_master.complaints import Complaints
from saltern_master.connection import Connection
from saltern_master.device_peers import DevicePeer, HostLine, is_voice
from saltern_master.grains_files import MAX_GRAINS_BYTES, GrainsFiles
from saltern_master.keyring import Keyring
from saltern_master.targeting import Columns

MAX_SESSIONS = 4
"""Agents that are remembered for one key. There should be one; a cloned host has the same key."""


DEVICE = "device"
"""The grain by which a host says how a device is."""
MAX_ERROR_CHARS = 500


class Session:
    """One agent's connections. *boot* is when it started (epoch s), 0 when it didn't say."""

    __slots__ = ("boot", "jobs", "returns")

    def __init__(self, boot: float) -> None:
        self.boot = boot
        self.returns: Connection | None = None
        """Its connection to the ret port."""
        self.jobs: Connection | None = None
        """Its connection to the publish port; with it the minion is present."""

    def peers(self) -> list[Connection]:
        """Return the connections that are there."""
        return [peer for peer in (self.returns, self.jobs) if peer is not None]


class Link:
    """What is known of a minion by one key: its agents' connections, the one in charge last, and its grains."""

    __slots__ = ("boot", "grains", "key", "sessions", "since")

    def __init__(self, key: str) -> None:
        self.key = key
        self.sessions: list[Session] = []
        self.grains: dict[str, Any] = {}
        self.boot = 0.0
        self.since = 0.0
        """When it came, or went (epoch s); 0: neither since the master started."""

    def session(self, boot: float, peer: Connection) -> Session:
        """Return the session of the agent that started at *boot*, or is known by its connection, or a new one."""
        mine = next((session for session in self.sessions if peer in session.peers()), None)
        same = next((session for session in self.sessions if boot and session.boot == boot), None)
        if same is not None:
            if mine is not None and mine is not same:
                self.leave(peer)
            return same
        if mine is not None:
            mine.boot = boot or mine.boot
            return mine
        session = Session(boot)
        self.sessions.insert(0, session)
        if len(self.sessions) > MAX_SESSIONS:
            del self.sessions[1]  # the oldest but this one
        return session

    def leave(self, peer: Connection) -> None:
        """Forget a connection, and a session that has none left."""
        for session in list(self.sessions):
            session.returns = None if session.returns is peer else session.returns
            session.jobs = None if session.jobs is peer else session.jobs
            if not session.peers():
                self.sessions.remove(session)

    @property
    def jobs(self) -> Connection | None:
        """The connection that jobs go to."""
        for session in reversed(self.sessions):
            if session.jobs is not None:
                return session.jobs
        return None

    @property
    def returns(self) -> Connection | None:
        """The connection for returns of the agent that was there last."""
        return next((session.returns for session in reversed(self.sessions) if session.returns), None)

    def in_charge(self) -> Session | None:
        """Return the session whose agent takes the jobs."""
        return next((session for session in reversed(self.sessions) if session.jobs is not None), None)


class Attached(NamedTuple):
    """What an ``attach`` changed: the minion was away before, or another agent (*older*) was in charge."""

    was_away: bool
    older: Session | None


class Gone(NamedTuple):
    """What a closed connection changed: its minion is away, or another of its agents (*heir*) is in charge."""

    away: bool
    heir: Session | None


class Served(NamedTuple):
    """What the ``attach`` of a device changed: it was away before, or it was started since."""

    was_away: bool
    started: bool


class DeviceState(NamedTuple):
    """How its host says that a device is; ``None`` where it doesn't say. ``since`` is epoch s."""

    up: bool | None = None
    since: float | None = None
    error: str = ""
    latency_ms: float | None = None


class Fleet:
    """All minions that have a connection or grains."""

    def __init__(self, grains_dir: str, keyring: Keyring) -> None:
        self.files = GrainsFiles(grains_dir)
        self._keyring = keyring
        self._complaints = Complaints("grains")
        self._links: dict[str, Link] = {}
        self.grains_facts = Columns(self.grains, keyring.keys)

    def load(self) -> None:
        """Read the grains kept on disk."""
        for kept in self.files.read():
            self._links[kept.minion_id] = Link(kept.key)
            self._links[kept.minion_id].grains = kept.grains

    def link(self, minion_id: str) -> Link:
        """Return what is known of a minion by the key that is accepted for it now; an empty link when nothing is."""
        link = self._links.get(minion_id)
        return link if link is not None and self._keyring.minion_of(link.key) == minion_id else Link("")

    def send(self, minion_id: str, frame: bytes) -> bool:
        """Send *frame* to the agent that takes the minion's jobs; return ``False`` when there is none."""
        peer = self.link(minion_id).jobs
        return peer is not None and peer.send(frame)

    def send_many(self, minions: Iterable[str], frame: bytes) -> list[str]:
        """Send *frame* to several minions, to devices of one host as one; return those that it can't be sent to."""
        unreachable: list[str] = []
        of_hosts: dict[HostLine, list[str]] = {}
        for minion_id in minions:
            peer = self.link(minion_id).jobs
            if isinstance(peer, DevicePeer):
                of_hosts.setdefault(peer.line, []).append(minion_id)
            elif peer is None or not peer.send(frame):
                unreachable.append(minion_id)
        for line, devices in of_hosts.items():
            if not line.send_for(devices, frame):
                unreachable += devices
        return unreachable

    def answer(self, peer: Connection, frame: bytes) -> bool:
        """Send *frame* on a minion's connection, if its key is still that minion's; return whether it went out."""
        return self.speaks_for(peer) is not None and peer.send(frame)

    def speaks_for(self, peer: Connection) -> str | None:
        """Return the minion that *peer* introduced itself as, if its key is still that minion's."""
        return peer.minion_id if peer.minion_id and self._keyring.minion_of(peer.key) == peer.minion_id else None

    def grains(self, minion_id: str) -> dict[str, Any]:
        """Return what is known of a minion's grains."""
        return self.link(minion_id).grains

    def set_grains(self, minion_id: str, key: str, grains: dict[str, Any]) -> None:
        """Remember the grains that a minion told by its *key*, in memory and on disk."""
        link = self._link_of(minion_id, key)
        packed = pack_value({"key": key, "grains": grains})
        # 1 and True are equal to Python, and two texts to a target.
        if grains == link.grains and packed == pack_value({"key": key, "grains": link.grains}):
            return
        if len(packed) > MAX_GRAINS_BYTES:
            self._complaints.say(
                f"minion {minion_id}",
                "grains",
                f"{len(packed):,} bytes of grains: over {MAX_GRAINS_BYTES:,} none are kept",
            )
            return
        link.grains = grains
        self.grains_facts.changed(minion_id)
        (self.files.write_later if is_voice(key) else self.files.write)(minion_id, packed)

    def forget(self, minion_id: str, key: str) -> Link | None:
        """Drop everything known of a minion by *key*, which isn't its any more, and return it."""
        link = self._links.get(minion_id)
        if link is None or link.key != key:
            return None
        del self._links[minion_id]
        self.grains_facts.changed(minion_id)
        self.files.delete(minion_id)
        return link

    def forget_device(self, minion_id: str) -> None:
        """Drop everything that a host told of a minion that is nobody's device any more."""
        link = self._links.get(minion_id)
        if link is not None and is_voice(link.key):
            self.forget(minion_id, link.key)

    def present(self) -> list[str]:
        """Return the ids of the minions that jobs can reach now, sorted."""
        return sorted(name for name in self._links if self.is_present(name))

    def agents(self) -> list[str]:
        """Return the ids of the minions that are present by a connection of their own, sorted: no devices."""
        return [name for name in self.present() if not self.is_device(name)]

    def is_device(self, minion_id: str) -> bool:
        """Return whether what is known of a minion was told by a host of it."""
        return is_voice(self.link(minion_id).key)

    def host_of(self, minion_id: str) -> str | None:
        """Return the host that a device is attached by; ``None`` for one that is away, and for what is no device."""
        jobs = self.link(minion_id).jobs
        return jobs.line.host if isinstance(jobs, DevicePeer) else None

    def device_state(self, minion_id: str) -> DeviceState:
        """Return how a device is, as its host said last: by its grain ``device``."""
        link = self.link(minion_id)
        told = link.grains.get(DEVICE) if is_voice(link.key) else None
        if not isinstance(told, dict):
            return DeviceState()
        up, error = told.get("up"), told.get("error")
        since, latency_ms = (_number(told.get(name)) for name in ("since", "latency_ms"))
        return DeviceState(
            bool(up) if isinstance(up, int) else None, since, str(error)[:MAX_ERROR_CHARS] if error else "", latency_ms
        )

    def is_up(self, minion_id: str) -> bool:
        """Return whether a job can reach the minion now, and, for a device, its host doesn't say that it is down."""
        return self.is_present(minion_id) and self.device_state(minion_id).up is not False

    def address(self, minion_id: str) -> str:
        """Return the IP address that the minion is connected from, empty when it is away."""
        jobs = self.link(minion_id).jobs
        return jobs.address if jobs is not None else ""

    def is_present(self, minion_id: str) -> bool:
        """Return whether a job can reach the minion now."""
        return self.link(minion_id).jobs is not None

    def greet(self, minion_id: str, peer: Connection, boot: float) -> bool:
        """Note an agent's connection for returns; return whether the agent was started since the last one."""
        peer.minion_id = minion_id
        link = self._link_of(minion_id, peer.key)
        link.session(boot, peer).returns = peer
        started = boot != link.boot
        link.boot = boot
        return started

    def attach(self, minion_id: str, peer: Connection, boot: float = 0.0) -> Attached:
        """Note an agent's connection for jobs, which are its from now on.

        An agent that started at another *boot*, or didn't say when, is another one; the one before it is remembered,
        and is in charge again when this one goes.
        """
        peer.minion_id = minion_id
        link = self._link_of(minion_id, peer.key)
        if any(session.jobs is peer for session in link.sessions):
            return Attached(False, None)  # it says so after every welcome
        before = link.in_charge()
        session = link.session(boot, peer)
        session.jobs = peer
        link.sessions.remove(session)
        link.sessions.append(session)
        if before is None:
            link.since = time.time()
        return Attached(before is None, None if before is session else before)

    def serve(self, peer: DevicePeer, boot: float) -> Served:
        """Note a device's connection, instead of any other."""
        assert peer.minion_id is not None
        link = self._link_of(peer.minion_id, peer.key)
        was_away, started = link.jobs is None, boot != link.boot
        session = Session(boot)
        session.jobs = peer
        link.sessions, link.boot = [session], boot
        if was_away:
            link.since = time.time()
        return Served(was_away, started)

    def gone(self, peer: Connection) -> Gone:
        """Note a closed connection."""
        link = self._links.get(peer.minion_id) if peer.minion_id else None
        if link is None:
            return Gone(False, None)
        had_jobs = link.jobs is peer
        link.leave(peer)
        heir = link.in_charge() if had_jobs else None
        if had_jobs and heir is None:
            link.since = time.time()
        return Gone(had_jobs and heir is None, heir)

    def _link_of(self, minion_id: str, key: str) -> Link:
        """Return the minion's link by *key*, a new one when there is none or it is another key's."""
        link = self._links.get(minion_id)
        if link is None or link.key != key:
            link = self._links[minion_id] = Link(key)
            self.grains_facts.changed(minion_id)
        return link


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
