"""Which host serves which device now; of a shared one never two at once.

A device has one ``server``, the host that is told to serve it. Another one is told only when nobody else may be
serving it (``holding``)::

    nobody holds it     → the host that may, or of several that are up the one that the device prefers
    it is served        → its server stays, unless it may not any more, its lease is over, or a host is back that the
                          device prefers: then it is told to let go, and all wait until it has, or can't have it
    the master started  → who says that it serves a shared device is its server; nobody else gets one for a lease's time

A device with one host alone is that host's from the start. When such a one gets another host while the first is cut
off, both may have it until the first is back: nothing had told it that it needs a lease.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from itertools import islice

from saltern_master.delegations.changed import Changed
from saltern_master.delegations.delegations import Delegations
from saltern_master.delegations.holding import LEASE_S, MARGIN_S, SILENT_S, Hold, HostState
from saltern_master.delegations.rendezvous import ranked

SETTLE_S = 5.0
"""For how long a host has to be there before it is given what others serve."""
CLAIM_S = 5.0
"""For how long a host may take, after the master's start, to say what it serves before it is told anything."""
LAPSED_S = 300.0
"""For how long a host that is there and asked for no lease gets no shared device, unless it is heard of."""
LEAVING_S = 86400.0
"""For how long what a host that is away says for a device that has moved is still taken: it may have returns of it."""
A_TURN = 5000
"""Devices that are looked at in one go, in about 20 ms; the others have their turn at the next ``tick``."""
LATE_S = LEASE_S / 2
"""A host that asks so long after it did before may have stopped its shared devices, and is told its list again."""


class _Device:
    __slots__ = ("holders", "order", "server", "unclaimed")

    def __init__(self) -> None:
        self.order: tuple[str, ...] = ()
        """Its hosts as it prefers them."""
        self.server: str | None = None
        self.holders: tuple[str, ...] = ()
        """The hosts that may be serving it."""
        self.unclaimed = False
        """Whether someone may have it since before the master's start."""


