"""Interfaces, addresses and networks of this host; the kernel is asked, no program."""

from __future__ import annotations

from typing import Any

from saltern_modules import _interfaces

__powers__ = {
    "interfaces": "reads",
    "interface": "reads",
    "interface_ip": "reads",
    "hw_addr": "reads",
    "hwaddr": "reads",
    "ip_addrs": "reads",
    "ipaddrs": "reads",
    "ip_addrs6": "reads",
    "ipaddrs6": "reads",
    "ip_networks": "reads",
    "ip_networks6": "reads",
    "subnets": "reads",
    "subnets6": "reads",
    "in_subnet": "reads",
    "ip_in_subnet": "reads",
    "calc_net": "reads",
    "convert_cidr": "reads",
    "is_private": "reads",
    "is_loopback": "reads",
    "reverse_ip": "reads",
    "ifacestartswith": "reads",
    "iphexval": "reads",
}


def interfaces() -> dict[str, dict[str, Any]]:
    """Return the interfaces by name.

    ``{'eth0': {'up': True, 'hwaddr': '02:…', 'inet': [{'address', 'netmask', 'broadcast', 'label'}], 'inet6':
    [{'address', 'prefixlen': '64', 'scope': 'link'}]}}``; ``parent`` is of a part of another one, ``secondary`` has
    further addresses of IPv4, with their ``type``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.interfaces
    """
    return _interfaces.interfaces()


def interface(iface: str) -> list[dict[str, Any]] | str:
    """Return the addresses of IPv4 of the interface *iface*, ``""`` for none; a text when there is no such one.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.interface eth0
    """
    known = interfaces()
    addresses: list[dict[str, Any]] | str = known[iface].get("inet", "") if iface in known else _none(iface, known)
    return addresses


def interface_ip(iface: str) -> str:
    """Return the first address of IPv4 of the interface *iface*, ``""`` for none; a text when there is no such one.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.interface_ip eth0
    """
    addresses = interface(iface)
    return addresses if isinstance(addresses, str) else str(addresses[0]["address"])


def hw_addr(iface: str) -> str:
    """Return the hardware address of the interface *iface*, ``""`` for none; a text when there is no such one.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.hw_addr eth0
    """
    known = interfaces()
    return str(known[iface].get("hwaddr", "")) if iface in known else _none(iface, known)


def hwaddr(iface: str) -> str:
    """Return what :func:`hw_addr` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.hwaddr eth0
    """
    return hw_addr(iface)


def ip_addrs(
    interface: str | list[str] | None = None,
    include_loopback: bool = False,
    cidr: str | None = None,
    type: str | None = None,
) -> list[str]:
    """Return the addresses of IPv4 in order, of the interfaces that fit the globs *interface*.

    Only those in the network *cidr*, or of the *type* ``public`` or ``private``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_addrs
        saltern '*' network.ip_addrs interface='eth*' cidr=10.0.0.0/8
    """
    found = _interfaces.ip_addresses(_interfaces.chosen(interfaces(), interface), "inet", include_loopback)
    if cidr:
        return [address for address in found if _interfaces.within(cidr, [address])]
    if type in ("public", "private"):
        return [address for address in found if is_private(address) is (type == "private")]
    return found


def ipaddrs(
    interface: str | list[str] | None = None,
    include_loopback: bool = False,
    cidr: str | None = None,
    type: str | None = None,
) -> list[str]:
    """Return what :func:`ip_addrs` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ipaddrs
    """
    return ip_addrs(interface, include_loopback, cidr, type)


def ip_addrs6(
    interface: str | list[str] | None = None, include_loopback: bool = False, cidr: str | None = None
) -> list[str]:
    """Return the addresses of IPv6 in order, of the interfaces that fit the globs *interface*, in the network *cidr*.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_addrs6 cidr=2000::/3
    """
    found = _interfaces.ip_addresses(_interfaces.chosen(interfaces(), interface), "inet6", include_loopback)
    return [address for address in found if not cidr or _interfaces.within(cidr, [address])]


def ipaddrs6(
    interface: str | list[str] | None = None, include_loopback: bool = False, cidr: str | None = None
) -> list[str]:
    """Return what :func:`ip_addrs6` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ipaddrs6
    """
    return ip_addrs6(interface, include_loopback, cidr)


