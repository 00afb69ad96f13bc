"""Groups of minions, which roles are good for: ids and globs of ids, no grains, which are a minion's claims."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from saltern.errors import ConfigError
from saltern.ids import MAX_MINION_ID

MAX_MEMBERS = 100_000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_GLOB = re.compile(r"[A-Za-z0-9._*?\[\]!-]+")
_WILD = frozenset("*?[")


class MinionGroup:
    """The minions that *members* mean: ids, and globs of ids."""

    def __init__(self, members: Iterable[str]) -> None:
        self.members = tuple(members)
        self._ids = frozenset(one for one in self.members if _WILD.isdisjoint(one))
        globs = [fnmatch.translate(one) for one in self.members if one not in self._ids]
        self._globs = re.compile("|".join(globs)) if globs else None

    def holds(self, minion: str) -> bool:
        """Return whether *minion* is in it."""
        return minion in self._ids or (self._globs is not None and self._globs.match(minion) is not None)


class GroupBook:
    """The groups by their names."""

    def __init__(self) -> None:
        self._groups: dict[str, MinionGroup] = {}
        self._places: dict[str, str] = {}

    @property
    def names(self) -> list[str]:
        """The names of all groups."""
        return sorted(self._groups)

    def take(self, where: str, given: Any) -> None:
        """Add the groups in *given*, ``{name: [ids and globs]}``. Raises ``ConfigError`` for what is none, or twice."""
        if not isinstance(given, Mapping):
            raise ConfigError(f"{where}: must be a map of names to lists of minion ids, as in web: [web1, 'db*']")
        for key, members in given.items():
            name = str(key)
            at = f"{where}: {name:.80}"
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{at}: is no name for a group: use up to 64 letters, digits, '_', '-' and '.'")
            if name in self._groups:
                raise ConfigError(f"{at}: is a group of {self._places[name]} already: keep one")
            self._groups[name] = MinionGroup(_members(at, members))
            self._places[name] = where

    def members(self, name: str) -> tuple[str, ...]:
        """Return the ids and globs that the group *name* is made of; nothing for one that isn't there."""
        return self._groups[name].members if name in self._groups else ()

    def minions_of(self, names: Iterable[str], minions: Collection[str]) -> frozenset[str]:
        """Return those of *minions* that are in one of the groups *names*; one that isn't there has none."""
        groups = [self._groups[name] for name in names if name in self._groups]
        return frozenset(minion for minion in minions if any(group.holds(minion) for group in groups))


def _members(where: str, given: Any) -> list[str]:
    if not isinstance(given, list):
        raise ConfigError(f"{where}: {given!r:.80} must be a list of minion ids and globs of them")
    if len(given) > MAX_MEMBERS:
        raise ConfigError(f"{where}: has {len(given):,} members: {MAX_MEMBERS:,} are allowed")
    return [_member(where, one) for one in given]


def _member(where: str, given: Any) -> str:
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given  # an id of digits
    if not isinstance(text, str) or len(text) > MAX_MINION_ID or not _GLOB.fullmatch(text):
        raise ConfigError(
            f"{where}: {given!r:.80} is no minion id and no glob of ids: groups know no grains, and no other targets"
        )
    return text
