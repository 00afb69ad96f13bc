"""Ports of loopback that are free."""

from __future__ import annotations

import contextlib
import random
import socket

PORTS = 10_240, 32_768


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of 127.0.0.1 that is free now, for programs that can't choose one themselves.

    It is none of those that the system gives to outgoing connections: one of a test beside us may have it a moment
    later.
    """
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket(socket.AF_INET, kind) as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Tell whether 127.0.0.1:*port* takes connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
