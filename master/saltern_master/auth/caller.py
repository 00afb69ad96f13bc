"""Who calls: a user of this host, a minion, or someone who logged in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

BY = "\n"
"""Before a token's id, where something is a token's: it is in no name."""
TOKEN_ID_CHARS = 12


class Kind(Enum):
    """Where a caller's name is from. Names of different kinds are never equal."""

    LOCAL = "local"
    """A user of the master's host, as the kernel says."""
    MINION = "minion"
    """A minion, as the key of its connection proves."""
    LOGIN = "login"
    """Someone who logged in, as a driver of ``external_auth`` or a token says."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. *name* means something together with *kind* alone, and *source*; ``principal`` is all of them."""

    kind: Kind
    name: str
    uid: int = -1
    """The user's number; -1 for who isn't a user of this host."""
    key: str = field(default="", compare=False, repr=False)
    """The key of a minion's connection."""
    source: str = ""
    """By what someone logged in: ``pam``, ``ldap``, ``file``; ``token`` for a program with a token of its own."""
    groups: frozenset[str] = field(default=frozenset(), compare=False)
    """The groups that *source* says someone who logged in is in."""
    entries: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    """What *source* itself grants him, in the form of ``external_auth``."""
    token: str = field(default="", compare=False, repr=False)
    """The digest of the token that someone showed, if it was one: his rights end with it."""
    scope: tuple[Any, ...] | None = field(default=None, compare=False, repr=False)
    """Entries that the token is good for, of what he may; ``None``: all of it."""
    address: str = field(default="", compare=False)
    """Where someone who logged in called from."""

    @property
    def principal(self) -> str:
        """The name that rights, bounds and the audit go by: ``local:fred``, ``minion:web1``, ``ldap:fred``."""
        return f"{self.source or self.kind.value}:{self.name}"

    @property
    def holder(self) -> str:
        """Whose is what he begins: his; by a token that is good for a part of what he may, that token's alone, too."""
        return self.principal if self.scope is None else f"{self.principal}{BY}{self.token[:TOKEN_ID_CHARS]}"

    @property
    def provenance(self) -> str:
        """What stands in an event as ``from``: ``user:fred``, ``minion:web1``, ``ldap:fred``."""
        return f"user:{self.name}" if self.kind is Kind.LOCAL else self.principal

    @property
    def user(self) -> str:
        """What stands as ``user`` of jobs and events: ``fred``, ``minion:web1``, which is no user's name.

        It is there to be shown. Whose a job is, its owner's principal says.
        """
        return self.principal if self.kind is Kind.MINION else self.name

    def __str__(self) -> str:
        """Return the caller as messages name it: ``user fred``, ``minion web1``, ``user ldap:fred``."""
        if self.kind is Kind.LOGIN:
            return f"user {self.principal}"
        return f"{'user' if self.kind is Kind.LOCAL else 'minion'} {self.name}"
