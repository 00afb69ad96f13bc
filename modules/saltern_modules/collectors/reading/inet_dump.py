"""The kernel's dump of TCP sockets over netlink (sock_diag(7)): not a collector, but a source of one.

A request is an ``nlmsghdr`` and an ``inet_diag_req``; each answer an ``nlmsghdr`` and an ``inet_diag_msg``
(include/uapi/linux/inet_diag.h), in the host's byte order::

    nlmsghdr       u32 length | u16 type | u16 flags | u32 sequence | u32 port
    inet_diag_req  u8 family | u8 source_len | u8 dest_len | u8 extensions | 48 bytes id | u32 states | u32 dump
    inet_diag_msg  u8 family | u8 state | u8 timer | u8 retrans | …

The request is the older of the two kinds that the kernel takes (``TCPDIAG_GETSOCK``): it alone answers
for IPv4 and IPv6 in a single walk of the table. That walk is what an idle host pays for: the table is sized by memory,
2 MiB on a host with 24 GiB. Each state that isn't asked for saves its sockets' messages; ``BOUND_INACTIVE``, which
newer kernels take all unknown bits to ask for, a second table of that size.
"""

from __future__ import annotations

import socket
import struct

from saltern.named import NamedTuple

NETLINK_SOCK_DIAG = 4
TCPDIAG_GETSOCK = 18
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_REQUEST = 0x001
NLM_F_DUMP = 0x300

ESTABLISHED, TIME_WAIT = 1, 6
"""Of the states that the kernel numbers from 1 to 12 (include/net/tcp_states.h)."""

TIMER_TIME_WAIT = 3
"""What ``timer`` says of what is no socket any more, but the memory of one (``inet_timewait_sock``)."""

ALL_STATES = 0x1FFE
RARE_STATES = ALL_STATES & ~(1 << ESTABLISHED | 1 << TIME_WAIT)
"""A busy host has thousands of sockets in those two, and ``sockstat`` tells their numbers for nothing."""

HEADER = struct.Struct("=IHHII")
REQUEST = struct.Struct("=BBBB48xII")
STATE_OFFSET, TIMER_OFFSET = HEADER.size + 1, HEADER.size + 2
RECEIVE_BYTES = 1 << 15  # the kernel makes no larger datagrams
TIMEOUT_S = 0.5
_TIMEVAL = struct.Struct("@ll")


def request(wanted: int) -> bytes:
    """Return the message that asks for every TCP socket in a state whose bit is set in *wanted*."""
    body = REQUEST.pack(socket.AF_INET, 0, 0, 0, wanted, 0)
    header = HEADER.pack(HEADER.size + len(body), TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0)
    return header + body


class States(NamedTuple):
    """The state of each, as the kernel's number: of *sockets*, and of the *memories* of some."""

    sockets: bytes
    memories: bytes


def parse(data: bytes) -> tuple[States, bool]:
    """Return what is in one datagram of an answer, and whether it was the last.

    Raises ``OSError`` when the kernel refused, or when *data* is not of this form.
    """
    sockets, memories = bytearray(), bytearray()
    at = 0
    done = not data
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        if kind == NLMSG_DONE:
            done = True
            break
        if kind == NLMSG_ERROR or not TIMER_OFFSET < length <= len(data) - at:
            raise OSError("the kernel refused to dump its sockets")
        kept = memories if data[at + TIMER_OFFSET] == TIMER_TIME_WAIT else sockets
        kept.append(data[at + STATE_OFFSET])
        at += (length + 3) & ~3
    return States(bytes(sockets), bytes(memories)), done


class InetDump:
    """A socket to ask the kernel by, kept open between questions."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def tcp_states(self, wanted: int, limit: int) -> States:
        """Return the state of each TCP socket of the host that is in a state whose bit is set in *wanted*.

        About *limit* of them at most. Raises ``OSError`` where netlink is not to be had.
        """
        sockets = memories = b""
        done = False
        link = self._socket or self._open()
        try:
            link.send(request(wanted))
            while not done and len(sockets) + len(memories) < limit:
                more, done = parse(link.recv(RECEIVE_BYTES))
                sockets += more.sockets
                memories += more.memories
        finally:
            if not done:
                self.close()  # the rest would be taken for the next answer
        return States(sockets, memories)

    def close(self) -> None:
        """Give the socket back; the next question opens it again."""
        link, self._socket = self._socket, None
        if link is not None:
            link.close()

    def __del__(self) -> None:
        self.close()

    def _open(self) -> socket.socket:
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
        # By the kernel, as Python's own timeout is one more system call for each datagram.
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(0, int(TIMEOUT_S * 1_000_000)))
        self._socket = link
        return link
