"""``network``: sockets, routes and neighbours."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules.collectors.reading.host import network as network_root

__virtualname__ = "network"

__opts__: Mapping[str, Any]

__powers__ = {
    "netstat": "reads",
    "active_tcp": "reads",
    "routes": "reads",
    "default_route": "reads",
    "get_route": "reads",
    "arp": "reads",
    "ip_neighs": "reads",
    "ipneighs": "reads",
    "ip_neighs6": "reads",
    "ipneighs6": "reads",
}

MAX_BYTES = 256 << 20
FAMILIES = ("inet", "inet6")
DEFAULTS = {"inet": "0.0.0.0", "inet6": "::/0"}  # noqa: S104 -- a destination, nothing is bound


def netstat() -> list[dict[str, str]]:
    """Return the sockets of TCP and UDP, all texts.

    ``[{'proto': 'tcp6', 'recv-q': '0', 'send-q': '0', 'local-address': ':::22', 'remote-address': ':::*', 'state':
    'LISTEN', 'user': '0', 'inode': '18721', 'program': '812/sshd'}]``; ``state`` is TCP's alone, ``program`` is ``-``
    where it may not be seen.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.netstat
    """
    from saltern_modules._net_tables import STATES, parse_sockets

    programs = _programs()
    found = []
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for one in parse_sockets(_read(protocol)):
            row = {
                "proto": protocol,
                "recv-q": str(one.received),
                "send-q": str(one.sent),
                "local-address": one.local_end,
                "remote-address": one.remote_end,
            }
            if protocol.startswith("tcp"):
                row["state"] = STATES[one.state] if one.state < len(STATES) else "UNKNOWN"
            found.append({**row, "user": one.uid, "inode": one.inode, "program": programs.get(one.inode, "-")})
    return found


def active_tcp() -> dict[int, dict[str, Any]]:
    """Return the connections of TCP: ``{0: {'local_addr', 'local_port', 'remote_addr', 'remote_port'}, 1: …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.active_tcp
    """
    from saltern_modules._net_tables import ESTABLISHED, parse_sockets

    sockets = (one for name in ("tcp", "tcp6") for one in parse_sockets(_read(name)) if one.state == ESTABLISHED)
    return {
        number: {
            "local_addr": one.local,
            "local_port": one.local_port,
            "remote_addr": one.remote,
            "remote_port": one.remote_port,
        }
        for number, one in enumerate(sockets)
    }


def routes(family: str | None = None) -> list[dict[str, str]]:
    """Return the routes, of the *family* ``inet`` or ``inet6`` alone when given. Raises ``CommandError`` for another.

    ``[{'addr_family': 'inet', 'destination': '10.0.0.0', 'gateway': '0.0.0.0', 'netmask': '255.255.255.0', 'flags':
    'U', 'interface': 'eth0'}]``; a destination of IPv6 has its length behind a slash, and no netmask.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.routes inet
    """
    from saltern_modules._net_tables import parse_routes, parse_routes6

    _check(family)
    found = parse_routes(_read("route")) if family != "inet6" else []
    return found + (parse_routes6(_read("ipv6_route")) if family != "inet" else [])


def default_route(family: str | None = None) -> list[dict[str, str]]:
    """Return the routes to everywhere, as :func:`routes` has them.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.default_route inet
    """
    _check(family)
    wanted = {DEFAULTS[one] for one in FAMILIES if family in (None, one)}
    return [route for route in routes(family) if route["destination"] in wanted]


def get_route(ip: str) -> dict[str, str | None]:
    """Return the way to the address *ip*: ``{'destination': ip, 'gateway', 'interface', 'source'}``.

    ``gateway`` is None for one on a network of this host. Raises ``CommandError`` when there is no way.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.get_route 10.10.10.10
    """
    import socket

    from saltern_modules import _rtnetlink
    from saltern_modules._interfaces import address_of

    try:
        path = _rtnetlink.path_to(address_of(ip).packed)
        name = socket.if_indextoname(path.number)
    except OSError as error:
        raise CommandError(f"network.get_route: {ip}: {error.strerror or error}") from None
    return {"destination": ip, "gateway": path.gateway or None, "interface": name, "source": path.source or None}


def arp() -> dict[str, str]:
    """Return the hosts of IPv4 that this one has met: ``{hardware address: address}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.arp
    """
    from saltern_modules._net_tables import parse_arp

    return parse_arp(_read("arp"))


def ip_neighs() -> dict[str, str]:
    """Return the neighbours of IPv4: ``{hardware address: address}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_neighs
    """
    return _neighbours(".")


def ipneighs() -> dict[str, str]:
    """Return what :func:`ip_neighs` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ipneighs
    """
    return ip_neighs()


def ip_neighs6() -> dict[str, str]:
    """Return the neighbours of IPv6: ``{hardware address: address}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ip_neighs6
    """
    return _neighbours(":")


def ipneighs6() -> dict[str, str]:
    """Return what :func:`ip_neighs6` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' network.ipneighs6
    """
    return ip_neighs6()


def _neighbours(mark: str) -> dict[str, str]:
    from saltern_modules import _rtnetlink

    try:
        found = _rtnetlink.neighbours()
    except OSError as error:
        raise CommandError(f"network: the kernel doesn't tell the neighbours: {error}") from None
    return {one.hwaddr: one.address for one in found if mark in one.address and one.hwaddr}


def _check(family: str | None) -> None:
    if family is not None and family not in FAMILIES:
        raise CommandError(f"Invalid address family {family}")


def _root() -> str:
    return str(__opts__.get("proc_root") or "/proc")


def _read(name: str) -> str:
    """Return the kernel's table *name*, ``""`` when it has none: a kernel without IPv6."""
    try:
        with open(f"{_root()}/{network_root(_root())}/{name}", "rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _programs() -> dict[str, str]:
    """Return ``{inode of a socket: 'pid/program'}``, as far as we may see; of several that have it, the oldest."""
    root = _root()
    found: dict[str, str] = {}
    for pid in sorted(int(name) for name in os.listdir(root) if name.isdigit()):
        inodes = list(_inodes(f"{root}/{pid}/fd"))
        name = _name(f"{root}/{pid}/cmdline") if inodes else ""
        for inode in inodes:
            found.setdefault(inode, f"{pid}/{name}")
    return found


def _inodes(folder: str) -> Iterator[str]:
    """Yield the inodes of the sockets that a process has open; none when it has ended, or is somebody else's."""
    with contextlib.suppress(OSError):
        for number in os.listdir(folder):
            with contextlib.suppress(OSError):  # it was closed meanwhile
                target = os.readlink(f"{folder}/{number}")
                if target.startswith("socket:["):
                    yield target[len("socket:[") : -1]


def _name(path: str) -> str:
    try:
        with open(path, "rb") as file:
            words = file.read(4096).split(b"\0", 1)[0].split()
    except OSError:
        words = []
    return (words[0].rsplit(b"/", 1)[-1] if words else b"-").decode("utf-8", "replace")
