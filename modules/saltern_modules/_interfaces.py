"""The interfaces of this host and their addresses as maps, and what networks they come to."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from saltern.errors import CommandError
from saltern_modules import _rtnetlink

Interfaces = Mapping[str, Mapping[str, Any]]
Family = Literal["inet", "inet6"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def interfaces() -> dict[str, dict[str, Any]]:
    """Return the interfaces of this host, as :func:`described` does. Raises ``CommandError``."""
    try:
        return described(_rtnetlink.links(), _rtnetlink.addresses())
    except OSError as error:
        raise CommandError(f"network: the kernel doesn't tell the interfaces: {error}") from None


def described(links: Iterable[_rtnetlink.Link], addresses: Iterable[_rtnetlink.Address]) -> dict[str, dict[str, Any]]:
    """Return ``{name: {'up': bool, 'hwaddr', 'parent', 'inet': [...], 'inet6': [...], 'secondary': [...]}}``.

    Only ``up`` is always there. An ``inet`` is ``{'address', 'netmask', 'broadcast', 'label'}``, an ``inet6``
    ``{'address', 'prefixlen': text, 'scope'}``, a secondary one of IPv4 an ``inet`` with its ``type``.
    """
    found: dict[str, dict[str, Any]] = {}
    by_index = {}
    for link in links:
        entry: dict[str, Any] = {"up": link.up}
        if link.parent:
            entry["parent"] = link.parent
        if link.hwaddr:
            entry["hwaddr"] = link.hwaddr
        found[link.name] = entry
        by_index[link.number] = link.name
    for one in addresses:
        name = by_index.get(one.number)
        if name is None:
            continue
        if one.family == socket.AF_INET6:
            row6 = {"address": one.address, "prefixlen": str(one.length), "scope": one.scope}
            found[name].setdefault("inet6", []).append(row6)
            continue
        row = {
            "address": one.address,
            "netmask": netmask(one.length),
            "broadcast": one.broadcast or None,
            "label": one.label or name,
        }
        if one.secondary:
            found[name].setdefault("secondary", []).append({"type": "inet", **row})
        else:
            found[name].setdefault("inet", []).append(row)
    return found


def netmask(length: int) -> str:
    """Return the netmask of IPv4 that is *length* bits long, ``""`` for none."""
    return (
        socket.inet_ntop(socket.AF_INET, (0xFFFFFFFF << (32 - length) & 0xFFFFFFFF).to_bytes(4, "big"))
        if length
        else ""
    )


def addresses_of(entry: Mapping[str, Any], family: Family) -> list[Mapping[str, Any]]:
    """Return the addresses of an interface, secondary ones behind the others."""
    return [*entry.get(family, []), *(one for one in entry.get("secondary", []) if one.get("type") == family)]


def chosen(known: Interfaces, names: str | Sequence[str] | None) -> Interfaces:
    """Return those of *known* that fit *names*: globs in a list, or a text with commas between; all for None."""
    if names is None:
        return known
    import fnmatch

    globs = [part.strip() for part in names.split(",")] if isinstance(names, str) else [str(name) for name in names]
    return {name: entry for name, entry in known.items() if any(fnmatch.fnmatch(name, glob) for glob in globs)}


def ip_addresses(known: Interfaces, family: Family, include_loopback: bool) -> list[str]:
    """Return the addresses of *known*, each once and in order."""
    found: set[Any] = set()
    for entry in known.values():
        for one in addresses_of(entry, family):
            address = ipaddress.ip_address(one["address"])
            if include_loopback or not address.is_loopback:
                found.add(address)
    return [str(address) for address in sorted(found)]


def networks(known: Interfaces, family: Family) -> set[Any]:
    """Return the networks that the addresses of *known* are in."""
    length, whole = ("netmask", 32) if family == "inet" else ("prefixlen", 128)
    return {
        ipaddress.ip_network(f"{one['address']}/{one.get(length) or whole}", strict=False)
        for entry in known.values()
        for one in addresses_of(entry, family)
    }


def subnets(known: Interfaces, family: Family) -> list[str]:
    """Return the networks that *known* are in, but for those of loopback, in order."""
    return [str(network) for network in sorted(networks(known, family)) if not network.network_address.is_loopback]


def ip_networks(known: Interfaces, family: Family, include_loopback: bool, verbose: bool) -> list[str] | dict[str, Any]:
    """Return the networks that *known* are in, in order; with *verbose* each with its numbers."""
    found = sorted(network for network in networks(known, family) if include_loopback or not network.is_loopback)
    if not verbose:
        return [str(network) for network in found]
    return {
        str(network): {
            "address": str(network.network_address),
            "netmask": str(network.netmask),
            "num_addresses": network.num_addresses,
            "prefixlen": network.prefixlen,
        }
        for network in found
    }


def within(cidr: str, addresses: Iterable[str]) -> bool:
    """Return whether any of *addresses* is in the network *cidr*, ``False`` when that is none.

    Raises ``CommandError`` for what is no address.
    """
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        return False
    return any(address_of(one) in network for one in addresses)


def address_of(text: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return *text* as an address. Raises ``CommandError``."""
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise CommandError(str(error)) from None


def network_of(text: Any) -> Network:
    """Return the network that an address with a netmask, or with the bits of one, is in. Raises ``CommandError``."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise CommandError(str(error)) from None
