"""Which hosts may speak for which devices, by what operators and the pillars of hosts say.

What was said is kept apart (``Said``) from what is in force: a host needs an accepted key, a device may have none, and
no two devices, nor a device and a minion, may write each other's metrics. When keys come and go, what hangs on them is
looked at again. A move from one host to another leaves the old one its voice until it has handed over (``left``);
whoever is revoked has none from that moment on.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from saltern.delegated import MAX_HOSTS
from saltern.delegation_functions import DelegationFunctions
from saltern.keystore import KeyStore
from saltern.metric_segment import sharing_metrics
from saltern.pillar_delegations import PillarDelegations
from saltern_master.delegations.changed import Changed
from saltern_master.delegations.forms import Entry, read_form
from saltern_master.delegations.said import UNKNOWN, Said
from saltern_master.key_table import KeyTable

log = logging.getLogger(__name__)

MAX_PAIRS = 500_000
"""Pairs of host and device that pillars may name in all."""
MAX_LINES = 20
"""Lines that one change may log."""
HELD_S = 60.0
"""For how long a device that a pillar names no more may wait for the pillars that are compiled meanwhile."""
ERRORS = "_errors"  # in a pillar that isn't whole


class Delegations:
    """All delegations of a master; for its loop alone."""

    def __init__(
        self,
        accepted: KeyTable,
        store: KeyStore,
        files: PillarDelegations | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*accepted*: the accepted keys; *files*: where it is kept what pillars said last; *clock*: s, monotonic."""
        self.on_changed: list[Callable[[Changed], None]] = []
        self.version = 0
        """Another one whenever the devices or their hosts are others."""
        self.served_version = 0
        """Another one whenever who serves a device is another."""
        self._accepted = accepted
        self._store = store
        self._clock = clock
        self._said = Said(files)
        self._hosts: dict[str, tuple[str, ...]] = {}
        """In force, by device."""
        self._devices: dict[str, set[str]] = {}
        """In force, by host."""
        self._leaving: dict[str, set[str]] = {}
        """Hosts that hand a device over just now."""
        self._leaves_anew = False  # whether those are others than are kept
        self._held: dict[str, tuple[str, float]] = {}
        """Devices that a host's pillar names no more while others are compiled: that host, and until when."""
        self._serving: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        """Why a device that was named is none."""
        self._faults: dict[str, list[str]] = {}
        """What was wrong in a host's pillar."""
        self._begun = False
        """Whether the accepted keys were looked at, since when devices come anew."""
        self._later: list[Changed] | None = None

    # what is in force

    def hosts(self, device: str) -> tuple[str, ...]:
        """Return the hosts that may serve a device, sorted; none for what is no device."""
        return self._hosts.get(device, ())

    def devices(self, host: str) -> list[str]:
        """Return the devices that a host may serve, sorted."""
        return sorted(self._devices.get(host, ()))

    def all(self) -> dict[str, tuple[str, ...]]:
        """Return the hosts of every device, the devices sorted."""
        return dict(sorted(self._hosts.items()))

    def may_speak(self, host: str, device: str) -> bool:
        """Return whether what *host* says for *device* is taken: it is a host of it, or hands it over just now."""
        return host in self._hosts.get(device, ()) or host in self._leaving.get(device, ())

    def named(self, device: str) -> Mapping[str, Any] | None:
        """Return what a device's ``proxy`` is when its host's pillar has it; ``None`` when its own pillar has it.

        Also ``None`` as long as it isn't known (``awaited``).
        """
        entry = self._entry(device)[1]
        return None if entry is UNKNOWN else entry

    def awaited(self, device: str) -> str | None:
        """Return the host whose pillar has to be compiled before the device's own is right, if there is one."""
        host, entry = self._entry(device)
        return host if entry is UNKNOWN else None

    def _entry(self, device: str) -> tuple[str | None, Entry]:
        """Return the first host whose pillar has an entry for a device, and that entry."""
        for host in self._hosts.get(device, ()):
            entry = self._said.pillar(host).get(device)
            if entry is not None:
                return host, entry
        return None, None

    def server_of(self, device: str) -> str | None:
        """Return the host that serves a device, else the first that may; ``None`` for what is no device."""
        hosts = self._hosts.get(device)
        if not hosts:
            return None
        server = self._serving.get(device, "")
        return server if self.may_speak(server, device) else hosts[0]

    def served(self, device: str, host: str | None) -> None:
        """Note which host serves a device now."""
        if self._serving.get(device) != host:
            self.served_version += 1
            if host is None:
                del self._serving[device]
            else:
                self._serving[device] = host

    def sharing_metrics(self, minion_id: str) -> str | None:
        """Return another device whose metrics would have the names of those of *minion_id*."""
        return min((device for device in self._said.beside(minion_id) if device in self._hosts), default=None)

    def way_out(self, device: str) -> str:
        """Return what an operator has to do so that *device* is none any more."""
        ways = []
        in_pillars = self._said.in_pillars(device)
        if in_pillars:
            more = "" if len(in_pillars) < 4 else ", …"
            ways.append(f"take it out of the pillar of {', '.join(in_pillars[:3])}{more}")
        if self._said.by_operator(device):
            ways.append(f"run saltern-key --undelegate {device}")
        return " and ".join(ways)

    # what pillars say

    def from_pillar(self, host: str, pillar: Mapping[str, Any], *, claimed: bool, more: bool = False) -> None:
        """Take what the pillar of *host* says, in which ``proxy`` hangs on grains when it is *claimed*.

        *more*: pillars of others are being compiled, so that a device which is named no more may have another host in
        a moment: it stays as it is until a pillar comes without *more*, or for ``HELD_S``. With errors it says nothing.
        """
        if not pillar and host not in self._faults and not self._said.pillar(host) and (more or not self._held):
            return  # it names none as before: that of every device is so
        touched: set[str] = set()
        if ERRORS not in pillar:
            devices = self._read(host, pillar, claimed)
            gone = self._said.pillar(host).keys() - devices.keys()
            kept = {}
            for device in gone if more else ():
                if self._said.hosts(device) == {host}:
                    kept[device] = self._said.pillar(host)[device]
                    self._held.setdefault(device, (host, self._clock() + HELD_S))
            touched = self._said.put_pillar(host, {**devices, **kept} if kept else devices)
            for device in devices.keys() & self._held.keys():
                touched |= self._release(device, host)
        if not more:
            touched |= self._end_holding(list(self._held))
        self._settle(touched, altered=True)

    def _read(self, host: str, pillar: Mapping[str, Any], claimed: bool) -> Mapping[str, Entry]:
        """Return the devices that *host* may have by its pillar; say what is wrong, once as long as it is so."""
        devices, faults = read_form(host, pillar.get("proxy"))
        if devices and not self._speaks(host):
            faults = ["it names devices, and a device speaks for none: name them in the pillar of a minion with a key"]
        elif devices and claimed:
            faults = [
                "it hangs on grains, which the host can claim, so that it speaks for no device: put it into an SLS of "
                f"its own that top.sls gives {host} by its id"
            ]
        elif self._said.pairs - len(self._said.pillar(host)) + len(devices) > MAX_PAIRS:
            faults = [f"all pillars name over {MAX_PAIRS:,} devices: these {len(devices):,} are left out"]
        else:
            self._say(host, faults)
            return devices
        self._say(host, faults)
        return {}

    def _say(self, host: str, faults: list[str]) -> None:
        if faults and faults != self._faults.get(host):
            for fault in faults:
                log.error("the pillar of %s: proxy: %s", host, fault)
        self._faults.pop(host, None)
        if faults:
            self._faults[host] = faults

    def _release(self, device: str, host: str) -> set[str]:
        """End holding a device, for which *host* was named now; return what is to be looked at again."""
        before, _ = self._held.pop(device)
        if before == host:
            return set()
        left = {one: entry for one, entry in self._said.pillar(before).items() if one != device}
        return self._said.put_pillar(before, left)

    def _end_holding(self, devices: Iterable[str]) -> set[str]:
        """Let the pillars that don't name these any more have their way; return what is to be looked at again."""
        by_host: dict[str, set[str]] = {}
        for device in devices:
            by_host.setdefault(self._held.pop(device)[0], set()).add(device)
        touched: set[str] = set()
        for host, gone in by_host.items():
            left = {one: entry for one, entry in self._said.pillar(host).items() if one not in gone}
            touched |= self._said.put_pillar(host, left)
        return touched

    def tick(self) -> None:
        """Do what is due; to be called every second or so."""
        if self._held:
            now = self._clock()
            self._settle(self._end_holding([one for one, (_, until) in self._held.items() if now >= until]))
        self._keep()

    # what operators say

    def delegate(self, devices: Sequence[str], hosts: Sequence[str]) -> None:
        """Let *hosts* speak for *devices*, which is kept. Raises ``KeyStoreError``, ``IdError``."""
        done = DelegationFunctions(self._store, []).delegate(list(devices), list(hosts))
        self.from_operators({device: tuple(of_device) for device, of_device in done.items()})

    def undelegate(self, device: str) -> None:
        """Take a device from the hosts that an operator gave it. Raises ``KeyStoreError``, ``IdError``."""
        DelegationFunctions(self._store, []).undelegate(device)
        self.from_operators({device: ()})

    def from_operators(self, news: Mapping[str, tuple[str, ...]]) -> None:
        """Take what is in the key store now of these devices: their hosts, none for a device that was taken away."""
        revoked = {one for one, hosts in news.items() if self._said.put_operator(one, hosts) and not hosts}
        given = {one for one, hosts in news.items() if hosts}
        for device in given & self._held.keys():
            given |= self._release(device, "")
        with self.later():
            self._settle(revoked, revoke=True)
            self._settle(given)

    # keys that come and go

    def keys_changed(self, minions: Iterable[str]) -> None:
        """Look again at what hangs on the accepted keys of these ids: as hosts, as devices, and by their metrics."""
        touched: set[str] = set()
        gone = set() if self._begun else {host for host in self._said.pillars() if not self._speaks(host)}
        for minion_id in minions:
            touched |= {minion_id} | self._said.of_host(minion_id) | self._said.beside(minion_id)
            if not self._speaks(minion_id):
                gone.add(minion_id)
        for host in gone:
            self._forget(host)
        self._settle(touched)
        self._begun = True

    def forget_host(self, host: str) -> None:
        """Forget what the pillar of a host said, whose key is gone; what an operator said holds for its next key."""
        touched = self._said.of_host(host)
        self._forget(host)
        self._settle(touched)

    def _forget(self, host: str) -> None:
        self._faults.pop(host, None)
        for device in self._said.pillar(host):
            if self._held.get(device, ("",))[0] == host:
                del self._held[device]
        self._said.put_pillar(host, {})
        for device in [one for one, hosts in self._leaving.items() if host in hosts]:
            self.left(host, device)

    def left(self, host: str, device: str) -> None:
        """Note that a host has handed a device over: it may not speak for it any more."""
        hosts = self._leaving.get(device)
        if hosts is not None:
            self._leaves_anew = True
            hosts.discard(host)
            if not hosts:
                del self._leaving[device]

    @contextlib.contextmanager
    def later(self) -> Iterator[None]:
        """Have ``on_changed`` told of what changes in this block when it has ended."""
        if self._later is not None:
            yield
            return
        self._later = []
        try:
            yield
        finally:
            changes, self._later = self._later, None
            for change in changes:
                self._announce(change)

    # putting into force

    def _settle(self, devices: set[str], *, revoke: bool = False, altered: bool = False) -> None:
        """Put what was said of *devices* into force.

        *revoke*: hosts that lose one don't hand it over; *altered*: their entries may be others.
        """
        before = {device: self._hosts.get(device, ()) for device in devices}
        reasons: dict[str, str] = {}
        for device in devices:
            if before[device] and not self._put(device, self._allowed(device, reasons), revoke):
                for other in self._said.beside(device):  # which it stood in the way of
                    before.setdefault(other, self._hosts.get(other, ()))
        for device in sorted(device for device in before if device not in self._hosts):
            self._put(device, self._allowed(device, reasons), revoke)
        self._note_refused(before, reasons)
        after = {device: self._hosts.get(device, ()) for device in before}
        both = {device for device in before if before[device] and after[device]}
        moved = {device for device in both if before[device] != after[device]}
        added = frozenset(device for device in before if after[device] and not before[device])
        change = Changed(
            added,
            frozenset(device for device in before if before[device] and not after[device]),
            frozenset(moved),
            frozenset(both & devices - moved if altered else ()),
            added if not self._begun else frozenset(),
        )
        self._keep()
        if any(change):
            self._announce(change)

    def _keep(self) -> None:
        self._said.keep(self._leaving if self._leaves_anew else None)
        self._leaves_anew = False

    def _speaks(self, minion_id: str) -> bool:
        """Return whether a key is accepted for this minion, and for no other too."""
        key = self._accepted.key_of(minion_id)
        return key is not None and self._accepted.id_of(key) == minion_id

    def _allowed(self, device: str, reasons: dict[str, str]) -> tuple[str, ...]:
        """Return which of the hosts that were named may speak for *device*; why not all is noted in *reasons*."""
        hosts = sorted(host for host in self._said.hosts(device) if self._speaks(host))
        if not hosts:
            return ()
        if self._accepted.key_of(device) is not None:
            reasons[device] = (
                f"{device}: a key is accepted for it, so that {hosts[0]} doesn't speak for it: delete that key "
                f"(saltern-key -d {device}), or {self.way_out(device)}"
            )
            return ()
        other = self._accepted.sharing_metrics(device) or self.sharing_metrics(device)
        if other is not None:
            reasons[device] = f"{sharing_metrics(device, other)}; {hosts[0]} doesn't speak for it"
            return ()
        if len(hosts) > MAX_HOSTS:
            reasons[device] = (
                f"{device}: it has {len(hosts)} hosts: the first {MAX_HOSTS} speak for it, which is the most"
            )
        return tuple(hosts[:MAX_HOSTS])

    def _put(self, device: str, hosts: tuple[str, ...], revoke: bool) -> tuple[str, ...]:
        before = self._hosts.get(device, ())
        if hosts == before:
            return hosts
        self.version += 1
        for host in set(before) - set(hosts):
            self._devices[host].discard(device)
            if not self._devices[host]:
                del self._devices[host]
            if hosts and not revoke and self._speaks(host):
                self._leaving.setdefault(device, set()).add(host)
                self._leaves_anew = True
        for host in set(hosts) - set(before):
            self._devices.setdefault(host, set()).add(device)
            self.left(host, device)
        if hosts:
            self._hosts[device] = hosts
        else:
            del self._hosts[device]
            self._leaves_anew |= self._leaving.pop(device, None) is not None
            self._serving.pop(device, None)
        return hosts

    def _note_refused(self, looked_at: Iterable[str], reasons: Mapping[str, str]) -> None:
        """Log why devices are refused, each once as long as it is so."""
        lines = [reason for device, reason in reasons.items() if self._refused.get(device) != reason]
        for line in lines[:MAX_LINES]:
            log.warning("%s", line)
        if len(lines) > MAX_LINES:
            log.warning("%d more devices are refused like these", len(lines) - MAX_LINES)
        for device in looked_at:
            self._refused.pop(device, None)
        self._refused.update(reasons)

    def _announce(self, change: Changed) -> None:
        if self._later is not None:
            self._later.append(change)
            return
        for tell in self.on_changed:
            tell(change)
