"""The simple pillar: ``pillar_files`` maps globs on ids to YAML files beside the master's configuration.

A minion gets the files whose glob matches its id (as its key proves it), later ones laid over earlier ones.
"""

from __future__ import annotations

import fnmatch
import logging
import os
from collections.abc import Iterable, Set
from typing import Any

from saltern.config.load import read_settings
from saltern.errors import ConfigError
from saltern_master.targeting.facts import Data, Ids

log = logging.getLogger(__name__)

TEMPLATE = (
    "pillar: %s: line %d: %s has a template's {{ or {%%: pillar_files are plain YAML, and it goes out as it is; "
    "pillar_roots has templates"
)
MAX_DEPTH = 20
MAX_REMEMBERED = 100_000
"""Minions of which it is remembered whose files they get, and lists of files of which what they come to is."""


class Pillar:
    """Renders the pillar of a minion. Files are read again when they change."""

    def __init__(self, files: dict[str, Any], config_dir: str, before: Pillar | None = None) -> None:
        """Take over what *before* has read of files. Raises ``ConfigError`` when *files* isn't globs to lists of files.

        A file that has a fault right when the configuration is read again so counts as it was, too.
        """
        self._files: list[tuple[str, list[str]]] = []
        for pattern, names in files.items():
            names = [names] if isinstance(names, str) else names
            if not (isinstance(names, list) and all(isinstance(name, str) and "\0" not in name for name in names)):
                raise ConfigError(f"pillar_files: {pattern}: must be a file or a list of files")
            self._files.append((pattern, [os.path.join(config_dir, name) for name in names]))
        self._names: dict[str, tuple[str, ...]] = {}
        self._made: dict[tuple[str, ...], tuple[list[dict[str, Any]], dict[str, Any]]] = {}
        self._read: dict[str, tuple[int, dict[str, Any]]] = dict(before._read) if before is not None else {}
        self._faults: dict[str, str] = dict(before._faults) if before is not None else {}

    def of(self, minion_id: str) -> dict[str, Any]:
        """Return the pillar of a minion, to be read alone; a file with a fault counts as it was, and is logged once."""
        return self._of_files(self._names_for(minion_id))

    def different(self, minions: Iterable[str]) -> list[tuple[Data, Ids]]:
        """Return each different pillar with those of *minions* that have it; every file is looked at once."""
        who: dict[tuple[str, ...], set[str]] = {}
        for minion_id in minions:
            who.setdefault(self._names_for(minion_id), set()).add(minion_id)
        contents = {name: self._content(name) for name in {name for names in who for name in names}}
        return [(self._of_files(names, contents), ids) for names, ids in who.items()]

    def _names_for(self, minion_id: str) -> tuple[str, ...]:
        """Return the files that a minion gets."""
        names = self._names.get(minion_id)
        if names is None:
            if len(self._names) >= MAX_REMEMBERED:
                self._names.clear()
            matching = (names for pattern, names in self._files if fnmatch.fnmatchcase(minion_id, pattern))
            names = self._names[minion_id] = tuple(name for names in matching for name in names)
        return names

    def _of_files(self, names: tuple[str, ...], read: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return what files come to; the same object as long as none of them changes."""
        contents = [self._content(name) if read is None else read[name] for name in names]
        made = self._made.get(names)
        if made is None or any(one is not other for one, other in zip(made[0], contents, strict=True)):
            pillar: dict[str, Any] = {}
            for content in contents:
                overlay(pillar, content)
            if len(self._made) >= MAX_REMEMBERED:
                self._made.clear()
            made = self._made[names] = (contents, pillar)
        return made[1]

    def files(self) -> set[str]:
        """Return every file that some minion's pillar is of."""
        return {name for _, names in self._files for name in names}

    def stamps(self) -> dict[str, int]:
        """Return what changes with each file, by its name: when it was written, 0 for one that isn't there."""
        return {name: _written(name) for name in self.files()}

    def given(self, files: Set[str], minions: Iterable[str]) -> list[str]:
        """Return those of *minions* that get any of *files*."""
        return [one for one in minions if not files.isdisjoint(self._names_for(one))]

    def _content(self, name: str) -> dict[str, Any]:
        try:
            stamp = os.stat(name).st_mtime_ns
            known = self._read.get(name)
            if known is None or known[0] != stamp:
                settings = list(read_settings(name))
                known = self._read[name] = (stamp, {s.key: s.value for s in settings})
                for setting in settings:
                    if _has_template(setting.value):
                        log.warning(TEMPLATE, name, setting.line, setting.key)
        except ConfigError as error:
            self._say(name, f"pillar: the file counts as it was before: {error}")
            return self._read[name][1] if name in self._read else {}
        except OSError as error:
            self._say(name, f"pillar: {name}: can't be read: {error.strerror}")
            return {}
        self._faults.pop(name, None)
        return known[1]

    def _say(self, name: str, fault: str) -> None:
        """Log a file's fault, once for as long as it has that one."""
        if self._faults.get(name) != fault:
            self._faults[name] = fault
            log.error("%s", fault)


def _written(name: str) -> int:
    try:
        return os.stat(name).st_mtime_ns
    except OSError:
        return 0


def _has_template(value: Any, depth: int = 0) -> bool:
    """Return whether a text in *value* looks as if something should be put in."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < MAX_DEPTH and any(_has_template(member, depth + 1) for member in members)


def overlay(below: dict[str, Any], above: dict[str, Any]) -> None:
    """Lay *above* over *below*, in place; dicts merge, everything else replaces."""
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            merged = dict(below[key])
            overlay(merged, value)
            below[key] = merged
        else:
            below[key] = value
