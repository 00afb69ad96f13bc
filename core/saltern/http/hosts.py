"""Under which names the server answers: not under any that someone else may have pointed at it.

A page of evil.example can have that name mean 127.0.0.1 from one moment to the next (DNS rebinding). To a browser what
is there then is of the page's own origin, and the page may read all of it; but the request still says ``Host:
evil.example``. Addresses can't be pointed anywhere, and this machine's names are its own.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

ANY = "*"
Refuse = Callable[[int, str], ASGIApp]
"""Makes the answer to what is refused before it is asked, of a status and one line: in an application's own form."""
_PORT = re.compile("[0-9]*")
_MAX_CHARS = 100  # of a name, in a complaint


class Hosts:
    """The names that requests may ask for: those *given*, ``localhost`` and this machine's; :data:`ANY`: all."""

    def __init__(self, given: Iterable[str] = ()) -> None:
        self._names = {"localhost", *map(_plain, (*given, socket.gethostname()))}

    def add(self, name: str) -> None:
        """Answer under *name* too."""
        self._names.add(_plain(name))

    def admit(self, host: str) -> bool:
        """Whether *host*, a ``Host`` header with or without a port, is an address or one of the names."""
        name = split_host(host)[0]
        return ANY in self._names or _plain(name) in self._names or _is_address(name)


class KnownHost:
    """*app* for requests to one of *hosts*; others get 421 and are counted.

    HTTP/1.0 has no ``Host``, and no browser speaks it; without one, HTTP/1.1 gets 400.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, count: Callable[[str], None], refuse: Refuse, more_names: str
    ) -> None:
        """*more_names*: how an operator has it answer under another name, as messages say it."""
        self._app = app
        self._hosts = hosts
        self._count = count
        self._refuse = refuse
        self._more_names = more_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1:
            if self._hosts.admit(hosts[0]):
                await self._app(scope, receive, send)
                return
            answer = self._refuse(421, self._refusal(split_host(hosts[0])[0]))
        elif not hosts and scope.get("http_version") == "1.0":
            await self._app(scope, receive, send)
            return
        else:
            answer = self._refuse(400, f"a request has one Host header, not {len(hosts)}")
        self._count("requestsMisdirected")
        await answer(scope, receive, send)

    def _refusal(self, name: str) -> str:
        shown = ascii(name[:_MAX_CHARS])
        by = f"ask by its address or host name, or {self._more_names}"
        return f"this server does not answer under the name {shown}: {by}"


def split_host(authority: str) -> tuple[str, str]:
    """Return name and port of ``name``, ``name:port``, ``[address]`` or ``[address]:port``; without a port ``""``."""
    name, colon, port = authority.rpartition(":")
    return (name, port) if colon and _PORT.fullmatch(port) else (authority, "")


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        address = ipaddress.ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return False
    return bracketed == (address.version == 6)
