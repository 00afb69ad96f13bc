"""Which hosts an operator said may speak for which devices: ``pki/delegated/<device>``, a host's id a line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from saltern.errors import IdError, KeyStoreError, os_errors
from saltern.files import make_private_folder, write_private
from saltern.ids import MAX_MINION_ID, check_minion_id

DELEGATED = "delegated"
"""The folder's name, beside those of the states of keys."""
MAX_HOSTS = 16
"""Hosts that one device may have."""
_MAX_BYTES = MAX_HOSTS * (MAX_MINION_ID + 1)


class Delegated:
    """The delegations under *pki_dir*."""

    def __init__(self, pki_dir: str) -> None:
        self._folder = os.path.join(pki_dir, DELEGATED)

    def hosts(self, device: str) -> tuple[str, ...]:
        """Return the hosts of a device, sorted; none where no file of ours is. Raises ``IdError``."""
        path = os.path.join(self._folder, check_minion_id(device))
        try:
            with open(path, encoding="ascii") as stream:
                return sorted_hosts(stream.read(_MAX_BYTES).split())
        except (OSError, UnicodeDecodeError, IdError):
            return ()

    def all(self) -> dict[str, tuple[str, ...]]:
        """Return the hosts of every device that has any. Raises ``KeyStoreError``."""
        found = {}
        with os_errors(KeyStoreError, self._folder, "can't be read"), contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._folder)):
                with contextlib.suppress(IdError):
                    if hosts := self.hosts(name):
                        found[name] = hosts
        return found

    def put(self, device: str, hosts: Iterable[str]) -> None:
        """Let *hosts*, and no others, speak for *device*. Raises ``KeyStoreError``, ``IdError``."""
        path = os.path.join(self._folder, check_minion_id(device))
        text = "".join(f"{host}\n" for host in sorted_hosts(hosts))
        with os_errors(KeyStoreError, path, "can't be written", minion=device):
            make_private_folder(self._folder)
            write_private(path, text.encode())

    def remove(self, device: str) -> bool:
        """Let no host speak for *device*; return whether any did. Raises ``KeyStoreError``, ``IdError``."""
        path = os.path.join(self._folder, check_minion_id(device))
        with os_errors(KeyStoreError, path, "can't be deleted", minion=device):
            try:
                os.unlink(path)
            except FileNotFoundError:
                return False
        return True


def sorted_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of hosts once each, sorted, ``MAX_HOSTS`` at most. Raises ``IdError``."""
    return tuple(sorted({check_minion_id(host) for host in hosts})[:MAX_HOSTS])
