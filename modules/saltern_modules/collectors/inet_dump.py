"""The kernel's dump of TCP sockets over netlink (sock_diag(7)): not a collector, but a source of one.

A request is an ``nlmsghdr`` and an ``inet_diag_req``; each answer an ``nlmsghdr`` and an ``inet_diag_msg``
(include/uapi/linux/inet_diag.h), in the host's byte order::

    nlmsghdr       u32 length | u16 type | u16 flags | u32 sequence | u32 port
    inet_diag_req  u8 family | u8 source_len | u8 dest_len | u8 extensions | 48 bytes id | u32 states | u32 dump
    inet_diag_msg  u8 family | u8 state | u8 timer | u8 retrans | …

The request is the older of the two kinds that the kernel takes (``TCPDIAG_GETSOCK``): it alone answers
for IPv4 and IPv6 in a single walk of the table.
"""

from __future__ import annotations

import socket
import struct

NETLINK_SOCK_DIAG = 4
TCPDIAG_GETSOCK = 18
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300
TIME_WAIT = 6
WANTED_STATES = 0xFFFFFFFF & ~(1 << TIME_WAIT)
"""A busy host has thousands of closed connections in ``TIME_WAIT``; ``sockstat`` counts them for nothing."""
HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBB48xII")
STATE_OFFSET = HEADER.size + 1
RECEIVE_BYTES = 1 << 16
TIMEOUT_S = 0.5


def request() -> bytes:
    """Return the message that asks for every TCP socket but those in ``TIME_WAIT``."""
    body = REQUEST.pack(socket.AF_INET, 0, 0, 0, WANTED_STATES, 0)
    header = HEADER.pack(HEADER.size + len(body), TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    return header + body


def parse(data: bytes) -> tuple[list[int], bool]:
    """Return the states of the sockets in one datagram of an answer, and whether it was the last.

    Raises ``OSError`` when the kernel refused, or when *data* is not of this form.
    """
    states: list[int] = []
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if kind == NLMSG_DONE:
            return states, True
        if kind == NLMSG_ERROR or not STATE_OFFSET < length <= len(data) - at:
            raise OSError("the kernel refused to dump its sockets")
        states.append(data[at + STATE_OFFSET])
        at += (length + 3) & ~3
    return states, not data


def tcp_states(limit: int) -> list[int]:
    """Return the state of each TCP socket of the host as the kernel's number, *limit* of them or a few more.

    Those in ``TIME_WAIT`` are left out.

    Raises ``OSError`` where netlink is not to be had.
    """
    states: list[int] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as link:
        link.settimeout(TIMEOUT_S)
        link.send(request())
        done = False
        while not done and len(states) < limit:
            more, done = parse(link.recv(RECEIVE_BYTES))
            states += more
    return states
