"""What speaks against a host name that agents are sent to, as far as it can be seen from the master's own host."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterator

from saltern.ids import names_every_host

LOOKUP_S = 3.0


def doubts(host: str, interface: str) -> Iterator[str]:
    """Yield a line for each reason why agents on other hosts might not find a master at *host*.

    *interface*: where the master listens.
    """
    if names_every_host(host) or _is_loopback(host) or _is_wildcard(host):
        yield f"{host} is another host for each agent, its own: name this host by --host as the agents know it"
        return
    if _is_loopback(interface):
        yield f"the master listens on {interface} alone, which other hosts can't reach: see its option interface"
    problem = _lookup_problem(host)
    if problem:
        yield f"the name {host!r} {problem}: agents who don't know it better won't find this master; see --host"


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_wildcard(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_unspecified
    except ValueError:
        return False


def _lookup_problem(host: str) -> str:
    """Return why *host* can't be looked up, ``""`` when it can; that is waited for ``LOOKUP_S`` at most."""
    found: list[str] = []

    def look() -> None:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.append("")
        except (OSError, UnicodeError) as error:
            found.append(f"has no address here ({getattr(error, 'strerror', None) or error})")

    thread = threading.Thread(target=look, name="lookup", daemon=True)
    thread.start()
    thread.join(LOOKUP_S)
    return found[0] if found else f"could not be looked up here within {LOOKUP_S:g} s"
