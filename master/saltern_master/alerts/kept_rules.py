"""The rules that the master keeps for who edits them by its commands: ``<cachedir>/alerts.d/<name>.yaml``, one each.

They are written as those of the configuration are, and read with them by ``book``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import yaml

from saltern.errors import CommandError
from saltern.files import write_atomic
from saltern.set_aside import folder_instead, foreign_aside
from saltern_master.alerts.parse import RuleFault

MAX_KEPT = 500
MAX_RULE_BYTES = 64 * 1024


def rule_files(folder: str) -> list[str]:
    """Return the files of rules in *folder*, by name; of one that isn't there none. Raises ``OSError``."""
    if not os.path.isdir(folder):
        return []
    names = sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))
    return [os.path.join(folder, name) for name in names if not name.startswith(".")]


class KeptRules:
    """Those in *folder*. Their names are checked before (``parse``): each is good for a file's name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def holds(self, name: str) -> bool:
        """Return whether there is a rule *name*, or something in its place. May block."""
        return os.path.lexists(self._path(name))

    def put(self, name: str, given: Mapping[str, Any]) -> None:
        """Keep a rule, in the place of one before. May block.

        Raises ``RuleFault`` for what no file can say, ``CommandError`` when it can't be saved: the old one then stays.
        """
        try:
            text = yaml.safe_dump({name: dict(given)}, allow_unicode=True, sort_keys=False, width=1000)
            data = text.encode()
            same = yaml.safe_load(data) == {name: given}
        except (yaml.YAMLError, UnicodeError, ValueError, RecursionError):
            same, data = False, b""
        if not same:
            raise RuleFault(None, "has a text that a file can't hold: use plain characters")
        if len(data) > MAX_RULE_BYTES:
            raise RuleFault(None, f"is over {MAX_RULE_BYTES:,} bytes")
        try:
            if not self.holds(name) and len(rule_files(self.folder)) >= MAX_KEPT:
                raise CommandError(f"the master keeps {MAX_KEPT} rules at most: delete some, or write them by hand")
            folder_instead(self.folder, 0o700)
            foreign_aside(self._path(name))
            write_atomic(self._path(name), data, 0o600)
        except OSError as error:
            raise CommandError(f"the rule {name} can't be saved: {error.strerror or error}") from None

    def remove(self, name: str) -> None:
        """Forget a rule. May block. Raises ``CommandError`` when that can't be done: it stays."""
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))
        except OSError as error:
            raise CommandError(f"the rule {name} can't be deleted: {error.strerror or error}") from None

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, f"{name}.yaml")
