"""Ports of loopback that are free."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import socket
from collections.abc import Iterator

PORTS = 10_240, 32_768
SHARES = 8
"""Of the ports, for so many workers of xdist beside each other."""


def _share() -> Iterator[int]:
    """Yield this worker's ports in an order by chance, none twice before all were.

    What takes one a moment after it was chosen here finds that no other test, of this worker or another, chose it too.
    """
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES
    ports = range(PORTS[0] + own, PORTS[1], SHARES)
    return itertools.cycle(random.SystemRandom().sample(ports, len(ports)))


_PORTS = _share()


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that is free now, for programs that can't choose one themselves.

    It is none of those that the system gives to outgoing connections: one of a test beside us may have it a moment
    later.
    """
    while True:
        port = next(_PORTS)
        with socket.socket(socket.AF_INET, kind) as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Tell whether 127.0.0.1:*port* takes connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
