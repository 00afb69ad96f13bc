"""Why the master isn't reached: each cause has a line of its own, because each has another cure."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping

from saltern.named import NamedTuple

NAME = "name"
"""The master's name has no address."""
REFUSED = "refused"
"""Nothing listens on the port."""
UNREACHABLE = "unreachable"
"""There is no way to the address, or a firewall forbids it."""
SILENT = "silent"
"""Nothing comes back: packets are dropped, or what accepts connections does not answer."""
KEY = "key"
"""It is known that the master there has another key than the pinned one."""
STRANGE = "strange"
"""What listens there is no saltern-master."""
CUT = "cut"
"""The connection ends before the master has answered."""
NOT_ADMITTED = "not admitted"
"""The key isn't accepted, or not yet: a handshake with the port for jobs fails."""
DOUBT = "doubt"
"""Nothing is known yet."""
NO_THREAD = "no thread"
"""This host has no thread left to look for the master in."""

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EACCES, errno.EPERM}


class Cause(NamedTuple):
    """One of the kinds above, and the sentence about it."""

    kind: str
    text: str


def of_name(host: str, error: Exception) -> Cause:
    """Return why the lookup of the name *host* failed with *error* (``socket.gaierror``, ``UnicodeError``)."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Cause(NAME, f"the name {host!r} can't be looked up now: no name server answers; see /etc/resolv.conf")
    words = error.strerror if isinstance(error, socket.gaierror) and error.strerror else str(error)
    return Cause(
        NAME, f"the name {host!r} has no address ({words}): is it spelled right, and known in DNS or /etc/hosts?"
    )


def of_addresses(failed: Mapping[str, int]) -> Cause:
    """Return why none of the addresses takes connections: *failed* has the ``errno`` of each."""
    numbers = set(failed.values())
    each = ", ".join(f"{address}: {_words(number)}" for address, number in failed.items())
    if errno.ECONNREFUSED in numbers:
        return Cause(REFUSED, f"the connection is refused ({each}): does saltern-master run there, on this port?")
    if errno.ECONNRESET in numbers:
        return Cause(CUT, f"the connection is cut as soon as it is made ({each}): what is between?")
    if errno.ETIMEDOUT in numbers:
        return Cause(SILENT, f"silence ({each}): the host is off, or a firewall drops the packets to this port")
    if numbers & _UNREACHABLE:
        return Cause(UNREACHABLE, f"it can't be reached from here ({each}): is the network up, and the address right?")
    return Cause(UNREACHABLE, f"it can't be connected to ({each})")


def _words(number: int) -> str:
    return "no answer" if number == errno.ETIMEDOUT else os.strerror(number).lower()
