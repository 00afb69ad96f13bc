"""Entering series into the tag index, and taking them out: what is done within one transaction."""

from __future__ import annotations

import sqlite3
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
            grown.update(pairs)
        connection.executemany(
            "UPDATE pairs SET series = series + ? WHERE id = ?", [(count, pair) for pair, count in grown.items()]
        )
        return new

    def remove(self, connection: sqlite3.Connection, names: list[str]) -> int:
        """Take canonical *names* out, and tags and values that no series has any more; return how many there were."""
        gone = 0
        for name in names:
            row = connection.execute("SELECT id FROM series WHERE path = ?", (name,)).fetchone()
            if row is None:
                continue
            gone += 1
            connection.execute(
                "UPDATE pairs SET series = series - 1 WHERE id IN (SELECT pair FROM series_tags WHERE series = ?)", row
            )
            connection.execute("DELETE FROM series_tags WHERE series = ?", row)
            connection.execute("DELETE FROM series WHERE id = ?", row)
        if gone:
            connection.execute("DELETE FROM pairs WHERE series = 0")
            connection.execute("DELETE FROM tags WHERE id NOT IN (SELECT tag FROM pairs)")
            self.forget()
        return gone

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
