"""What could not be read of the log: kept beside it, under names that no start reads back.

``0000000007.wal`` becomes ``0000000007.wal.unreadable``, bytes of it are copied to ``0000000007.wal.damaged-<offset>``
(:mod:`saltern.set_aside`). They may still be worth something to a person, or to the version that wrote them.
"""

from __future__ import annotations

import os
import re

_KEPT = re.compile(r".*\.(?:unreadable|damaged-[0-9]+)(?:-[0-9]+)?")


class Unreadable:
    """The files kept in *folder*; :meth:`look` finds them. One thread at a time changes it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.paths: list[str] = []
        """Where they are; for any thread."""

    def look(self) -> None:
        """See which are there: someone may have removed some."""
        try:
            names = sorted(name for name in os.listdir(self._folder) if _KEPT.fullmatch(name))
        except OSError:
            return
        self.paths = [os.path.join(self._folder, name) for name in names]

    def told(self) -> str:
        """What there is to say of them in one line; empty when there are none."""
        paths = self.paths
        if not paths:
            return ""
        what = "a file" if len(paths) == 1 else f"{len(paths)} files"
        return f"{what} of the log could not be read and is kept, such as {paths[0]}: remove it once it is of no use"
