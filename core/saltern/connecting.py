"""What the Python API's clients have in common: connections to the master, which another thread may end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Self

from saltern.credentials import split_credentials
from saltern.local import Access, LocalConnection


class Connecting:
    """A client of the master whose options are *opts*, usable in a ``with`` block.

    *auth*, *origin*: of who logs in, as in ``saltern.local.Access``; this user otherwise.
    """

    def __init__(self, opts: Any, auth: Mapping[str, Any] | None = None, origin: str = "") -> None:
        self.opts = opts
        self.auth = auth or {}
        self.origin = origin
        self._open: set[LocalConnection] = set()

    @property
    def access(self) -> Access:
        """The way to the master."""
        return Access(self.opts["sock_dir"], self.auth, self.origin)

    def logged_in(self, keywords: Mapping[str, Any]) -> tuple[Self, dict[str, Any]]:
        """Return the client that calls as who logs in by the credentials in *keywords*, and what else is in these.

        It is this one where there are none; ``interrupt`` ends the calls of both. Raises ``ArgumentError``.
        """
        auth, others = split_credentials(keywords)
        if not auth:
            return self, others
        client = copy(self)
        client.auth = auth
        return client, others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    def destroy(self) -> None:
        """End the calls under way."""
        self.interrupt()

    def interrupt(self) -> None:
        """End the calls under way, from another thread: they raise ``ChannelError``."""
        for connection in list(self._open):
            connection.interrupt()

    @contextlib.contextmanager
    def connect(self) -> Iterator[LocalConnection]:
        """Have a connection to the master. Raises ``MasterNotRunning``, ``ChannelError``."""
        with LocalConnection(self.access) as connection:
            self._open.add(connection)
            try:
                yield connection
            finally:
                self._open.discard(connection)
