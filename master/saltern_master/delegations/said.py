"""What was said of devices, by the pillars of hosts and by operators, whether it holds or not; with its indices."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from saltern.complaints import Trouble
from saltern.errors import SalternError
from saltern.metric_segment import place
from saltern.pillar_delegations import PillarDelegations
from saltern.set_aside import set_aside
from saltern_master.delegations.forms import Entry

log = logging.getLogger(__name__)

UNKNOWN: Mapping[str, Any] = {}
"""The entry of a device that a host's pillar had before the start, when that pillar wasn't compiled since."""

_NONE: frozenset[str] = frozenset()
_EMPTY: Mapping[str, Entry] = {}


class Said:
    """Who named which device. What pillars said is kept in *files*, where there are any."""

    def __init__(self, files: PillarDelegations | None) -> None:
        self._files = files
        self._trouble = Trouble(log)
        self._pillars: dict[str, Mapping[str, Entry]] = {}
        """By host."""
        self._operators: dict[str, tuple[str, ...]] = {}
        """By device."""
        self._in_pillars: dict[str, set[str]] = {}
        """The hosts whose pillars name a device."""
        self._operated: dict[str, set[str]] = {}
        """By host: the devices that operators gave it."""
        self._places: dict[str, set[str]] = {}
        """All devices that are named, by the place of their metrics."""
        self._unkept: set[str] = set()
        """Hosts whose pillars said something that isn't kept yet."""
        self._leaving: dict[str, list[str]] = {}
        """By host: the devices that it hands over, as they are kept."""
        self.pairs = 0
        """Of a host and a device that its pillar names."""
        for host, devices in (files.read(self._bad_file) if files else {}).items():
            self._put(host, {device: UNKNOWN if named else None for device, named in devices.items()})

    def hosts(self, device: str) -> set[str]:
        """Return all hosts that were named for a device."""
        return {*self._in_pillars.get(device, ()), *self._operators.get(device, ())}

    def in_pillars(self, device: str) -> list[str]:
        """Return the hosts whose pillars name a device, sorted."""
        return sorted(self._in_pillars.get(device, _NONE))

    def by_operator(self, device: str) -> tuple[str, ...]:
        """Return the hosts that an operator gave a device."""
        return self._operators.get(device, ())

    def of_host(self, host: str) -> set[str]:
        """Return all devices that were named for a host."""
        return self._pillars.get(host, _EMPTY).keys() | self._operated.get(host, _NONE)

    def pillar(self, host: str) -> Mapping[str, Entry]:
        """Return the devices that a host's pillar names, with their entries."""
        return self._pillars.get(host, _EMPTY)

    def pillars(self) -> list[str]:
        """Return the hosts whose pillars name devices."""
        return list(self._pillars)

    def beside(self, minion_id: str) -> set[str]:
        """Return the devices whose metrics would have the names of those of *minion_id*, itself not."""
        return self._places.get(place(minion_id), set()) - {minion_id}

    def put_pillar(self, host: str, devices: Mapping[str, Entry]) -> set[str]:
        """Note which devices a host's pillar names now; return those that came or went, or have another entry."""
        before = self.pillar(host)
        self._put(host, devices)
        if {one: entry is None for one, entry in before.items()} != {
            one: entry is None for one, entry in devices.items()
        }:
            self._unkept.add(host)
        same = {one for one in devices.keys() & before.keys() if devices[one] == before[one]}
        return (devices.keys() | before.keys()) - same

    def keep(self, leaving: Mapping[str, Iterable[str]] | None = None) -> None:
        """Keep what pillars said since the last time; and *leaving*, when it is others: hosts that hand a device over.

        A start takes such a device for theirs too, so that nobody is given what they may be serving still, and they are
        heard.
        """
        if leaving is not None:
            self._unkept |= self._leaving.keys()
            self._leaving = {}
            for device, hosts in leaving.items():
                for host in hosts:
                    self._leaving.setdefault(host, []).append(device)
            self._unkept |= self._leaving.keys()
        hosts, self._unkept = self._unkept, set()
        for host in sorted(hosts):
            self._keep(host, {**dict.fromkeys(self._leaving.get(host, ())), **self.pillar(host)})

    def put_operator(self, device: str, hosts: tuple[str, ...]) -> bool:
        """Note which hosts an operator gives a device, none for ``()``; return whether they are others now."""
        before = self._operators.pop(device, ())
        if hosts:
            self._operators[device] = hosts
        for host in before:
            _discard(self._operated, host, device)
        for host in hosts:
            self._operated.setdefault(host, set()).add(device)
        self._index(device)
        return before != hosts

    def _put(self, host: str, devices: Mapping[str, Entry]) -> None:
        before = self._pillars.pop(host, _EMPTY)
        if devices:
            self._pillars[host] = devices
        self.pairs += len(devices) - len(before)
        for device in before.keys() - devices.keys():
            _discard(self._in_pillars, device, host)
            self._index(device)
        for device in devices.keys() - before.keys():
            self._in_pillars.setdefault(device, set()).add(host)
            self._index(device)

    def _index(self, device: str) -> None:
        if device in self._in_pillars or device in self._operators:
            self._places.setdefault(place(device), set()).add(device)
        else:
            _discard(self._places, place(device), device)

    def _keep(self, host: str, devices: Mapping[str, Entry]) -> None:
        if self._files is None:
            return
        try:
            self._files.write(host, {device: entry is not None for device, entry in devices.items()})
        except (OSError, SalternError) as error:
            why = getattr(error, "strerror", None) or str(error)  # the same for every host: it is said once
            self._trouble.met(f"which devices hosts have can't be kept, so that a restart won't know them: {why}")
        else:
            self._trouble.over("the devices of hosts are kept again")

    def _bad_file(self, path: str, why: str) -> None:
        try:
            set_aside(path, why)
        except OSError as error:
            log.error("%s: %s; it can't be set aside: %s", path, why, error.strerror or error)


def _discard(table: dict[str, set[str]], name: str, member: str) -> None:
    """Take *member* from a set in *table*, and a set that is empty then from the table."""
    members = table.get(name)
    if members is not None:
        members.discard(member)
        if not members:
            del table[name]
