"""Sockets, routes and neighbours, as the kernel's tables in ``/proc/net`` have them (proc_pid_net(5)).

Addresses in them are hexadecimal words of 32 bits in the host's byte order, ports and counts hexadecimal numbers.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

from saltern.named import NamedTuple

ESTABLISHED = 1
STATES = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",
)

FLAGS4 = ((0x2, "G"), (0x4, "H"), (0x8, "R"), (0x10, "D"), (0x20, "M"))
FLAGS6 = (
    (0x2, "G"),
    (0x4, "H"),
    (0x10000, "D"),
    (0x40000, "A"),
    (0x1000000, "C"),
    (0x20000, "a"),
    (0x400000, "e"),
    (0x20, "m"),
    (0x200000, "n"),
    (0x2000000, "f"),
)
REJECTED = 0x200


class Socket(NamedTuple):
    """A socket of TCP or UDP; *state* is the kernel's number."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: int
    received: int
    sent: int
    uid: str
    inode: str

    @property
    def local_end(self) -> str:
        """Address and port, ``*`` for none, as netstat(8) writes them."""
        return f"{self.local}:{self.local_port or '*'}"

    @property
    def remote_end(self) -> str:
        """The other end's."""
        return f"{self.remote}:{self.remote_port or '*'}"


def parse_sockets(text: str) -> Iterator[Socket]:
    """Yield the sockets in the text of ``tcp``, ``udp`` and their like, lines of another form left out."""
    for line in text.split("\n"):
        fields = line.split()
        try:
            local, local_port = _end(fields[1])
            remote, remote_port = _end(fields[2])
            sent, _, received = fields[4].partition(":")
            yield Socket(
                local,
                local_port,
                remote,
                remote_port,
                int(fields[3], 16),
                int(received, 16),
                int(sent, 16),
                fields[7],
                fields[9],
            )
        except (IndexError, ValueError):
            continue


def parse_routes(text: str) -> list[dict[str, str]]:
    """Return the routes of IPv4 in the text of ``route``, as ``netstat -rn`` tells them."""
    found = []
    for line in text.split("\n"):
        fields = line.split()
        try:
            destination, gateway, mask = (_address(fields[at]) for at in (1, 2, 7))
            flags = int(fields[3], 16)
        except (IndexError, ValueError):
            continue
        by, interface = ("-", "-") if flags & REJECTED else (gateway, fields[0])
        found.append(_route("inet", destination, by, mask, _flags(flags, FLAGS4), interface))
    return found


def parse_routes6(text: str) -> list[dict[str, str]]:
    """Return the routes of IPv6 in the text of ``ipv6_route``, as ``netstat -A inet6 -rn`` tells them."""
    found = []
    for line in text.split("\n"):
        fields = line.split()
        try:
            destination = f"{_plain6(fields[0])}/{int(fields[1], 16)}"
            gateway, flags = _plain6(fields[4]), int(fields[8], 16)
            found.append(_route("inet6", destination, gateway, "", _flags(flags, FLAGS6), fields[9]))
        except (IndexError, ValueError):
            continue
    return found


def parse_arp(text: str) -> dict[str, str]:
    """Return ``{hardware address: address}`` by the text of ``arp``; ``<incomplete>`` is of one that doesn't answer."""
    found = {}
    for line in text.split("\n")[1:]:
        fields = line.split()
        if len(fields) >= 6:
            known = fields[2] not in ("0x0", "0x00")
            found[fields[3] if known else "<incomplete>"] = fields[0]
    return found


def _route(family: str, destination: str, gateway: str, netmask: str, flags: str, interface: str) -> dict[str, str]:
    return {
        "addr_family": family,
        "destination": destination,
        "gateway": gateway,
        "netmask": netmask,
        "flags": flags,
        "interface": interface,
    }


def _flags(flags: int, letters: tuple[tuple[int, str], ...]) -> str:
    first = "!" if flags & REJECTED else "U"
    return first + "".join(letter for bit, letter in letters if flags & bit)


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    return _address(address), int(port, 16)


def _address(text: str) -> str:
    """Return an address of the table; one of IPv4 in IPv6 as IPv4's."""
    data = bytes.fromhex(text)
    if len(data) not in (4, 16):
        raise ValueError(text)
    if sys.byteorder == "little":
        data = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
    if len(data) == 4:
        return socket.inet_ntop(socket.AF_INET, data)
    if data.startswith(bytes(10) + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, data[12:])
    return socket.inet_ntop(socket.AF_INET6, data)


def _plain6(text: str) -> str:
    """Return an address of ``ipv6_route``, whose bytes are in order."""
    data = bytes.fromhex(text)
    if len(data) != 16:
        raise ValueError(text)
    return socket.inet_ntop(socket.AF_INET6, data)
