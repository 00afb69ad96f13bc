"""What is asked of a device by SNMP and what it answers, whichever library and version carry it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from saltern.errors import CommandError
from saltern.named import NamedTuple

Oid: TypeAlias = tuple[int, ...]

COUNTERS = {"Counter32": 32, "Counter64": 64}
"""Bits of the types of values that count."""
END_OF_MIB = "EndOfMibView"
TOO_BIG = "tooBig"
NO_SUCH_NAME, GENERAL = "noSuchName", "genErr"
"""What devices of old say of a value that isn't there, or behind the last one; and of one that they fail to read."""


class Unreadable(ValueError):
    """Bytes that are not what SNMP sends."""


class AskAgain(Exception):
    """The device has told what was missing in the request: the next one has it."""


class Unanswered(CommandError):
    """The device gave no answer."""


class Asked(NamedTuple):
    """A request: Get of *oids*, or GetBulk of so many values behind each."""

    oids: Sequence[Oid]
    repetitions: int = 0


class Bound(NamedTuple):
    """One value of an answer: what it is of, its type by RFC 2578's name, and the value.

    Numbers are numbers, OBJECT IDENTIFIERs tuples, an IpAddress a text, what isn't there ``None``, all else ``bytes``.
    """

    oid: Oid
    type: str
    value: Any


class Pdu(NamedTuple):
    """An answer. *status* is an error's name, empty for none; *position* counts from 1 which OID it is about."""

    number: int
    status: str
    position: int
    bound: list[Bound]


class Security(Protocol):
    """Who asks: ``Community`` or ``User``."""

    def request(self, asked: Asked, number: int) -> bytes:
        """Return the message that asks so, whose request-id is *number*. Raises ``CommandError``."""

    def answer(self, data: bytes, number: int) -> Pdu | None:
        """Return what *data* answers to the request *number*, ``None`` when it doesn't.

        Raises ``Unreadable``; ``AskAgain``; ``CommandError`` when asking again is no use.
        """

    def forget(self, number: int) -> None:
        """Wait for the answer to the request *number* no longer."""
