"""``S@``: an address, or the addresses of a network, among the grains ``ipv4`` and ``ipv6``."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Set

from saltern.errors import TargetError
from saltern_master.targeting.effort import Effort

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


class Addresses:
    """One address or network."""

    def __init__(self, text: str) -> None:
        """Raises ``TargetError`` when it is neither."""
        try:
            address = ipaddress.ip_address(text)
            self._network = None
        except ValueError:
            try:
                self._network = ipaddress.ip_network(text)
            except ValueError as error:
                raise TargetError(f"{text!r:.100} is neither an address nor a network: {error}") from None
            address = self._network.network_address
            self._first, self._last = int(address), int(self._network.broadcast_address)
        self._text = str(address)
        self._grain = f"ipv{address.version}"

    def select(self, minions: Set[str], effort: Effort) -> Set[str]:
        """Return those of *minions* that have it, or an address in it."""
        texts = effort.known.grains.values(self._grain, minions).texts
        if self._network is None:
            return minions & set(texts.get(self._text, ()))
        effort.check()
        family, first, last = _FAMILIES[self._grain], self._first, self._last
        found: set[str] = set()
        found.update(*(texts[text] for text in texts if first <= _number(family, text) <= last))
        return minions & found


def _number(family: socket.AddressFamily, text: str) -> int:
    """Return an address as a number, -1 for what is none."""
    try:
        return int.from_bytes(socket.inet_pton(family, text.partition("%")[0]), "big")
    except (OSError, ValueError):
        return -1
