"""Groups of minions, which roles are good for: ids and globs of ids, no grains, which are a minion's claims."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from saltern.errors import ConfigError
from saltern.ids import MAX_MINION_ID

MAX_MEMBERS = 100_000
OPTION, KEPT = "option", "kept"
"""Where groups are from, beside files: the option ``groups``, and what was added at run time."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_GLOB = re.compile(r"[A-Za-z0-9._*?\[\]!-]+")
_WILD = frozenset("*?[")


class MinionGroup:
    """The minions that *members* mean: ids, and globs of ids."""

    def __init__(self, members: Iterable[str]) -> None:
        self.members = tuple(members)
        self._ids = frozenset(one for one in self.members if _WILD.isdisjoint(one))
        globs = [one for one in self.members if one not in self._ids]
        self._beginnings = tuple(one[:-1] for one in globs if one.endswith("*") and _WILD.isdisjoint(one[:-1]))
        others = [fnmatch.translate(one) for one in globs if not (one.endswith("*") and _WILD.isdisjoint(one[:-1]))]
        self._globs = re.compile("|".join(others)) if others else None

    def holds(self, minion: str) -> bool:
        """Return whether *minion* is in it."""
        return (
            minion in self._ids
            or minion.startswith(self._beginnings)
            or (self._globs is not None and self._globs.match(minion) is not None)
        )

    def of(self, minions: Collection[str]) -> frozenset[str]:
        """Return those of *minions* that are in it: rights ask it of a whole fleet."""
        found = self._ids.intersection(minions)
        if self._beginnings:
            found = found.union([minion for minion in minions if minion.startswith(self._beginnings)])
        if self._globs is not None:
            match = self._globs.match
            found = found.union([minion for minion in minions if match(minion)])
        return found


class GroupBook:
    """The groups by their names: as they are configured, and what was added to them at run time (``keep``)."""

    def __init__(self) -> None:
        self._groups: dict[str, MinionGroup] = {}
        self._configured: dict[str, tuple[str, ...]] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._kept: dict[str, tuple[str, ...]] = {}

    @property
    def names(self) -> list[str]:
        """The names of all groups."""
        return sorted(self._groups)

    def take(self, where: str, given: Any, place: str = "") -> None:
        """Add the groups in *given*, ``{name: [ids and globs]}``. Raises ``ConfigError`` for what is none, or twice.

        *place*: the file that they are from, nothing for the option.
        """
        if not isinstance(given, Mapping):
            raise ConfigError(f"{where}: must be a map of names to lists of minion ids, as in web: [web1, 'db*']")
        for key, members in given.items():
            name = name_of(f"{where}: ", str(key))
            at = f"{where}: {name}"
            if name in self._configured:
                raise ConfigError(f"{at}: is a group of {self._places[name][0]} already: keep one")
            self._configured[name] = tuple(members_of(at, members))
            self._places[name] = where, place or OPTION
            self._put_together(name)

    def keep(self, kept: Mapping[str, Sequence[str]]) -> None:
        """Have *kept* be what was added, and nothing else; it holds at once, for everyone who has this book."""
        before, self._kept = self._kept, {name: tuple(members) for name, members in kept.items()}
        for name in before.keys() | self._kept.keys():
            if before.get(name) != self._kept.get(name):
                self._put_together(name)

    def _put_together(self, name: str) -> None:
        if name in self._configured or name in self._kept:
            self._groups[name] = MinionGroup((*self._configured.get(name, ()), *self._kept.get(name, ())))
        else:
            del self._groups[name]

    def place(self, name: str) -> str:
        """Return where a group is from: ``option``, a file of ``roles.d``, or ``kept``."""
        return self._places[name][1] if name in self._places else KEPT

    def configured(self, name: str) -> tuple[str, ...]:
        """Return those members of a group that the configuration names."""
        return self._configured.get(name, ())

    def kept(self, name: str) -> tuple[str, ...]:
        """Return those members of a group that were added."""
        return self._kept.get(name, ())

    def members(self, name: str) -> tuple[str, ...]:
        """Return the ids and globs that the group *name* is made of; nothing for one that isn't there."""
        return self._groups[name].members if name in self._groups else ()

    def holds(self, name: str, minion: str) -> bool:
        """Return whether *minion* is in the group *name*."""
        return name in self._groups and self._groups[name].holds(minion)

    def minions_of(self, names: Iterable[str], minions: Collection[str]) -> frozenset[str]:
        """Return those of *minions* that are in one of the groups *names*; one that isn't there has none."""
        return frozenset().union(*(self._groups[name].of(minions) for name in names if name in self._groups))


def name_of(where: str, name: str) -> str:
    """Return *name* when a group may be called so. Raises ``ConfigError``."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}{name:.80}: is no name for a group: use up to 64 letters, digits, '_', '-' and '.'")
    return name


def members_of(where: str, given: Any) -> list[str]:
    """Return *given*, a list of ids and globs of them, as texts. Raises ``ConfigError``."""
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
