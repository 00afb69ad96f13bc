"""``external_auth``: what is granted to whom that logs in, by the driver that knows him. As in Salt::

    external_auth:
      ldap:
        ^option: value      # a driver's options
        fred: [entries]     # a name, a glob, or a regular expression of whole names
        ops%: [entries]     # everybody in a group, or in those that a glob means
        "*": [entries]      # who has no entry by his name; everybody with permissive_acl: true

All that mean someone add up.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern_master.auth.entries import Entry, OnMinions, parse_entries
from saltern_master.auth.grants import GROUP_MARK
from saltern_master.auth.name_pattern import NamePattern

OPTION_MARK = "^"
EVERYBODY = "*"


class Named(NamedTuple):
    """The *entries* of whom *text* means: a name, or a group (without a pattern of *names*)."""

    text: str
    names: NamePattern | None
    entries: tuple[Entry, ...]

    def means(self, name: str, groups: Collection[str]) -> bool:
        """Return whether somebody is meant."""
        if self.names is not None:
            return self.names.means(name)
        return any(fnmatch.fnmatchcase(group, self.text.removesuffix(GROUP_MARK)) for group in groups)


class ExternalAuth:
    """The option, parsed. *permissive*: the option ``permissive_acl``."""

    def __init__(self, given: Mapping[str, Any], *, permissive: bool = False) -> None:
        """Raises ``ConfigError`` for an entry that can't be understood."""
        self._permissive = permissive
        self._sources = {str(source): list(_named(str(source), entries)) for source, entries in given.items()}

    def entries_of(
        self, source: str, name: str, groups: Collection[str] = (), granted: Sequence[Any] = ()
    ) -> tuple[Entry, ...]:
        """Return the entries of *name*, whom the driver *source* knows and says to be in *groups*.

        *granted*: what the driver itself grants him, in the same form. Raises ``ConfigError`` when that can't be
        understood.
        """
        found: list[Entry] = []
        everybody: tuple[Entry, ...] = ()
        by_name = False
        for one in self._sources.get(source, ()):
            if one.text == EVERYBODY:
                everybody = one.entries
            elif one.means(name, groups):
                found += one.entries
                by_name = by_name or one.names is not None
        if self._permissive or not by_name:
            found += everybody
        if granted:
            found += parse_entries(f"external_auth: {source}: what it grants {name:.80}", list(granted))
        return tuple(found)

    def every_entry(self) -> Iterator[Entry]:
        """Yield all entries, of anybody: for checks of the targets and roles that they name."""
        for several in self._sources.values():
            for one in several:
                yield from one.entries

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield the compound expressions of all entries, each behind where it stands."""
        for entry in self.every_entry():
            if isinstance(entry, OnMinions):
                yield entry.where, entry.target


def _named(source: str, given: Any) -> Iterator[Named]:
    where = f"external_auth: {source:.80}"
    if not isinstance(given, Mapping):
        raise ConfigError(f"{where}: must be a map of names to lists of entries, as in fred: ['test\\..*']")
    for key, entries in given.items():
        text = str(key)
        if text.startswith(OPTION_MARK):
            continue
        if text in ("", GROUP_MARK):
            raise ConfigError(f"{where}: {text!r} names nobody: use a name, or a group as in ops%")
        names = None if text.endswith(GROUP_MARK) else NamePattern(where, text)
        yield Named(text, names, parse_entries(f"{where}: {text:.80}", entries))