class Assignments:
    """Of each device that there is, the one host that is told to serve it; for the master's loop alone."""

    def __init__(
        self, delegations: Delegations, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """*tell* is called with a host that is there and is to be told its list, ``served_by``.

        It follows ``delegations.on_changed`` by itself. *clock*: s, monotonic.
        """
        self._delegations = delegations
        self._tell = tell
        self._clock = clock
        self._claims_end_at = clock() + LEASE_S + MARGIN_S
        """Until then the hosts are waited for that may have shared devices since before the start."""
        self._devices: dict[str, _Device] = {}
        self._present: dict[str, float] = {}
        """When each minion that is there came: any may become a host."""
        self._hosts: dict[str, HostState] = {}
        self._leaving: dict[str, dict[str, float]] = {}
        """By host: the devices that others have now, and since when."""
        self._look: dict[str, None] = {}
        """Devices to be looked at."""
        self._dirty: dict[str, None] = {}
        """Hosts to be told."""
        delegations.on_changed.append(self.changed)
        known = frozenset(delegations.all())
        self.changed(Changed(known, frozenset(), frozenset(), kept=known))

    # what is asked

    def server_of(self, device: str) -> str | None:
        """Return the host that is told to serve a device; ``None`` while none is."""
        known = self._devices.get(device)
        return known.server if known is not None else None

    def served_by(self, host: str) -> list[str]:
        """Return the devices that a host is to serve, sorted."""
        state = self._hosts.get(host)
        return sorted(state.wants) if state is not None else []

    def shared(self, device: str) -> bool:
        """Return whether a device may be served by several hosts, and so under a lease alone."""
        return len(self._delegations.hosts(device)) > 1

    # what is told

    def host_came(self, host: str) -> None:
        """Note that a host has attached; it is told its list when it is to serve any, or may be serving some."""
        if host in self._present:
            self.host_gone(host)
        now = self._clock()
        self._present[host] = now
        state = self._hosts.get(host)
        if state is None and not self._delegations.devices(host):
            return
        state = state or self._host(host)
        state.come(now, SETTLE_S)
        if not state.heard and any(self._devices[one].unclaimed for one in state.holds):
            state.tell_at = now + CLAIM_S
        if state.untold:
            self._dirty[host] = None
        self._turn(one for one in self._delegations.devices(host) if self.server_of(one) is None)

    def host_gone(self, host: str) -> None:
        """Note that a host's connection is gone."""
        self._present.pop(host, None)
        state = self._hosts.get(host)
        if state is None or not state.up:
            return
        state.go(self._clock())

    def leased(self, host: str) -> None:
        """Note that a host has just asked for its lease, and gets it."""
        state = self._hosts.get(host)
        if state is None:
            return
        late = bool(state.leases) and self._clock() - max(state.leased_at, state.expected_at) > LATE_S
        state.leased_at = self._clock()
        self._heard(state, tell=late)
        self._turn(())

    def serving(self, host: str, devices: Iterable[str]) -> None:
        """Note what a host says that it serves, after its welcome, or when it has a lease again after it had none."""
        everything = set(devices)
        said = {one for one in everything if one in self._devices and self._delegations.may_speak(host, one)}
        state = self._hosts.get(host)
        if state is None:
            if not everything:
                return
            state = self._host(host)
        state.heard = True
        state.untold |= everything - state.wants
        look = set(said)
        for device in state.holds.keys() - said:
            # Of what it was told in this connection it may not have known yet.
            if state.holds[device].connection < state.connection and self.server_of(device) != host:
                self._let_go(state, device)
                look.add(device)
        for device in said:
            known = self._devices[device]
            if device not in state.holds:
                self._hold(state, device, Hold(state.connection - 1, self.shared(device)))
            if known.unclaimed and host in known.order:
                known.unclaimed = False
                self._assign(device, known, host)
        self._heard(state, tell=everything != state.wants)
        self._turn(look)

    def released(self, host: str, devices: Iterable[str]) -> None:
        """Note what a host says that it serves no more, and has nothing to say of any more."""
        state = self._hosts.get(host)
        devices = [one for one in devices if one in self._devices]
        if state is None:
            for device in devices:
                self._left(host, device)
            return
        for device in devices:
            hold = state.holds.get(device)
            if device in state.wants:
                continue
            if hold is not None and (hold.off_at is not None or hold.connection < state.connection):
                self._let_go(state, device)
            self._left(host, device)
        self._heard(state, tell=False)
        self._turn(devices)

    def changed(self, change: Changed) -> None:
        """Take over what is delegated otherwise now."""
        now = self._clock()
        for device in change.added | change.removed | change.moved:
            hosts = self._delegations.hosts(device)
            known = self._devices.setdefault(device, _Device())
            for host in known.order:
                if host not in hosts and self._delegations.may_speak(host, device):
                    self._leaving.setdefault(host, {})[device] = now
            known.order = ranked(device, hosts) if len(hosts) > 1 else hosts
            for host in hosts:
                self._host(host)
                self._leaving.get(host, {}).pop(device, None)
                if device in change.kept:  # whoever had it before the start may have it still
                    self._hold(self._hosts[host], device, Hold(-1, len(hosts) > 1))
            if device in change.kept:
                known.unclaimed = now < self._claims_end_at < math.inf
            known.unclaimed = known.unclaimed and len(hosts) > 1
        self._turn(change.added | change.removed | change.moved)

    def tick(self) -> None:
        """Do what is due; to be called every second or so."""
        self._delegations.tick()
        now = self._clock()
        for state in list(self._hosts.values()):
            due = state.due(now)
            if state.up and not state.heard and -math.inf < state.tell_at <= now:
                self.serving(state.name, ())  # it would have said so by now
            if now >= state.settles_at:
                state.settles_at = math.inf
                due.update(one for one in self._delegations.devices(state.name) if self.server_of(one) != state.name)
            self._look.update(dict.fromkeys(due))
            if not (state.up or state.holds or state.wants or self._delegations.devices(state.name)):
                del self._hosts[state.name]
        if now >= self._claims_end_at:
            self._claims_end_at = math.inf
            for device, known in self._devices.items():
                if known.unclaimed:
                    known.unclaimed = False
                    self._look[device] = None
        self._end_leaving(now)
        self._turn(())

    # what follows

    def _turn(self, devices: Iterable[str]) -> None:
        """Look at *devices*, and at those that wait to be looked at; tell the hosts whose lists are others then."""
        self._look.update(dict.fromkeys(devices))
        now = self._clock()
        for device in list(islice(self._look, A_TURN)):
            del self._look[device]
            if device in self._devices:
                self._look_at(device, self._devices[device], now)
        hosts, self._dirty = self._dirty, {}
        for host in hosts:
            state = self._hosts[host]
            if state.up and (state.heard or now >= state.tell_at):
                for device in state.untold & (state.wants - state.holds.keys()):
                    self._devices[device].holders += (host,)
                state.told(now, self.shared)
                self._tell(host)

    def _look_at(self, device: str, known: _Device, now: float) -> None:
        """Do for one device what is right now."""
        for host in known.holders:
            state = self._hosts[host]
            hold = state.holds[device]
            if now >= state.over_at(hold):
                if state.up and hold.off_at is None:
                    state.lapsed_until = now + LAPSED_S
                self._let_go(state, device)
        server, target = known.server, self._target(known, now)
        if server is not None and self._is_to_go(device, known, server, target, now):
            self._unassign(device, known, server)
        if known.server is None and target is not None and not known.unclaimed and self._free(device, known, target):
            self._assign(device, known, target)
        if known.server is not None:
            state = self._hosts[known.server]
            told = state.holds.get(device)
            if told is not None and told.shared != (len(known.order) > 1):
                state.untold.add(device)
                self._dirty[known.server] = None
        elif not known.order and not known.holders:
            del self._devices[device]

    def _target(self, known: _Device, now: float) -> str | None:
        """Return the host that is to serve a device, when it is free to be served."""
        if len(known.order) == 1:
            return known.order[0]
        for host in known.order:
            state = self._hosts[host]
            settled = known.server in (None, host) or state.settles_at == math.inf
            if settled and state.able(now):
                return host
        return None

    def _is_to_go(self, device: str, known: _Device, server: str, target: str | None, now: float) -> bool:
        """Return whether a device's server is to serve it no more."""
        if server not in known.order:
            return True
        state = self._hosts[server]
        if len(known.order) == 1:
            return False
        if not state.able(now):  # it may be back before its lease is over
            return device not in state.holds
        return target not in (None, server)

    def _free(self, device: str, known: _Device, target: str) -> bool:
        """Return whether nobody but *target* may be serving a device, and that one isn't told to let go of it."""
        return all(host == target and self._hosts[host].holds[device].off_at is None for host in known.holders)

    def _assign(self, device: str, known: _Device, host: str) -> None:
        known.server = host
        state = self._hosts[host]
        state.wants.add(device)
        state.untold.add(device)
        self._dirty[host] = None
        self._delegations.served(device, host)

    def _unassign(self, device: str, known: _Device, host: str) -> None:
        known.server = None
        state = self._hosts[host]
        state.wants.discard(device)
        state.untold.add(device)
        self._dirty[host] = None
        self._delegations.served(device, None)

    def _host(self, name: str) -> HostState:
        state = self._hosts.get(name)
        if state is None:
            state = self._hosts[name] = HostState(name, self._clock(), self._present.get(name))
        return state

    def _hold(self, state: HostState, device: str, hold: Hold) -> None:
        state.hold(device, hold)
        known = self._devices[device]
        known.holders = (*(host for host in known.holders if host != state.name), state.name)

    def _let_go(self, state: HostState, device: str) -> None:
        state.let_go(device)
        known = self._devices[device]
        known.holders = tuple(host for host in known.holders if host != state.name)

    def _heard(self, state: HostState, *, tell: bool) -> None:
        """Note that a host is at work. *tell*: it is to be told its list again."""
        if state.lapsed_until > self._clock():
            state.lapsed_until = -math.inf
            self._look.update(dict.fromkeys(self._delegations.devices(state.name)))
            tell = True
        if tell or state.untold:
            self._dirty[state.name] = None

    def _left(self, host: str, device: str) -> None:
        if self._leaving.get(host, {}).pop(device, None) is not None:
            if not self._leaving[host]:
                del self._leaving[host]
            self._delegations.left(host, device)

    def _end_leaving(self, now: float) -> None:
        """End the moves whose hosts were there for long and said nothing, or are away for very long."""
        for host, devices in list(self._leaving.items()):
            came_at = self._present.get(host)
            for device, since in list(devices.items()):
                begun = max(since, came_at) + SILENT_S if came_at is not None else since + LEAVING_S
                if now >= begun:
                    self._left(host, device)
