"""A token: what stands for someone until it ends, known by its digest alone."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from saltern_master.auth.caller import TOKEN_ID_CHARS

TOKEN_BYTES = 32
"""256 bits; its 64 hexadecimal digits are what its owner has."""
TOKEN_CHARS = 2 * TOKEN_BYTES


class Use(Enum):
    """What a token is for, which says where it is taken."""

    SESSION = "session"
    """A login: whoever calls the API with it as his session."""
    CALL = "call"
    """Salt's eauth token: named in each call, as in ``/run``."""
    PASSING = "passing"
    """One call that was made with a password: it is in memory alone."""
    PERSONAL = "personal"
    """A program that acts as the user who made it."""
    SERVICE = "service"
    """A program in its own right, ``token:<label>``: roles say what it may."""


@dataclass(slots=True)
class Token:
    """One token, without its text. Times are seconds since 1970."""

    digest: str
    use: Use
    source: str
    """How its owner logged in; ``local`` for a user of the master's host, ``token`` for a service."""
    name: str
    groups: frozenset[str]
    entries: Sequence[Any]
    """What the driver itself granted him when he logged in."""
    label: str
    scope: Sequence[Any] | None
    """Entries that it is good for, of what its owner may; ``None``: for all of it."""
    origin: str
    """Where it was made from."""
    created: float
    expires: float
    used: float = 0.0
    """When it was shown last, to the minute; 0: never."""
    used_from: str = ""
    uid: int = -1
    """The number of a user of the master's host."""

    @property
    def principal(self) -> str:
        """Whose it is: ``ldap:fred``, ``token:ci``."""
        return f"{self.source}:{self.name}"

    def shown(self) -> dict[str, Any]:
        """Return what its owner and an administrator are shown; ``id`` names it, and lets nobody in.

        Times are UTC, ``2026-01-31T12:00:00Z``.
        """
        return {
            "id": self.digest[:TOKEN_ID_CHARS],
            "use": self.use.value,
            "user": self.principal,
            "label": self.label,
            "scope": None if self.scope is None else list(self.scope),
            "origin": self.origin,
            "created": _stamp(self.created),
            "expires": _stamp(self.expires),
            "last_used": _stamp(self.used) if self.used else None,
            "last_used_from": self.used_from,
        }


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_text() -> str:
    """Return the text of a new token."""
    return secrets.token_hex(TOKEN_BYTES)


def digest_of(text: str) -> str:
    """Return what a token is stored and looked up as. It is random: a plain digest can't be turned round."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_token(text: object) -> bool:
    """Return whether *text* has the form of a token."""
    return isinstance(text, str) and len(text) == TOKEN_CHARS and all(one in "0123456789abcdef" for one in text)
