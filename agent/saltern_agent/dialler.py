"""From the master's name to an address that takes connections, anew at every attempt.

A lookup may take half a minute, so it is made in a thread, one at a time. Of several addresses, whatever their
family, each is tried a moment after the one before it, and the first that takes the connection is it (RFC 8305).
"""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from saltern.named import NamedTuple
from saltern_agent.cause import NO_THREAD, Cause, of_addresses, of_name

MAX_ADDRESSES = 16
NEXT_AFTER_S = 0.25  # RFC 8305, 5: "Connection Attempt Delay"

Lookup = Callable[..., Sequence[tuple[Any, ...]]]
"""As ``socket.getaddrinfo``."""


class Address(NamedTuple):
    """One address: as text, with its zone, and as the kernel takes it."""

    text: str
    family: int
    where: tuple[Any, ...]


class Dialler:
    """Finds where *host* is, to connect to *port* there. *post* runs a call on the loop; all methods are used there.

    *host*: a name, or an address without brackets. *instead*: returns the address to take instead of a lookup, ``""``
    for none. *timeout_s*: for all addresses together.
    """

    def __init__(
        self,
        host: str,
        port: int,
        post: Callable[[Callable[[], None]], None],
        timeout_s: float,
        *,
        instead: Callable[[], str] = lambda: "",
        lookup: Lookup = socket.getaddrinfo,
    ) -> None:
        self.host = host
        self.port = port
        self.is_name = not _is_address(host)
        self._post = post
        self._timeout_s = timeout_s
        self._instead = instead
        self._lookup = lookup
        self._looking = False
        self._good = ""
        self._bad: list[str] = []
        self._then: Callable[[str | Cause], None] = lambda _: None

    def __str__(self) -> str:
        return endpoint(self.host, self.port)

    def find(self, then: Callable[[str | Cause], None], *, trying: bool) -> None:
        """Call *then* on the loop with an address, or with the cause that there is none.

        *trying*: connect to the addresses, and so tell why none takes connections. Otherwise that is done only when
        there are several and none of them was right the last time. An earlier call that is under way answers this one.
        """
        self._then = then
        host = self._instead() or self.host
        if self._looking:
            return
        if _is_address(host) and not trying:
            then(host)
            return
        self._looking = True
        work = partial(self._work, host, self._good, tuple(self._bad), trying=trying)
        try:
            threading.Thread(target=work, name="dialler", daemon=True).start()
        except RuntimeError as error:
            self._looking = False
            then(Cause(NO_THREAD, f"no thread can be started to look for it: {error}"))

    def right(self, address: str) -> None:
        """Note that the master is at *address*."""
        self._good = address
        self._bad = []

    def wrong(self, address: str) -> None:
        """Note that the master isn't at *address*, though it takes connections: the others come first now."""
        self._bad = [address] if address in self._bad else [*self._bad, address][-MAX_ADDRESSES:]

    def _work(self, host: str, good: str, bad: Sequence[str], *, trying: bool) -> None:
        result = find_address(host, self.port, good, bad, self._timeout_s, self._lookup, trying=trying)
        self._post(partial(self._done, result))

    def _done(self, result: str | Cause) -> None:
        self._looking = False
        if isinstance(result, Cause):
            self._bad = []
        then, self._then = self._then, lambda _: None
        then(result)


def find_address(
    host: str, port: int, good: str, bad: Sequence[str], timeout_s: float, lookup: Lookup, *, trying: bool
) -> str | Cause:
    """Return what ``Dialler.find`` tells: the address that was *good* if it still is one, a *bad* one only at last."""
    try:
        found = addresses_of(host, port, lookup)
    except (OSError, UnicodeError) as error:
        return of_name(host, error)
    fresh = [address for address in found if address.text not in bad] or found
    if not trying:
        if len(fresh) == 1:
            return fresh[0].text
        if good in [address.text for address in fresh]:
            return good
    return first_open(fresh, timeout_s)


def addresses_of(host: str, port: int, lookup: Lookup = socket.getaddrinfo) -> list[Address]:
    """Return the addresses of *host* in the system's order. Raises ``OSError``, ``UnicodeError``."""
    found: dict[str, Address] = {}
    # As bytes: of text Python makes what the codec idna does, and that is a megabyte to load.
    for family, _, _, _, where in lookup(host.encode("ascii"), port, type=socket.SOCK_STREAM):
        if family in (socket.AF_INET, socket.AF_INET6):
            text = socket.getnameinfo(where, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
            found.setdefault(text, Address(text, family, where))
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "it has neither an IPv4 nor an IPv6 address")
    return list(found.values())[:MAX_ADDRESSES]


def first_open(addresses: Sequence[Address], timeout_s: float) -> str | Cause:
    """Return the first of *addresses* that takes a connection, or the cause that none does."""
    failed: dict[str, int] = {}
    todo = list(addresses)
    under_way: dict[int, tuple[socket.socket, str]] = {}
    poll = select.poll()
    end = time.monotonic() + timeout_s
    next_at = 0.0
    try:
        while todo or under_way:
            now = time.monotonic()
            if now >= end:
                break
            if todo and (now >= next_at or not under_way):
                next_at = now + NEXT_AFTER_S
                _begin(todo.pop(0), under_way, failed, poll)
                continue
            wait_s = min(end, next_at if todo else end) - now
            for descriptor, _ in poll.poll(wait_s * 1000):
                poll.unregister(descriptor)
                connection, text = under_way.pop(descriptor)
                number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                connection.close()
                if number == 0:
                    return text
                failed[text] = number
                next_at = 0.0
        return of_addresses(_in_order(addresses, failed))
    finally:
        for connection, _ in under_way.values():
            connection.close()


def _begin(
    address: Address, under_way: dict[int, tuple[socket.socket, str]], failed: dict[str, int], poll: select.poll
) -> None:
    try:
        connection = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:  # this kernel has no IPv6, or we no descriptor
        failed[address.text] = error.errno or errno.EIO
        return
    connection.setblocking(False)
    number = connection.connect_ex(address.where)
    if number in (0, errno.EINPROGRESS):
        under_way[connection.fileno()] = connection, address.text
        poll.register(connection.fileno(), select.POLLOUT)
    else:
        connection.close()
        failed[address.text] = number


def _in_order(addresses: Sequence[Address], failed: Mapping[str, int]) -> dict[str, int]:
    """Return what became of each address, in their order; those under way have not answered."""
    return {address.text: failed.get(address.text, errno.ETIMEDOUT) for address in addresses}


def endpoint(host: str, port: int) -> str:
    """Return ZeroMQ's name for a port: ``tcp://host:port``, ``tcp://[address]:port``."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _is_address(host: str) -> bool:
    """Return whether *host* is an address, so that nobody has to be asked for it."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return True
    return False
