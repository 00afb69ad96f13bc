"""Socket addresses: how they are shown, and what ``[::]`` means."""

from __future__ import annotations

import socket

ANY_IPV6 = "::"
_MAPPED = "::ffff:"  # an IPv4 sender on a socket for both


def show_address(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 host in brackets, an IPv4 one that came over IPv6 as what it is."""
    if host.startswith(_MAPPED) and "." in host:
        host = host[len(_MAPPED) :]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_socket(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a non-blocking socket of *kind* bound to the first address of *host*.

    ``::`` takes IPv4 senders too, whatever the system's default is. Raises ``OSError``.
    """
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != ANY_IPV6))
        sock.bind(where)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
