"""The tag index of a server that writes, as a read-only one beside it follows it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from urllib.parse import quote

AT_ONCE = 5_000
OVERLAP = 1_000
"""So many of the last series are read once more: SQLite gives the number of one that was removed again."""


class Neighbour:
    """The index in the file *path*, of which a copy has what comes up to the number *last*."""

    def __init__(self, path: str, last: int) -> None:
        self._path = path
        self._last = last

    def series(self) -> Iterator[list[str]]:
        """Yield what may have come since the last time, some at a time; nothing while no server has the file open.

        Only then SQLite makes no file beside it to read it by. Faults are for the next time.
        """
        if not os.path.exists(f"{self._path}-shm"):
            return
        uri = f"file:{quote(os.path.abspath(self._path))}?mode=ro"
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            after = max(0, self._last - OVERLAP)
            while rows := connection.execute(
                "SELECT id, path FROM series WHERE id > ? ORDER BY id LIMIT ?", (after, AT_ONCE)
            ).fetchall():
                after = self._last = rows[-1][0]
                yield [path for _, path in rows]
            self._last = after
