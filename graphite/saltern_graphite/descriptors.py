"""File descriptors are for connections only as far as log, files and writers can spare them.

A crowd of senders, or of idle browsers, must never keep a point that was accepted from being written. So each
port takes only its share of what the process may open, and turns the rest away.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from saltern.complaints import Complaints
from saltern_graphite.process_usage import most_descriptors

KEPT = 320
"""For everything that is no connection: up to 256 Whisper files that are written at once, the log, files being read,
pipes to writers, sockets. At most half of all: a small limit is shared."""

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


def connections_that_fit(wanted: int, ports: int) -> int:
    """Return how many connections each of *ports* ports may have: *wanted*, or as many as descriptors allow."""
    most = most_descriptors()
    return max(1, min(wanted, (most - min(KEPT, most // 2)) // ports))


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