def ip_networks(
    interface: str | list[str] | None = None, include_loopback: bool = False, verbose: bool = False
) -> list[str] | dict[str, Any]:
    """Return the networks of IPv4 that this host is in: ``['10.0.0.0/24']``.

    With *verbose* ``{'10.0.0.0/24': {'address', 'netmask', 'num_addresses', 'prefixlen'}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_networks
    """
    known = _interfaces.chosen(interfaces(), interface)
    return _interfaces.ip_networks(known, "inet", include_loopback, verbose)


def ip_networks6(
    interface: str | list[str] | None = None, include_loopback: bool = False, verbose: bool = False
) -> list[str] | dict[str, Any]:
    """Return the networks of IPv6 that this host is in, as :func:`ip_networks` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_networks6
    """
    known = _interfaces.chosen(interfaces(), interface)
    return _interfaces.ip_networks(known, "inet6", include_loopback, verbose)


def subnets(interfaces: str | list[str] | None = None) -> list[str]:
    """Return the networks of IPv4 that the *interfaces* are in (one, a list, or all), loopback's left out.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.subnets
        saltern '*' network.subnets interfaces=eth0
    """
    known = _interfaces.interfaces()
    if interfaces is not None:
        names = interfaces if isinstance(interfaces, list) else [interfaces]
        known = {name: entry for name, entry in known.items() if name in names}
    return _interfaces.subnets(known, "inet")


def subnets6() -> list[str]:
    """Return the networks of IPv6 that this host is in, loopback's left out.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.subnets6
    """
    return _interfaces.subnets(interfaces(), "inet6")


def in_subnet(cidr: str) -> bool:
    """Return whether this host has an address in the network *cidr*; ``False`` when that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.in_subnet 10.0.0.0/16
    """
    return _interfaces.within(cidr, [*ip_addrs(), *ip_addrs6()])


def ip_in_subnet(ip_addr: str | list[str], cidr: str) -> bool:
    """Return whether *ip_addr*, or one of a list, is in the network *cidr*; ``False`` when that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_in_subnet 172.17.0.4 172.16.0.0/12
    """
    return _interfaces.within(cidr, ip_addr if isinstance(ip_addr, (list, tuple)) else [ip_addr])


def calc_net(ip_addr: str, netmask: str | None = None) -> str:
    """Return the network that *ip_addr* is in, by *netmask* or by what stands behind its slash: ``172.17.0.0/24``.

    Raises ``CommandError`` for what is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.calc_net 172.17.0.5 255.255.255.240
    """
    return str(_interfaces.network_of(ip_addr if netmask is None else f"{ip_addr}/{netmask}"))


def convert_cidr(cidr: str) -> dict[str, str]:
    """Return ``{'network', 'netmask', 'broadcast'}`` of the network that *cidr* is in. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.convert_cidr 172.31.0.0/16
    """
    network = _interfaces.network_of(cidr)
    return {
        "network": str(network.network_address),
        "netmask": str(network.netmask),
        "broadcast": str(network.broadcast_address),
    }


def is_private(ip_addr: str) -> bool:
    """Return whether the address *ip_addr* is one of those for private networks. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.is_private 10.0.0.3
    """
    return _interfaces.address_of(ip_addr).is_private


def is_loopback(ip_addr: str) -> bool:
    """Return whether the address *ip_addr* is this host's own, whichever it is. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.is_loopback 127.0.0.1
    """
    return _interfaces.address_of(ip_addr).is_loopback


def reverse_ip(ip_addr: str) -> str:
    """Return the name that *ip_addr* is looked up by: ``1.0.0.10.in-addr.arpa``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.reverse_ip 172.17.0.4
    """
    return _interfaces.address_of(ip_addr).reverse_pointer


def ifacestartswith(cidr: str) -> list[str]:
    """Return the labels of the interfaces that have an address of IPv4 which begins with the text *cidr*.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ifacestartswith 10.0
    """
    return [
        address.get("label", name)
        for name, entry in interfaces().items()
        for address in entry.get("inet", [])
        if address["address"].startswith(str(cidr))
    ]


def iphexval(ip: str) -> str:
    """Return the address *ip* of IPv4 as hexadecimal digits: ``0A000001``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.iphexval 10.0.0.1
    """
    from saltern.errors import CommandError

    try:
        return "".join(f"{int(part):02X}" for part in str(ip).split("."))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _none(iface: str, known: dict[str, dict[str, Any]]) -> str:
    """Return the text that is answered when there is no such interface."""
    names = '", "'.join(known)
    return f'Interface "{iface}" not in available interfaces: "{names}"'
