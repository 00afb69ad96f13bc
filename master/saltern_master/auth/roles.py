"""Roles: what several people may together, on which groups of minions, and who they are.

From the option ``roles`` and from ``<config_dir>/roles.d/*.yaml``, which may hold ``groups`` too::

    roles:
      operator: {members: ["ldap:ops%"], on: [web]}   # built in: what it may is fixed (built_in_roles)
      dba:
        grants: ["mysql\\..*", {"@runner": ["jobs\\..*"]}, "role:watcher"]   # entries
        on: [db]                                      # groups of minions; without it, all
        members: ["file:fred", "token:ci"]
    groups:
      db: [db1, "sql*"]

A role that grants another does so on its own groups at the most.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from saltern.config.load import nearest, read_settings
from saltern.errors import ConfigError, os_errors
from saltern_master.auth.built_in_roles import ADMIN, BUILT_IN
from saltern_master.auth.entries import Entry, OfRole, OnMinions, parse_entries
from saltern_master.auth.kept_rights import KeptRights
from saltern_master.auth.members import Member, parse_member
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.right import Right

FOLDER = "roles.d"
MAX_FILES = 500
MAX_ROLES = 1000
MAX_DEPTH = 20
KEYS = ("grants", "members", "on")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Role:
    """One role: its *entries*, good *on* groups of minions (none: on all), and its *members*."""

    name: str
    place: str
    """The file that it is from, as ``roles.d/x.yaml``; nothing for the option."""
    entries: tuple[Entry, ...]
    on: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()

    def __str__(self) -> str:
        """Return the role as explanations name it: ``role dba (roles.d/x.yaml)``."""
        return f"role {self.name} ({self.place})" if self.place else f"role {self.name}"


class Source(NamedTuple):
    """Where roles or groups are said, as messages and explanations have it, and what is said."""

    where: str
    place: str
    said: Any


class RoleBook:
    """All roles and groups, read once."""

    def __init__(
        self, roles: Iterable[Source] = (), groups: Iterable[Source] = (), kept: KeptRights | None = None
    ) -> None:
        """*kept*: what was added to them at run time.

        Raises ``ConfigError`` for what can't be understood, is there twice, or is in a circle.
        """
        kept = kept or KeptRights()
        self.groups = GroupBook()
        for where, place, said in groups:
            self.groups.take(where, said, place)
        self.keep(kept)  # roles may be good for groups that were made at run time
        self._roles: dict[str, Role] = {}
        for source in roles:
            self._take(source)
        for name, entries in BUILT_IN.items():
            self._roles.setdefault(name, Role(name, "", entries))
        sound: set[str] = set()
        for role in self._roles.values():
            self.check(role.entries)
            self._check_circle(role.name, (), sound)

    @property
    def in_use(self) -> bool:
        """Whether any role has members."""
        return any(self._members(role) for role in self._roles.values())

    @property
    def names(self) -> list[str]:
        """The names of all roles."""
        return sorted(self._roles)

    def keep(self, kept: KeptRights) -> None:
        """Have *kept* be what was added at run time to groups and roles, and nothing else."""
        self.groups.keep(kept.groups)
        self._kept = {name: tuple(parse_member(name, one) for one in given) for name, given in kept.members.items()}

    def get(self, name: str) -> Role | None:
        """Return a role, ``None`` when there is none of that name."""
        return self._roles.get(name)

    def _members(self, role: Role) -> tuple[Member, ...]:
        return (*role.members, *self._kept.get(role.name, ()))

    def on_group(self, group: str) -> list[str]:
        """Return the roles that are good for some groups of which *group* is one."""
        return sorted(role.name for role in self._roles.values() if group in role.on)

    def held_by(self, source: str, name: str, groups: Collection[str] = ()) -> list[str]:
        """Return the roles that *name* is a member of, whom *source* knows and says to be in *groups*."""
        return [
            role.name
            for role in self._roles.values()
            if any(member.means(source, name, groups) for member in self._members(role))
        ]

    def rights(self, entries: Iterable[Entry], roles: Iterable[str] = ()) -> tuple[Right, ...]:
        """Return what *entries*, and *roles* by their names, grant; a role that isn't there grants nothing."""
        found = [right for entry in entries for right in self._of_entry(entry, entry.where, ())]
        found += [right for name in roles for right in self._of_role(name, ())]
        return tuple(found)

    def rights_of(
        self, source: str, name: str, groups: Collection[str] = (), entries: Iterable[Entry] = ()
    ) -> tuple[Right, ...]:
        """Return what someone's own *entries* and his roles grant."""
        return self.rights(entries, self.held_by(source, name, groups))

    def targets(self) -> Iterator[tuple[str, str]]:
        """Yield the compound expressions of all roles, each behind where it stands."""
        for role in self._roles.values():
            for entry in role.entries:
                if isinstance(entry, OnMinions):
                    yield entry.where, entry.target

    def shown(self) -> list[dict[str, Any]]:
        """Return every role by its name: what it may, on which groups, of which minions, and who its members are."""
        return [
            {
                "role": role.name,
                "from": role.place or ("built in" if role.name in BUILT_IN and not role.members else "the options"),
                "may": [entry.written for entry in role.entries],
                "on": list(role.on) or "all minions",
                "minions": {name: list(self.groups.members(name)) for name in role.on},
                "members": [str(member) for member in self._members(role)],
                "kept": [str(member) for member in self._kept.get(role.name, ())],
            }
            for role in sorted(self._roles.values(), key=lambda role: role.name)
        ]

    def check(self, entries: Iterable[Entry]) -> None:
        """Raise ``ConfigError`` for an entry that names a role which isn't there."""
        for entry in entries:
            if isinstance(entry, OfRole) and entry.name not in self._roles:
                hint = nearest(entry.name, self.names) or f": there are {', '.join(self.names[:20])}"
                raise ConfigError(f"{entry.where}: there is no role {entry.name:.80}{hint}")

    def _of_entry(self, entry: Entry, where: str, within: tuple[tuple[str, ...], ...]) -> Iterator[Right]:
        if isinstance(entry, OfRole):
            yield from self._of_role(entry.name, within)
        else:
            yield Right(entry, where, within)

    def _of_role(self, name: str, within: tuple[tuple[str, ...], ...]) -> Iterator[Right]:
        role = self._roles.get(name)
        if role is not None:
            limits = (*within, role.on) if role.on else within
            for entry in role.entries:
                yield from self._of_entry(entry, str(role), limits)

    def _take(self, source: Source) -> None:
        if not isinstance(source.said, Mapping):
            raise ConfigError(f"{source.where}: must be a map of roles, as in watcher: {{members: ['ldap:*']}}")
        for key, given in source.said.items():
            name = str(key)
            where = f"{source.where}: {name:.80}"
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{where}: is no name for a role: use up to 64 letters, digits, '_', '-' and '.'")
            if name in self._roles:
                first = self._roles[name].place or "the options"
                raise ConfigError(f"{where}: is a role of {first} already: keep one")
            if len(self._roles) >= MAX_ROLES:
                raise ConfigError(f"{where}: is one too many: {MAX_ROLES:,} roles at most")
            self._roles[name] = self._role(where, source.place, name, given)

    def _role(self, where: str, place: str, name: str, given: Any) -> Role:
        if not isinstance(given, Mapping):
            raise ConfigError(f"{where}: must be a map with {', '.join(KEYS)}")
        given = {"on" if key is True else key: value for key, value in given.items()}  # as YAML reads an on
        for key in given:
            if key not in KEYS:
                hint = nearest(str(key), list(KEYS)) or f": use {', '.join(KEYS)}"
                raise ConfigError(f"{where}: {key!r:.40} is not a key of a role{hint}")
        if name in BUILT_IN:
            if "grants" in given:
                raise ConfigError(f"{where}: grants: what {name} may is fixed: make a role of another name")
            entries = BUILT_IN[name]
        else:
            if "grants" not in given:
                raise ConfigError(f"{where}: has no grants: name some, as in grants: ['test\\..*']")
            entries = parse_entries(f"{where}: grants", given["grants"])
        if name == ADMIN and "on" in given:
            raise ConfigError(f"{where}: on: who may everything may it everywhere: leave it out, or use operator")
        members = given.get("members", [])
        if not isinstance(members, list):
            raise ConfigError(f"{where}: members: {members!r:.80} must be a list, as in ['local:fred', 'ldap:ops%']")
        parsed = tuple(parse_member(f"{where}: members", one) for one in members)
        return Role(name, place, entries, self._on(f"{where}: on", given["on"]) if "on" in given else (), parsed)

    def _on(self, where: str, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not given:
            raise ConfigError(f"{where}: {given!r:.80} must be a list of groups of minions; without it, it is on all")
        known = self.groups.names
        for name in given:
            if str(name) not in known:
                hint = nearest(str(name), known) or ": set it in groups"
                raise ConfigError(f"{where}: there is no group {name!r:.80}{hint}")
        return tuple(map(str, given))

    def _check_circle(self, name: str, above: tuple[str, ...], sound: set[str]) -> None:
        where = self._roles[name].entries[0].where if self._roles[name].entries else ""
        if name in above:
            circle = " → ".join((*above[above.index(name) :], name))
            raise ConfigError(f"{where}: roles grant each other in a circle: {circle:.200}")
        if len(above) > MAX_DEPTH:
            raise ConfigError(f"{where}: roles grant roles over {MAX_DEPTH} deep: grant some of them directly")
        for entry in self._roles[name].entries if name not in sound else ():
            if isinstance(entry, OfRole) and entry.name in self._roles:
                self._check_circle(entry.name, (*above, name), sound)
        sound.add(name)


def read_roles(options: Mapping[str, Any], kept: KeptRights | None = None) -> RoleBook:
    """Return the roles and groups that *options* and ``roles.d`` beside them say, with what was *kept*.

    Raises ``ConfigError``.
    """
    said = {"groups": [Source("groups", "", options["groups"])], "roles": [Source("roles", "", options["roles"])]}
    for file in role_files(options["config_dir"]):
        place = os.path.join(FOLDER, os.path.basename(file))
        for setting in read_settings(file):
            if setting.key not in said:
                raise ConfigError(
                    f"{file}: line {setting.line}: {setting.key:.80} is not a key of such a file: use roles and groups"
                )
            said[setting.key].append(Source(f"{file}: {setting.key}", place, setting.value))
    return RoleBook(said["roles"], said["groups"], kept)


def role_files(config_dir: str) -> list[str]:
    """Return the files of ``roles.d``, by name. Raises ``ConfigError`` for a folder that can't be read, or too many."""
    folder = os.path.join(config_dir, FOLDER)
    with os_errors(ConfigError, folder, "can't be read"):
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    found = [name for name in names if name.endswith((".yaml", ".yml")) and not name.startswith(".")]
    if len(found) > MAX_FILES:
        raise ConfigError(f"{folder}: holds over {MAX_FILES} files: join some")
    return [os.path.join(folder, name) for name in found]


def roles_stamp(config_dir: str) -> object:
    """Return a value that changes with any of the files of ``roles.d``."""
    try:
        found = [(file, os.stat(file)) for file in role_files(config_dir)]
    except (OSError, ConfigError) as error:
        return str(error)
    return [(file, status.st_mtime_ns, status.st_size, status.st_ino) for file, status in found]
