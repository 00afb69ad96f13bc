"""Pillar: data that the master hands to one minion alone.

``pillar_files`` maps target globs to YAML files beside the master's configuration. A minion gets the files whose
glob matches its id (as its key proves it), later ones laid over earlier ones.
"""

from __future__ import annotations

import fnmatch
import logging
import os
from typing import Any

from saltern.config.load import read_settings
from saltern.errors import ConfigError

log = logging.getLogger(__name__)

TEMPLATE = "pillar: %s: line %d: %s has a template's {{ or {%%: pillar files are plain YAML, and it goes out as it is"
MAX_DEPTH = 20


class Pillar:
    """Renders the pillar of a minion. Files are read again when they change."""

    def __init__(self, files: dict[str, Any], config_dir: str, before: Pillar | None = None) -> None:
        """Take over what *before* has read of files. Raises ``ConfigError`` when *files* isn't globs to lists of files.

        A file that has a fault right when the configuration is read again so counts as it was, too.
        """
        self._files: list[tuple[str, list[str]]] = []
        for pattern, names in files.items():
            names = [names] if isinstance(names, str) else names
            if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
                raise ConfigError(f"pillar_files: {pattern}: must be a file or a list of files")
            self._files.append((pattern, [os.path.join(config_dir, name) for name in names]))
        self._read: dict[str, tuple[int, dict[str, Any]]] = dict(before._read) if before is not None else {}

    def of(self, minion_id: str) -> dict[str, Any]:
        """Return the pillar of a minion; a file with a fault counts as it was before and is named in the log."""
        pillar: dict[str, Any] = {}
        for pattern, names in self._files:
            if fnmatch.fnmatchcase(minion_id, pattern):
                for name in names:
                    overlay(pillar, self._content(name))
        return pillar

    def files(self) -> set[str]:
        """Return every file that some minion's pillar is of."""
        return {name for _, names in self._files for name in names}

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
            return known[1]
        except ConfigError as error:
            log.error("pillar: the file counts as it was before: %s", error)
            return self._read[name][1] if name in self._read else {}
        except OSError as error:
            log.error("pillar: %s: can't be read: %s", name, error.strerror)
            return {}


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
