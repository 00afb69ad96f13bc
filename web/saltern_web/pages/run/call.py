"""A call as it is shown before it is made: the very hosts, the function, the arguments; signed, so that it stays so."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from django.core import signing

from saltern_web.api.errors import Refused
from saltern_web.pages.run.known import MASTER
from saltern_web.pages.run.words import line_of, masked

SALT = "saltern.run.call"
GOOD_S = 3600
STALE = "this confirmation is over an hour old, or was changed: look at it again, and confirm again"


@dataclass(frozen=True)
class Call:
    """A call on hosts by their ids, or by a name that begins with ``runner.`` on the master.

    ``tgt`` and ``tgt_type`` are how the hosts were found: for templates, never for running. ``batch``: how many at a
    time, ``5`` or ``25%``, and ``wait_s`` for how long each. ``number`` tells this confirmation from every other.
    """

    principal: str
    fun: str
    minions: tuple[str, ...] = ()
    arg: list[Any] = field(default_factory=list)
    kwarg: dict[str, Any] = field(default_factory=dict)
    tgt: str = ""
    tgt_type: str = "list"
    batch: str = ""
    wait_s: float | None = None
    back: str = ""
    number: str = field(default_factory=lambda: secrets.token_hex(12))

    @property
    def on_master(self) -> bool:
        """Whether it runs on the master."""
        return self.fun.startswith(MASTER)

    @property
    def digest(self) -> str:
        """Of hosts, function, arguments and batch: SHA-256 in hex."""
        said = [sorted(self.minions), self.fun, self.arg, self.kwarg, self.batch]
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @property
    def line(self) -> str:
        """Its arguments as they are typed, what is secret left out."""
        return line_of(self.arg, masked(self.kwarg))

    def signed(self) -> str:
        """Return it as text that can't be changed."""
        return signing.dumps(asdict(self), salt=SALT, compress=True)


def read_call(text: str, principal: str) -> Call:
    """Return the call that was signed for *principal*. Raises ``Refused``."""
    try:
        told = signing.loads(text, salt=SALT, max_age=GOOD_S)
        call = Call(**{**told, "minions": tuple(told["minions"])})
    except (signing.BadSignature, TypeError, KeyError, ValueError):
        raise Refused(STALE) from None
    if call.principal != principal:
        raise Refused("this was confirmed by another login: look at it again, and confirm again")
    return call
