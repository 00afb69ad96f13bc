"""Where events are kept.

::

    events      id · at (epoch seconds) · what · data · tags, with blanks between
    event_tags  tag · event
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence

from saltern.errors import GraphiteError
from saltern_graphite.database import Database
from saltern_graphite.events.event import Event

log = logging.getLogger(__name__)

FILE = os.path.join("db", "events.sqlite")
"""Where events are, under the server's root."""
MAX_EVENTS = 1_000_000
"""Beyond that the oldest go."""
MAX_FOUND = 50_000
"""How many events one answer may hold."""
_SPARE = 100  # beyond the bound one in so many goes at once, so that it isn't done for each new event
_WHAT = "the event store"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    what TEXT NOT NULL,
    data TEXT NOT NULL,
    tags TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_time ON events (at);
CREATE TABLE IF NOT EXISTS event_tags (
    tag TEXT NOT NULL,
    event INTEGER NOT NULL REFERENCES events (id),
    PRIMARY KEY (tag, event)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS event_tags_by_event ON event_tags (event);
"""


class EventStore:
    """Events by time and tag; no more than *most*, the oldest make room. Any thread may use it.

    *count* is told how many made room, as ``eventsDropped``.

    Every method raises ``StoreError`` when the database fails.
    """

    def __init__(
        self,
        database: Database | None = None,
        most: int = MAX_EVENTS,
        count: Callable[[str, int], None] = lambda name, number: None,
    ) -> None:
        self._database = database or Database.in_memory(_SCHEMA, _WHAT)
        self._most = most
        self._tell = count
        self._adding = threading.Lock()
        with self._database.reading() as connection:
            self._count = int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

    @classmethod
    def open(
        cls,
        path: str,
        *,
        read_only: bool = False,
        most: int = MAX_EVENTS,
        count: Callable[[str, int], None] = lambda name, number: None,
    ) -> EventStore:
        """The events in the file *path*, made if it is missing; *read_only*: a copy of it in memory.

        If the file can't be used, the log and :meth:`health` say so, and events are in memory.
        """
        return cls(Database.kept(path, _SCHEMA, _WHAT, read_only=read_only), most, count)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def count(self) -> int:
        """How many events there are."""
        return self._count

    def health(self) -> dict[str, object]:
        """What ``/health`` tells of it: how many events there are, and in one line why they aren't in the file."""
        return {"count": self._count, "error": " ".join(self._database.fault.split())}

    def add(self, event: Event) -> int:
        """Keep *event*; return the id that it got. It is on disk then."""
        with self._adding:
            with self._database.writing() as connection:
                number = _insert(connection, event)
                gone = self._make_room(connection) if self._count >= self._most else 0
            self._count += 1 - gone
        if gone:
            self._tell("eventsDropped", gone)
            log.warning("there are over %d events: the %d oldest were dropped", self._most, gone)
        return number

    def get(self, number: int) -> Event:
        """The event with this id; ``LookupError`` if there is none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT id, at, what, data, tags FROM events WHERE id = ?", (number,)).fetchone()
        if row is None:
            raise LookupError(number)
        return _event(row)

    def find(self, start: float, end: float, tags: Sequence[str] | None = None, *, union: bool = False) -> list[Event]:
        """Events from *start* to *end*, both included, by time: all, or those with all of *tags*.

        *union*: one of *tags* is enough. ``GraphiteError`` if they are more than :data:`MAX_FOUND`.
        """
        condition, arguments = _tagged(tags, union=union)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT id, at, what, data, tags FROM events WHERE at BETWEEN ? AND ?{condition}"  # noqa: S608
                " ORDER BY at, id LIMIT ?",
                (start, end, *arguments, MAX_FOUND + 1),
            ).fetchall()
        if len(rows) > MAX_FOUND:
            raise GraphiteError(f"over {MAX_FOUND} events match: ask for a shorter range or more tags")
        return [_event(row) for row in rows]

    def times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """When there was an event with all of *tags* in ``[start, end)``, in whole epoch seconds, sorted."""
        condition, arguments = _tagged(tags or None, union=False)
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT CAST(at AS INTEGER) FROM events WHERE at >= ? AND at < ?{condition} ORDER BY at",  # noqa: S608
                (start, end, *arguments),
            )
            return [row[0] for row in rows]

    def _make_room(self, connection: sqlite3.Connection) -> int:
        excess = self._count + 1 - self._most + self._most // _SPARE
        oldest = "SELECT id FROM events ORDER BY at, id LIMIT ?"
        connection.execute(f"DELETE FROM event_tags WHERE event IN ({oldest})", (excess,))  # noqa: S608
        return connection.execute(f"DELETE FROM events WHERE id IN ({oldest})", (excess,)).rowcount  # noqa: S608


def _insert(connection: sqlite3.Connection, event: Event) -> int:
    entered = connection.execute(
        "INSERT INTO events (at, what, data, tags) VALUES (?, ?, ?, ?)",
        (event.when, event.what, event.data, " ".join(event.tags)),
    )
    number = entered.lastrowid or 0
    connection.executemany(
        "INSERT OR IGNORE INTO event_tags (tag, event) VALUES (?, ?)", [(tag, number) for tag in event.tags]
    )
    return number


def _tagged(tags: Sequence[str] | None, *, union: bool) -> tuple[str, tuple[str | int, ...]]:
    """SQL for events with *tags*, and its arguments."""
    if tags is None:
        return "", ()
    distinct = list(dict.fromkeys(tags))
    enough = 1 if union else len(distinct)
    condition = (
        " AND id IN (SELECT event FROM event_tags WHERE tag IN (SELECT value FROM json_each(?))"
        " GROUP BY event HAVING count(*) >= ?)"
    )
    return condition, (json.dumps(distinct), enough)


def _event(row: tuple[int, float, str, str, str]) -> Event:
    number, at, what, data, tags = row
    return Event(at, what, tuple(tags.split()), data, number)
