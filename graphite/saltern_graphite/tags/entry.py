"""Entering series into the tag index, and taking them out: what is done within one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter

from saltern_graphite.tags.tagged_name import tags_of

MAX_PAIRS_REMEMBERED = 100_000


class Entry:
    """Writes series and their tags. The pairs of a fleet repeat: their ids are remembered.

    Everything is called with a connection in a transaction; after one that was undone, call :meth:`forget`.
    """

    def __init__(self) -> None:
        self._tags: dict[str, int] = {}
        self._pairs: dict[tuple[str, str], int] = {}

    def add(self, connection: sqlite3.Connection, names: list[str]) -> int:
        """Enter canonical *names*; return how many are new."""
        grown: Counter[int] = Counter()
        new = 0
        for name in names:
            entered = connection.execute("INSERT OR IGNORE INTO series (path) VALUES (?)", (name,))
            if not entered.rowcount:
                continue
            new += 1
            series = entered.lastrowid
            pairs = [self._pair(connection, tag, value) for tag, value in tags_of(name).items()]
            connection.executemany(
                "INSERT INTO series_tags (pair, series) VALUES (?, ?)", [(pair, series) for pair in pairs]
            )
            connection.execute("DELETE FROM absent WHERE path = ?", (name,))
            grown.update(pairs)
        connection.executemany(
            "UPDATE pairs SET series = series + ? WHERE id = ?", [(count, pair) for pair, count in grown.items()]
        )
        return new

    def remove(self, connection: sqlite3.Connection, names: list[str]) -> int:
        """Take canonical *names* out, and tags and values that no series has any more; return how many there were."""
        gone = 0
        touched: set[int] = set()
        for name in names:
            connection.execute("DELETE FROM absent WHERE path = ?", (name,))
            row = connection.execute("SELECT id FROM series WHERE path = ?", (name,)).fetchone()
            if row is None:
                continue
            gone += 1
            pairs = connection.execute("SELECT pair FROM series_tags WHERE series = ?", row).fetchall()
            touched.update(pair for (pair,) in pairs)
            connection.executemany("UPDATE pairs SET series = series - 1 WHERE id = ?", pairs)
            connection.execute("DELETE FROM series_tags WHERE series = ?", row)
            connection.execute("DELETE FROM series WHERE id = ?", row)
        if touched:
            self._clear(connection, json.dumps(list(touched)))
            self.forget()
        return gone

    def remove_absent(self, connection: sqlite3.Connection, names: list[str]) -> int:
        """:meth:`remove`, and note that their files are gone: should these come back, so do they."""
        gone = self.remove(connection, names)
        self.note_absent(connection, names)
        return gone

    def add_present(self, connection: sqlite3.Connection, names: list[str]) -> int:
        """:meth:`add`, of series that were absent and have a file now."""
        new = self.add(connection, names)
        connection.executemany("DELETE FROM absent WHERE path = ?", [(name,) for name in names])
        return new

    @staticmethod
    def note_absent(connection: sqlite3.Connection, names: list[str]) -> None:
        """Note that *names* have no file now."""
        since = int(time.time())
        connection.executemany(
            "INSERT OR REPLACE INTO absent (path, since) VALUES (?, ?)", [(name, since) for name in names]
        )

    @staticmethod
    def _clear(connection: sqlite3.Connection, pairs: str) -> None:
        """Delete those *pairs* (ids, a JSON list) that no series has any more, and tags without any."""
        these = "SELECT value FROM json_each(?)"
        tags = connection.execute(f"SELECT DISTINCT tag FROM pairs WHERE series = 0 AND id IN ({these})", (pairs,))  # noqa: S608
        unused = tags.fetchall()
        connection.execute(f"DELETE FROM pairs WHERE series = 0 AND id IN ({these})", (pairs,))  # noqa: S608
        connection.executemany(
            "DELETE FROM tags WHERE id = ? AND NOT EXISTS (SELECT 1 FROM pairs WHERE tag = tags.id)", unused
        )

    def forget(self) -> None:
        """Forget all ids."""
        self._tags.clear()
        self._pairs.clear()

    def _pair(self, connection: sqlite3.Connection, tag: str, value: str) -> int:
        known = self._pairs.get((tag, value))
        if known is not None:
            return known
        if len(self._pairs) >= MAX_PAIRS_REMEMBERED:
            self.forget()
        of_tag = self._tags.get(tag)
        if of_tag is None:
            connection.execute("INSERT OR IGNORE INTO tags (tag) VALUES (?)", (tag,))
            of_tag = self._tags[tag] = _id(connection.execute("SELECT id FROM tags WHERE tag = ?", (tag,)))
        connection.execute("INSERT OR IGNORE INTO pairs (tag, value) VALUES (?, ?)", (of_tag, value))
        known = _id(connection.execute("SELECT id FROM pairs WHERE tag = ? AND value = ?", (of_tag, value)))
        self._pairs[tag, value] = known
        return known


def _id(cursor: sqlite3.Cursor) -> int:
    return int(cursor.fetchone()[0])
