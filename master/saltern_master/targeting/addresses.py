"""``S@``: an address, or the addresses of a network, among the grains ``ipv4`` and ``ipv6``."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Set
from itertools import islice
from typing import Any

from saltern.errors import TargetError
from saltern_master.targeting.effort import Effort

MAX_ADDRESSES = 1000
MAX_ADDRESS_CHARS = 64
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
        found: set[str] = set()
        for value, ids in effort.known.grains.values(self._grain, minions):
            effort.check()
            members = value if isinstance(value, (list, tuple)) else [value]
            if self._network is None:
                if self._text in members:
                    found |= ids
            elif any(
                self._first <= _number(self._grain, member) <= self._last for member in islice(members, MAX_ADDRESSES)
            ):
                found |= ids
        return minions & found


def _number(grain: str, member: Any) -> int:
    """Return an address as a number, -1 for what is none."""
    if not isinstance(member, str) or len(member) > MAX_ADDRESS_CHARS:
        return -1
    try:
        return int.from_bytes(socket.inet_pton(_FAMILIES[grain], member.partition("%")[0]), "big")
    except (OSError, ValueError):
        return -1
