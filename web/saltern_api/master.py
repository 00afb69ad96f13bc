"""What the API asks of a master; ``saltern.netapi`` is the driver, tests have one of their own.

Each request gets a client of its own, used by one thread; another may interrupt it. A call raises an error of
``saltern.errors``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from saltern.config import MasterOptions
from saltern.errors import ChannelError
from saltern.local import Access, LocalConnection

LOOKS_S = 1.0
Low = dict[str, Any]
"""One chunk of a lowstate: what one client is to do."""


class Begun(Protocol):
    """A chunk that was accepted and is under way.

    ``kind`` is ``"value"`` (``value`` is what it gave), ``"map"`` (``parts()`` are the pairs of one object) or
    ``"list"`` (``parts()`` are elements of ``return`` each).
    """

    kind: str
    value: Any

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def parts(self) -> Iterator[Any]:
        """Yield what comes of the others, as it comes."""
        ...


class Client(Protocol):
    """One caller at one master; usable in a ``with`` block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def interrupt(self) -> None:
        """End a call under way, from another thread."""
        ...

    def login(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new session: ``token``, ``expire``, ``start``, ``user``, ``eauth``, ``perms``."""
        ...

    def logout(self, token: str) -> None:
        """End a session."""
        ...

    def mk_token(self, credentials: Mapping[str, Any]) -> dict[str, Any]:
        """Return a new token that is no session: ``start``, ``expire``, ``name``, ``eauth``, ``token``."""
        ...

    def session(self, token: str) -> dict[str, Any]:
        """Return whose session it is: ``user``, ``eauth``, ``principal``, ``expire``."""
        ...

    def series(self, token: str, seen: str) -> Mapping[str, Any]:
        """Return which series and events who has *token* sees, or that it is what he has *seen*: ``login.series``."""
        ...

    def begin(self, low: Mapping[str, Any], session: str = "") -> Begun:
        """Begin a chunk for a session, or for the credentials that are in it."""
        ...

    def hook(self, token: str, path: str, body: str, post: Any, headers: Mapping[str, str]) -> object:
        """Fire ``salt/netapi/hook/<path>``; without a session, ``""``, where that is allowed."""
        ...


class Master(Protocol):
    """Where clients come from."""

    def client(self, address: str) -> Client:
        """Return a client for a caller at *address*."""
        ...

    def is_there(self) -> bool:
        """Return whether a master answers."""
        ...


class LocalMaster:
    """The master on this host."""

    def __init__(self, options: MasterOptions) -> None:
        self._options = options

    def client(self, address: str) -> Client:
        """Return a client for a caller at *address*."""
        from saltern.netapi import NetapiClient

        client: Client = NetapiClient(self._options, address=address)
        return client

    def is_there(self) -> bool:
        """Return whether a master answers."""
        nobody = Access(self._options["sock_dir"], {"token": ""})
        try:
            with LocalConnection(nobody, LOOKS_S) as connection:
                connection.send({"command": "login.about", "args": [], "kwargs": {}})
                return connection.receive(LOOKS_S) is not None  # one that hangs is connected to, too
        except ChannelError:
            return False
