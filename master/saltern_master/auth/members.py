"""Members of roles: ``source:name``, ``source:group%``, globs in both parts. Names of two sources are never equal."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern_master.auth.grants import GROUP_MARK

ALONE = frozenset({"token", "reactor", "hook"})
"""Sources that no glob means: what is called so, is called so by whoever may make it."""
NEVER = frozenset({"minion"})
"""Sources whose names no role has: what minions may is said elsewhere (``peer``)."""


class Member(NamedTuple):
    """Who may be someone: by his name, or by a group that he is in."""

    source: str
    name: str
    is_group: bool = False

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self.source}:{self.name}{GROUP_MARK if self.is_group else ''}"

    def means(self, source: str, name: str, groups: Collection[str] = ()) -> bool:
        """Return whether *name*, which *source* says is in *groups*, is meant."""
        if source in NEVER or not (self.source == source or (source not in ALONE and _glob(source, self.source))):
            return False
        return any(_glob(group, self.name) for group in groups) if self.is_group else _glob(name, self.name)


def parse_member(where: str, given: Any) -> Member:
    """Return the member that *given* is. Raises ``ConfigError``."""
    if not isinstance(given, str):
        raise ConfigError(f"{where}: {given!r:.80} is no member: use source:name, as in local:fred")
    source, colon, name = given.partition(":")
    if not colon:
        raise ConfigError(
            f"{where}: {given:.80} doesn't say where that name is from: write local:{given:.80}, or file:, ldap: …"
        )
    if not source or name in ("", GROUP_MARK):
        raise ConfigError(f"{where}: {given:.80} names nobody: use source:name or source:group%, * for anybody")
    if source in NEVER:
        raise ConfigError(f"{where}: {given:.80}: minions have no roles: what they may is said in peer and peer_run")
    is_group = name.endswith(GROUP_MARK)
    return Member(source, name.removesuffix(GROUP_MARK), is_group)


def _glob(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)
