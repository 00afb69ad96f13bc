"""What of groups and roles was added at run time, which the master keeps beside the configuration's.

It is in ``<cachedir>/rights.json``, ``{"version": 1, "groups": {name: [ids, globs]}, "members": {role: [members]}}``,
written as a whole. A file that is damaged is set aside, and all of it is gone then: rights are lost, none are gained.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError, ConfigError
from saltern.files import make_folder, write_private
from saltern.set_aside import set_aside
from saltern_master.auth.members import parse_member
from saltern_master.auth.minion_groups import members_of, name_of

VERSION = 1
FILE = "rights.json"
MAX_BYTES = 16 * 1024 * 1024
MAX_NAMES = 1000
"""Of groups, and of roles."""
MAX_ALL_MEMBERS = 100_000

log = logging.getLogger(__name__)

Lists = Mapping[str, Sequence[str]]


class KeptRights:
    """Those in the file at *path*; none, and none can be added, without a path."""

    def __init__(self, path: str = "") -> None:
        self._path = path
        self.groups: Lists = {}
        """Ids and globs of minions, by group."""
        self.members: Lists = {}
        """Members, by role."""
        self.changing = asyncio.Lock()
        """Held by whoever makes new ones of the old."""

    def load(self) -> None:
        """Read the file. Raises ``ConfigError`` when it can't be read just now: rights hang on it."""
        try:
            with open(self._path, "rb") as stream:
                self.groups, self.members = _parsed(stream.read(MAX_BYTES + 1))
        except FileNotFoundError:
            return
        except (ValueError, ConfigError) as error:
            log.error("%s: %s: what was added to groups and roles is gone", self._path, error)
            self._put_aside()
        except OSError as error:
            raise ConfigError(f"{self._path}: can't be read: {error.strerror}") from None

    async def save(self, *, groups: Lists | None = None, members: Lists | None = None) -> None:
        """Keep these from now on, those that are given. Raises ``CommandError``: then it is as it was."""
        groups, members = self.groups if groups is None else groups, self.members if members is None else members
        for lists, what in ((groups, "groups"), (members, "roles")):
            if len(lists) > MAX_NAMES or sum(map(len, lists.values())) > MAX_ALL_MEMBERS:
                most = f"{MAX_NAMES:,}, with {MAX_ALL_MEMBERS:,} members"
                raise CommandError(f"what is added to {what} may be {most}: use globs")
        try:
            await asyncio.to_thread(self._write, groups, members)
        except OSError as error:
            raise CommandError(f"it can't be saved: {self._path}: {error.strerror or error}") from None
        self.groups, self.members = groups, members

    def _write(self, groups: Lists, members: Lists) -> None:
        if not self._path:
            raise OSError("there is no place for it")
        make_folder(os.path.dirname(self._path), 0o700)
        kept = {"version": VERSION, "groups": _sorted(groups), "members": _sorted(members)}
        write_private(self._path, json.dumps(kept).encode())

    def _put_aside(self) -> None:
        try:
            set_aside(self._path, "it holds no groups and roles")
        except OSError as error:
            log.error("%s: can't be set aside: %s", self._path, error.strerror)


def _sorted(lists: Lists) -> dict[str, list[str]]:
    return {name: list(lists[name]) for name in sorted(lists)}


def _parsed(data: bytes) -> tuple[Lists, Lists]:
    """Return groups and members in *data*. Raises ``ValueError``, ``ConfigError``."""
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has over {MAX_BYTES:,} bytes")
    try:
        kept = json.loads(data)
    except RecursionError:
        raise ValueError("it is no map of groups and roles") from None
    if not isinstance(kept, dict) or kept.get("version") != VERSION:
        raise ValueError("it is no map of groups and roles")
    return _lists(kept.get("groups"), members_of), _lists(kept.get("members"), _roles_members)


def _lists(given: Any, parse: Callable[[str, Any], list[str]]) -> Lists:
    if not isinstance(given, dict):
        raise ValueError("it is no map of groups and roles")
    return {name_of("", name): tuple(parse(name, members)) for name, members in given.items()}


def _roles_members(where: str, given: Any) -> list[str]:
    if not isinstance(given, list):
        raise ValueError(f"{where:.80} has no list of members")
    return [str(parse_member(where, one)) for one in given]
