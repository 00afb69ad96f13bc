"""What asks for a user's password: the interface that each driver fills."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol


class Identity(NamedTuple):
    """Someone who proved who he is: his name as the driver knows it, and the groups that it says he is in.

    *entries*: what the driver itself grants him, in the form of ``external_auth``.
    """

    name: str
    groups: frozenset[str] = frozenset()
    entries: Sequence[Any] = ()


class Driver(Protocol):
    """One way to ask. Made once for each start of the master and whenever its options change."""

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return who *username* is, when *password* is his and his account may be used now; else ``None``.

        May block. Raises ``ChannelError`` when it can't be found out: a server that isn't there, a file that can't be
        read.
        """
