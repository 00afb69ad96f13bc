"""Links, addresses, neighbours and routes as the kernel tells them over netlink (rtnetlink(7)).

A request is an ``nlmsghdr`` and a family's own header; each answer likewise, with attributes behind, in the host's
byte order::

    nlmsghdr   u32 length | u16 type | u16 flags | u32 sequence | u32 port
    ifinfomsg  u8 family | u8 – | u16 type | i32 index | u32 flags | u32 change
    ifaddrmsg  u8 family | u8 prefix length | u8 flags | u8 scope | u32 index
    ndmsg      u8 family | 3 bytes – | i32 index | u16 state | u8 flags | u8 type
    rtmsg      u8 family | u8 to | u8 from | u8 tos | u8 table | u8 protocol | u8 scope | u8 type | u32 flags
    rtattr     u16 length | u16 type | value, padded to 4 bytes
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator

from saltern.named import NamedTuple

HEADER = struct.Struct("=IHHII")
LINK = struct.Struct("=BxHiII")
ADDRESS = struct.Struct("=BBBBI")
NEIGHBOUR = struct.Struct("=B3xiHBB")
ROUTE = struct.Struct("=BBBBBBBBI")
ATTRIBUTE = struct.Struct("=HH")

NEW_LINK, GET_LINK = 16, 18
NEW_ADDRESS, GET_ADDRESS = 20, 22
NEW_ROUTE, GET_ROUTE = 24, 26
NEW_NEIGHBOUR, GET_NEIGHBOUR = 28, 30
ERROR, DONE = 2, 3
REQUEST, DUMP = 0x001, 0x300

IS_UP = 1
SECONDARY = 1
NO_ARP = 0x40
"""A neighbour that needs no asking: multicast, loopback."""

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
IPV4_LINKS = frozenset({768, 776, 778})
IPV6_LINKS = frozenset({769, 823})
"""Tunnels, by the kernel's numbers (include/uapi/linux/if_arp.h): their hardware address is an IP address."""

RECEIVE_BYTES = 1 << 16
TIMEOUT_S = 10


class Link(NamedTuple):
    """A network interface."""

    number: int
    name: str
    up: bool
    parent: str
    """Of a part of another: that one's name, ``if`` and its number in another namespace, or ``NONE``; else empty."""

    hwaddr: str


class Address(NamedTuple):
    """An address of an interface; *label* and *broadcast* may be empty."""

    number: int
    family: int
    address: str
    length: int
    scope: str
    secondary: bool
    label: str
    broadcast: str


class Neighbour(NamedTuple):
    """Another host on a link; *hwaddr* is empty while it isn't known."""

    number: int
    address: str
    hwaddr: str


class Path(NamedTuple):
    """The way to an address; *gateway* and *source* may be empty."""

    gateway: str
    number: int
    source: str


def links() -> list[Link]:
    """Return the interfaces, in the kernel's order. Raises ``OSError``."""
    return parse_links(_asked(GET_LINK, DUMP, LINK.pack(0, 0, 0, 0, 0)))


def addresses() -> list[Address]:
    """Return all addresses. Raises ``OSError``."""
    return parse_addresses(_asked(GET_ADDRESS, DUMP, ADDRESS.pack(0, 0, 0, 0, 0)))


def neighbours() -> list[Neighbour]:
    """Return the neighbours. Raises ``OSError``."""
    return parse_neighbours(_asked(GET_NEIGHBOUR, DUMP, NEIGHBOUR.pack(0, 0, 0, 0, 0)))


