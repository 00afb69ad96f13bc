"""The ``key.*`` functions that let hosts speak for devices, over a key store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from saltern.delegated import MAX_HOSTS, sorted_hosts
from saltern.errors import KeyChanged, KeyStoreError
from saltern.ids import check_minion_id
from saltern.keystore import ACCEPTED, KeyStore, matching
from saltern.metric_segment import place, sharing_metrics
from saltern.pillar_delegations import PillarDelegations
from saltern.pki import fingerprint
from saltern.visible import shown

Hosts = Mapping[str, Sequence[str]]
"""The hosts of devices, by the devices' ids."""
MAX_AT_ONCE = 20_000
"""Devices that one call may delegate."""


class DelegationFunctions:
    """The functions over *store*. All raise ``KeyStoreError`` when the store can't be read or written."""

    def __init__(self, store: KeyStore, changed: list[tuple[str, str]]) -> None:
        """*changed* gets what is done: ``delegate`` or ``undelegate``, and the device's id."""
        self._store = store
        self._changed = changed

    def delegate(
        self, devices: str | list[str], hosts: str | list[str], fingerprints: dict[str, str] | None = None
    ) -> dict[str, list[str]]:
        """Let minions, the *hosts*, speak for *devices*, which have no key of their own; each a list, or ``a,b``.

        With several hosts, one of those that are there serves a device. What an operator said before of these devices
        is replaced; what the pillars of hosts say holds beside it. *fingerprints*: of the hosts' keys as they were
        shown; nothing is done when one is another meanwhile. Returns the hosts by device. Raises ``IdError``.
        """
        of_devices, of_hosts = _words(devices, "devices"), list(sorted_hosts(_words(hosts, "hosts")))
        if len(set(_words(hosts, "hosts"))) > MAX_HOSTS:
            raise KeyStoreError(f"a device has {MAX_HOSTS} hosts at most")
        if len(of_devices) > MAX_AT_ONCE:
            raise KeyStoreError(f"{MAX_AT_ONCE:,} devices are delegated at once, at most")
        for host in of_hosts:
            self._check_host(host, (fingerprints or {}).get(host))
        accepted = self._store.ids(ACCEPTED)
        places = {place(minion_id): minion_id for minion_id in (*self._store.delegated.all(), *accepted)}
        for device in of_devices:
            self._check_device(device, of_hosts, places)
        for device in of_devices:
            self._store.delegated.put(device, of_hosts)
            self._changed.append(("delegate", device))
        return {device: list(of_hosts) for device in of_devices}

    def _check_host(self, host: str, shown_fingerprint: str | None) -> None:
        key = self._store.key(ACCEPTED, host)
        if key is None:
            raise KeyStoreError(
                f"{host}: no key is accepted for it: a host has one (saltern-key -a {host})", minion=host
            )
        if shown_fingerprint is not None and fingerprint(key) != shown_fingerprint:
            raise KeyChanged(f"{host}: its accepted key changed meanwhile: look at it again", minion=host)

    def _check_device(self, device: str, hosts: list[str], places: dict[str, str]) -> None:
        check_minion_id(device)
        if device in hosts:
            raise KeyStoreError(f"{device}: no host is its own device", minion=device)
        if self._store.key(ACCEPTED, device) is not None:
            raise KeyStoreError(
                f"{device}: a key is accepted for it, and speaks for it: delete that first (saltern-key -d {device})",
                minion=device,
            )
        other = places.setdefault(place(device), device)
        if other != device:
            raise KeyStoreError(sharing_metrics(device, other), minion=device)

    def undelegate(self, devices: str | list[str], shown: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
        """Take *devices*, a list or ``a,b``, from the hosts that operators gave them; return these hosts by device.

        *shown*: the hosts of each as they were shown; nothing is done when they are others meanwhile. What the pillars
        of hosts say stays. Raises ``IdError``.
        """
        done: dict[str, list[str]] = {}
        for device in _words(devices, "devices"):
            done[device] = list(self._store.delegated.hosts(device))
            if shown is not None and shown.get(device, []) != done[device]:
                raise KeyChanged(f"{device}: its hosts changed meanwhile: look at it again", minion=device)
            if not done[device]:
                raise KeyStoreError(
                    f"{device}: no operator gave it a host; if it has one (saltern-key -L), take it out of its pillar",
                    minion=device,
                )
        for device in done:
            self._store.delegated.remove(device)
            self._changed.append(("undelegate", device))
        return done

    def delegated(self, match: str = "*") -> dict[str, list[str]]:
        """Show the hosts that operators gave the devices whose ids *match* means, globs with commas between them."""
        given = self._store.delegated.all()
        return {device: list(given[device]) for device in matching(list(given), match)}


def devices_on_disk(store: KeyStore, cachedir: str) -> dict[str, tuple[str, ...]]:
    """Return the hosts of all devices, as far as it can be known without the master: those with accepted keys.

    Raises ``KeyStoreError``.
    """
    accepted = set(store.ids(ACCEPTED))
    found: dict[str, set[str]] = {device: set(hosts) for device, hosts in store.delegated.all().items()}
    for host, devices in PillarDelegations(cachedir).read().items() if cachedir else ():
        for device in devices:
            found.setdefault(device, set()).add(host)
    return {
        device: tuple(sorted(hosts & accepted))
        for device, hosts in sorted(found.items())
        if hosts & accepted and device not in accepted
    }


def _words(value: object, called: str) -> list[str]:
    """Return the ids in ``"a,b"`` or in a list, once each. Raises ``KeyStoreError``."""
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise KeyStoreError(f"{called}: {shown(value, 80)} names none: give ids, as in 'router1,router2'")
    return list(dict.fromkeys(words))
