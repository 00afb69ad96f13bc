"""Whom an address counts for where each has a share: itself, or its network."""

from __future__ import annotations

import ipaddress

SHARED_PREFIX_V6 = 64
"""Bits of an IPv6 address that count: whoever has one address has the rest of its network too."""


def network_of(address: str) -> str:
    """Return what of *address* has a share of its own; ``""`` where it isn't known."""
    try:
        ip = ipaddress.ip_address(address.partition("/")[0].strip("[]"))
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip.packed, SHARED_PREFIX_V6), strict=False))
