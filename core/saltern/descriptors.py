"""File descriptors are for connections only as far as what else a process opens can spare them.

A crowd of clients must never keep a process from its own files. So each port takes only its share of what the process
may open, and turns the rest away.
"""

from __future__ import annotations

import asyncio
import errno
import resource
from typing import Any

from saltern.complaints import Complaints

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def most_descriptors() -> int:
    """Return how many descriptors this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def connections_that_fit(wanted: int, ports: int, kept: int) -> int:
    """Return how many connections each of *ports* ports may have: *wanted*, or as many as descriptors allow.

    *kept*: for everything that is no connection; at most half of all, as a small limit is shared.
    """
    most = most_descriptors()
    return max(1, min(wanted, (most - min(kept, most // 2)) // ports))


def accept_quietly(loop: asyncio.AbstractEventLoop, notices: Complaints) -> None:
    """Have *loop* say only now and then that no descriptor was left for a new connection.

    A burst can use them all up before the surplus is turned away. asyncio then tries again after a second, but
    first writes hundreds of tracebacks, one for each place in the queue of the listening socket.
    """

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            why = f"{error.strerror}; {most_descriptors()} descriptors may be open"
            notices.say("descriptors", "new connections wait: %s", why)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
