"""What the Python API's clients have in common: connections to the master, which another thread may end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Self

from saltern.local import LocalConnection


class Connecting:
    """A client of the master whose options are *opts*, usable in a ``with`` block."""

    def __init__(self, opts: Any) -> None:
        self.opts = opts
        self._open: set[LocalConnection] = set()

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
        with LocalConnection(self.opts["sock_dir"]) as connection:
            self._open.add(connection)
            try:
                yield connection
            finally:
                self._open.discard(connection)