def path_to(address: bytes) -> Path:
    """Return the way to *address*, packed. Raises ``OSError`` when there is none."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    to = ATTRIBUTE.pack(ATTRIBUTE.size + len(address), 1) + address
    body = ROUTE.pack(family, 8 * len(address), 0, 0, 0, 0, 0, 0, 0) + to
    for kind, data in _messages(_asked(GET_ROUTE, 0, body)):
        if kind == NEW_ROUTE and len(data) >= ROUTE.size:
            found = _attributes(data[ROUTE.size :])
            number = int.from_bytes(found.get(4, b""), sys.byteorder)
            via = found.get(5) or found.get(18, b"")[2:]  # RTA_VIA: a gateway of another family
            return Path(_ip(via), number, _ip(found.get(7, b"")))
    raise OSError("the kernel doesn't say")


def parse_links(data: bytes) -> list[Link]:
    """Return the interfaces in the answers *data*, what isn't one left out."""
    found = []
    rows = [
        (*LINK.unpack_from(body), _attributes(body[LINK.size :]))
        for kind, body in _messages(data)
        if kind == NEW_LINK and len(body) >= LINK.size
    ]
    names = {row[2]: _text(row[5].get(3, b"")) for row in rows}
    for _, kind, index, flags, _, attributes in rows:
        parent = ""
        if len(attributes.get(5, b"")) == 4:
            above = int.from_bytes(attributes[5], sys.byteorder)
            elsewhere = 37 in attributes
            parent = "NONE" if above == 0 else names.get(above, "") if not elsewhere else ""
            parent = parent or f"if{above}"
        found.append(Link(index, names[index], bool(flags & IS_UP), parent, _hwaddr(attributes.get(1, b""), kind)))
    return found


def parse_addresses(data: bytes) -> list[Address]:
    """Return the addresses in the answers *data*, what isn't one left out."""
    found = []
    for kind, body in _messages(data):
        if kind != NEW_ADDRESS or len(body) < ADDRESS.size:
            continue
        family, length, flags, scope, index = ADDRESS.unpack_from(body)
        attributes = _attributes(body[ADDRESS.size :])
        local = attributes.get(2) or attributes.get(1, b"")
        if len(local) != {socket.AF_INET: 4, socket.AF_INET6: 16}.get(family):
            continue
        if attributes.get(1, local) != local:
            length = 8 * len(local)  # the length is that of the other end's network
        found.append(
            Address(
                index,
                family,
                _ip(local),
                length,
                SCOPES.get(scope, str(scope)),
                family == socket.AF_INET and bool(flags & SECONDARY),
                _text(attributes.get(3, b"")),
                _ip(attributes.get(4, b"")),
            )
        )
    return found


def parse_neighbours(data: bytes) -> list[Neighbour]:
    """Return the neighbours in the answers *data*, what isn't one left out."""
    found = []
    for kind, body in _messages(data):
        if kind != NEW_NEIGHBOUR or len(body) < NEIGHBOUR.size:
            continue
        _, index, state, _, _ = NEIGHBOUR.unpack_from(body)
        attributes = _attributes(body[NEIGHBOUR.size :])
        if (address := _ip(attributes.get(1, b""))) and state and not state & NO_ARP:
            found.append(Neighbour(index, address, _hwaddr(attributes.get(2, b""), 0)))
    return found


def _asked(kind: int, flags: int, body: bytes) -> bytes:
    """Return all answers to a request. Raises ``OSError``."""
    answers = b""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as channel:
        channel.settimeout(TIMEOUT_S)
        channel.sendto(HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 1, 0) + body, (0, 0))
        while True:
            data, (sender, _) = channel.recvfrom(RECEIVE_BYTES)
            if sender != 0:
                continue
            answers += data
            for said, about in _messages(data):
                if said == ERROR and len(about) >= 4:
                    number = -int.from_bytes(about[:4], sys.byteorder, signed=True)
                    if number:
                        raise OSError(number, os.strerror(number))
                if said in (ERROR, DONE) or not flags:
                    return answers


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        yield kind, data[at + HEADER.size : at + length]
        at += (length + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _ip(data: bytes) -> str:
    if len(data) not in (4, 16):
        return ""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


def _hwaddr(data: bytes, kind: int) -> str:
    if (len(data) == 4 and kind in IPV4_LINKS) or (len(data) == 16 and kind in IPV6_LINKS):
        return _ip(data)
    return data.hex(":")


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace")
