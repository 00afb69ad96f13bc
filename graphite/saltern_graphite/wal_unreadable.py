"""Files of the log that could not be read: kept beside it, under names that no start reads back.

``0000000007.wal`` becomes ``0000000007.wal.unreadable-1``; none that is there already is ever replaced. What is in them
may still be worth something to a person, or to the version that wrote them; nothing of ours removes them.
"""

from __future__ import annotations

import os
import re

_KEPT = re.compile(r".*\.unreadable-[0-9]+")


class Unreadable:
    """The files kept in *folder*; :meth:`look` finds those of earlier runs. One thread at a time changes it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.paths: list[str] = []
        """Where they are, those just kept included; for any thread."""

    def look(self) -> None:
        """See which are there: someone may have removed some."""
        try:
            names = sorted(name for name in os.listdir(self._folder) if _KEPT.fullmatch(name))
        except OSError:
            return
        kept = [os.path.join(self._folder, name) for name in names]
        self.paths = kept + [path for path in self.paths if path not in kept and os.path.lexists(path)]

    def keep(self, path: str) -> str:
        """Rename *path* out of the log and return its new name. Raises ``OSError`` if that can't be."""
        aside = self.name_for(path)
        os.rename(path, aside)
        self.add(aside)
        return aside

    def add(self, path: str) -> None:
        """Count *path* among them, under the name that it has."""
        self.paths = [*self.paths, path]

    def told(self) -> str:
        """What there is to say of them in one line; empty when there are none."""
        paths = self.paths
        if not paths:
            return ""
        what = "a file" if len(paths) == 1 else f"{len(paths)} files"
        return f"{what} of the log could not be read and is kept, such as {paths[0]}: remove it once it is of no use"

    def name_for(self, path: str) -> str:
        """Return the name that *path* would be kept under now."""
        number = 1
        while os.path.lexists(aside := f"{path}.unreadable-{number}"):
            number += 1
        return aside
