"""``salt.utils.validate.net``: addresses that are well written."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any

_MAC = re.compile(r"([0-9A-F]{1,2})([-:.])(?:[0-9A-F]{1,2}\2){4}[0-9A-F]{1,2}", re.IGNORECASE)


def mac(addr: str) -> bool:
    """Return whether *addr* is one of Ethernet's."""
    return _MAC.fullmatch(addr) is not None


def ipv4_addr(addr: Any) -> bool:
    """Return whether *addr* is one of IPv4, perhaps with a prefix."""
    return _address(addr, socket.AF_INET, 32)


def ipv6_addr(addr: Any) -> bool:
    """Return whether *addr* is one of IPv6, perhaps with a prefix."""
    return _address(addr, socket.AF_INET6, 128)


def ip_addr(addr: Any) -> bool:
    """Return whether *addr* is one of IPv4 or IPv6, perhaps with a prefix."""
    return ipv4_addr(addr) or ipv6_addr(addr)


def netmask(mask: Any) -> bool:
    """Return whether *mask* is one of IPv4."""
    if not isinstance(mask, str):
        return False
    try:
        ipaddress.IPv4Network(f"0.0.0.0/{mask}")
        return True
    except ValueError:
        return False


def _address(addr: Any, family: int, longest: int) -> bool:
    if not isinstance(addr, str):
        return False
    address, _slash, prefix = addr.rpartition("/") if "/" in addr else (addr, "", str(longest))
    try:
        socket.inet_pton(family, address)
        return 1 <= int(prefix) <= longest
    except (OSError, ValueError):
        return False
