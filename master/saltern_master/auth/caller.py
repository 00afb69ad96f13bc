"""Who calls: a user of this host, or a minion."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """Where a caller's name is from. Names of different kinds are never equal."""

    LOCAL = "local"
    """A user of the master's host, as the kernel says."""
    MINION = "minion"
    """A minion, as the key of its connection proves."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller. *name* means something together with *kind* alone; ``principal`` is both."""

    kind: Kind
    name: str
    uid: int = -1
    """The user's number; -1 for a minion."""
    key: str = field(default="", compare=False, repr=False)
    """The key of a minion's connection."""

    @property
    def principal(self) -> str:
        """The name that rights, bounds and the audit go by: ``local:fred``, ``minion:web1``."""
        return f"{self.kind.value}:{self.name}"

    @property
    def provenance(self) -> str:
        """What stands in an event as ``from``: ``user:fred``, ``minion:web1``."""
        return f"user:{self.name}" if self.kind is Kind.LOCAL else self.principal

    @property
    def user(self) -> str:
        """What stands as ``user`` of jobs and events: ``fred``, ``minion:web1``, which is no user's name."""
        return self.name if self.kind is Kind.LOCAL else self.principal

    def __str__(self) -> str:
        """Return the caller as messages name it: ``user fred``, ``minion web1``."""
        return f"{'user' if self.kind is Kind.LOCAL else 'minion'} {self.name}"
