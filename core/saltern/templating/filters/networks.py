"""Filters of addresses and networks."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Mapping, Sequence
from types import GeneratorType
from typing import Any

from saltern.errors import ArgumentError

MAX_HOSTS = 1 << 20
"""``network_hosts`` lists no network larger than this."""

KINDS: Mapping[str, Callable[[Any], bool]] = {
    "global": lambda ip: not ip.is_private,
    "public": lambda ip: not ip.is_private,
    **dict.fromkeys(("link-local", "linklocal", "ll", "link_local"), lambda ip: ip.is_link_local),
    **dict.fromkeys(("loopback", "lo"), lambda ip: ip.is_loopback),
    "multicast": lambda ip: ip.is_multicast,
    "private": lambda ip: ip.is_private,
    "reserved": lambda ip: ip.is_reserved,
    **dict.fromkeys(("site-local", "sl", "site_local"), lambda ip: ip.version == 6 and ip.is_site_local),
    "unspecified": lambda ip: ip.is_unspecified,
}


def _address(value: Any, version: int, options: str | None = None) -> str | None:
    """Return an address, or one with its network, as text when it is of that version and of all kinds in *options*."""
    for kind in (ipaddress.ip_address, ipaddress.ip_interface):
        try:
            found: Any = kind(value)
        except ValueError:
            continue
        wanted = [word.strip() for word in options.split(",")] if options else []
        fits = found.version == version and all(KINDS[word](found) for word in wanted if word in KINDS)
        return str(found) if fits else None
    return None


def _filtered(value: Any, version: int, options: str | None) -> Any:
    if isinstance(value, str | bytes):
        return _address(value, version, options)
    if isinstance(value, list | tuple | GeneratorType):
        return [found for one in value if (found := _address(one, version, options)) is not None]
    return None


def ipv4(value: Any, options: str | None = None) -> Any:
    """Return an address when it is IPv4, of a list those that are."""
    return _filtered(value, 4, options)


def ipv6(value: Any, options: str | None = None) -> Any:
    """Return an address when it is IPv6, of a list those that are."""
    return _filtered(value, 6, options)


def ipaddr(value: Any, options: str | None = None) -> Any:
    """Return an address when it is one, of a list those that are, IPv4 first."""
    value = list(value) if isinstance(value, GeneratorType) else value
    four, six = ipv4(value, options), ipv6(value, options)
    return four or six if four is None or six is None else four + six


def is_ipv4(ip_addr: Any, options: str | None = None) -> bool:
    """Return whether it is an IPv4 address."""
    return _address(ip_addr, 4, options) is not None


def is_ipv6(ip_addr: Any, options: str | None = None) -> bool:
    """Return whether it is an IPv6 address."""
    return _address(ip_addr, 6, options) is not None


def is_ip(ip_addr: Any, options: str | None = None) -> bool:
    """Return whether it is an address."""
    return is_ipv4(ip_addr, options) or is_ipv6(ip_addr, options)


def _each(make: Callable[[str], Any]) -> Callable[..., Any]:
    def each(value: Any, options: str | None = None, version: int | None = None) -> Any:
        found = {4: ipv4, 6: ipv6}.get(version or 0, ipaddr)(value, options)
        if not found:
            return None
        if not isinstance(value, list | tuple | GeneratorType):
            return make(found)
        return [make(one) for one in found]

    return each


def _hosts(network: str) -> list[str]:
    found = ipaddress.ip_network(network, strict=False)
    if found.num_addresses > MAX_HOSTS:
        raise ArgumentError(f"network_hosts: {network} has more than {MAX_HOSTS} addresses")
    return [str(host) for host in found.hosts()]


def gen_mac(prefix: str = "AC:DE:48") -> str:
    """Return a hardware address by chance that begins with *prefix*."""
    return ":".join([prefix, *(f"{random.randint(0, 255):02X}" for _ in range(3))])  # noqa: S311 - no secret


def mac_str_to_bytes(mac_str: str) -> bytes:
    """Return the six bytes of a hardware address, with or without separators."""
    if len(mac_str) == 17:
        mac_str = mac_str.replace(mac_str[2], "")
    if len(mac_str) != 12:
        raise ArgumentError("Invalid MAC address")
    return bytes(int(mac_str[at : at + 2], 16) for at in range(0, 12, 2))


def filter_by_networks(values: Any, networks: Any) -> Any:
    """Return those addresses of a list, or of each list of a mapping, that are in one of *networks*."""
    if networks is None:
        return values
    nets = [ipaddress.ip_network(network) for network in networks]

    def within(addresses: Any) -> list[Any]:
        return [address for address in addresses for net in nets if ipaddress.ip_address(address) in net]

    if isinstance(values, Mapping):
        return {name: within(addresses) for name, addresses in values.items()}
    if isinstance(values, Sequence):
        return within(values)
    raise ArgumentError(f"Do not know how to filter a {type(values)}")


def ipwrap(data: Any) -> Any:
    """Return an IPv6 address in brackets, of a list each that is one; others as they are."""
    if isinstance(data, list | tuple):
        return [ipwrap(one) if isinstance(one, str) else one for one in data]
    return f"[{str(data).strip('[]')}]" if is_ipv6(data) else data


FILTERS: Mapping[str, Callable[..., Any]] = {
    "is_ip": is_ip,
    "is_ipv4": is_ipv4,
    "is_ipv6": is_ipv6,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipaddr": ipaddr,
    "ip_host": _each(lambda one: str(ipaddress.ip_interface(one))),
    "network_hosts": _each(_hosts),
    "network_size": _each(lambda one: ipaddress.ip_network(one, strict=False).num_addresses),
    "gen_mac": gen_mac,
    "mac_str_to_bytes": mac_str_to_bytes,
    "filter_by_networks": filter_by_networks,
    "ipwrap": ipwrap,
}
