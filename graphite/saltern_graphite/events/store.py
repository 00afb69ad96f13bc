"""Where events are kept.

::

    events      id · at (epoch seconds) · what · data · tags, with blanks between
    event_tags  tag · event
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from saltern.complaints import Trouble
from saltern.errors import GraphiteError, StoreError
from saltern_graphite.database.kept import KeptDatabase, Layout
from saltern_graphite.events.event import Event, split_tags

log = logging.getLogger(__name__)

FILE = os.path.join("db", "events.sqlite")
"""Where events are, under the server's root."""
MAX_EVENTS = 1_000_000
"""Beyond that the oldest go."""
MAX_FOUND = 50_000
"""How many events one answer may hold."""
_SPARE = 100  # beyond the bound one in so many goes at once, so that it isn't done for each new event
SUBJECT = "minion:"
"""With what a tag begins that says which minion an event is about, by the minion's name in metrics."""
_BEHIND_SUBJECTS = "minion;"
RETRY_S = 5.0
"""Between tries to take up a file that can't be used."""
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
_LAYOUT = Layout(
    "the event store", _SCHEMA, {"events": ("id", "at", "what", "data", "tags"), "event_tags": ("tag", "event")}
)
_Result = TypeVar("_Result")


class EventStore:
    """Events by time and tag; no more than *most*, the oldest make room. Any thread may use it.

    *count* is told how many made room, as ``eventsDropped``, of faults, as ``eventStoreFailures``, and of files
    that were broken or taken away, as ``eventStoreBegunAnew``.

    Every method raises ``StoreError`` when the database fails.
    """

    def __init__(
        self,
        database: KeptDatabase | None = None,
        most: int = MAX_EVENTS,
        count: Callable[[str, int], None] = lambda name, number: None,
    ) -> None:
        self._database = database or KeptDatabase(_LAYOUT)
        self._most = most
        self._tell = count
        self._adding = threading.Lock()
        self._trouble = Trouble(log)
        self._try_at = 0.0
        self._count = self._counted()
        for name in ("eventStoreFailures", "eventStoreBegunAnew"):
            count(name, 0)  # so that it is seen before the first
        self._tell_begun_anew()

    @classmethod
    def open(
        cls,
        path: str,
        *,
        read_only: bool = False,
        count: Callable[[str, int], None] = lambda name, number: None,
    ) -> EventStore:
        """The events in the file *path*, made if it is missing; *read_only*: a copy of it in memory.

        If the file can't be used, the log and :meth:`health` say so, and events are in memory until it can be; one that
        is broken is set aside and begun anew.
        """
        return cls(KeptDatabase(_LAYOUT, path, read_only=read_only), count=count)

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
        """Keep *event*; return the id that it got. It is on disk then, or waits in memory to be."""
        return self._done(lambda: self._add(event))

    def _add(self, event: Event) -> int:
        with self._adding:
            with self._database.writing() as connection:
                number = _insert(connection, event)
                gone = self._make_room(connection) if self._count >= self._most else 0
            self._count += 1 - gone
            if self._database.fault:
                self._database.left.append(event)
                del self._database.left[: -self._most]
        if gone:
            self._tell("eventsDropped", gone)
            log.warning("there are over %d events: the %d oldest were dropped", self._most, gone)
        return number

    def _done(self, work: Callable[[], _Result]) -> _Result:
        """Return what *work* does; in a new file, when it turns out that this one is broken."""
        self._mend()
        try:
            result = work()
            if not self._database.fault:
                self._trouble.over("the event store works again")
            return result
        except StoreError as error:
            self._tell("eventStoreFailures", 1)
            if not self._database.fault:
                self._trouble.met(str(error))
                raise
        self._mend(at_once=True)
        return work()

    def _mend(self, *, at_once: bool = False) -> None:
        """Take up the file again if it is time to try, and keep there what was added meanwhile."""
        database = self._database
        if database.read_only or not (database.fault or database.left):
            return
        with self._adding:
            if not at_once and time.monotonic() < self._try_at:
                return
            self._try_at = time.monotonic() + RETRY_S
            try:
                database.mend()
                with database.writing() as connection:
                    for event in database.left:
                        _insert(connection, event)
                database.left.clear()
            except StoreError as error:
                self._tell("eventStoreFailures", 1)
                self._trouble.met(f"{error}: events are in memory until it can be used")
            self._count = self._counted()
            self._tell_begun_anew()

    def _tell_begun_anew(self) -> None:
        if self._database.begun_anew:
            self._database.begun_anew = False
            self._database.asides.clear()  # nobody looks for events in them
            self._tell("eventStoreBegunAnew", 1)

    def _counted(self) -> int:
        with contextlib.suppress(StoreError), self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
        return 0

    def get(self, number: int, *, about: Sequence[str] | None = None) -> Event:
        """The event with this id; ``LookupError`` if there is none. *about*: as in :meth:`find`."""
        condition, arguments = _about(about)
        query = f"SELECT id, at, what, data, tags FROM events WHERE id = ?{condition}"  # noqa: S608
        rows = self._rows(query, (number, *arguments))
        if not rows:
            raise LookupError(number)
        return _event(rows[0])

    def find(
        self,
        start: float,
        end: float,
        tags: Sequence[str] | None = None,
        *,
        union: bool = False,
        about: Sequence[str] | None = None,
    ) -> list[Event]:
        """Events from *start* to *end*, both included, by time: all, or those with all of *tags*.

        *union*: one of *tags* is enough. *about*: of minions, those events that are about these alone, by their tags
        (:data:`SUBJECT`). ``GraphiteError`` if they are more than :data:`MAX_FOUND`.
        """
        condition, arguments = _tagged(tags, union=union)
        seen, minions = _about(about)
        rows = self._rows(
            f"SELECT id, at, what, data, tags FROM events WHERE at BETWEEN ? AND ?{condition}{seen}"  # noqa: S608
            " ORDER BY at, id LIMIT ?",
            (start, end, *arguments, *minions, MAX_FOUND + 1),
        )
        if len(rows) > MAX_FOUND:
            raise GraphiteError(f"over {MAX_FOUND} events match: ask for a shorter range or more tags")
        return [_event(row) for row in rows]

    def times(self, tags: Sequence[str], start: int, end: int, *, about: Sequence[str] | None = None) -> list[int]:
        """When there was an event with all of *tags* in ``[start, end)``, in whole epoch seconds, sorted.

        *about*: as in :meth:`find`.
        """
        condition, arguments = _tagged(tags or None, union=False)
        seen, minions = _about(about)
        query = f"SELECT CAST(at AS INTEGER) FROM events WHERE at >= ? AND at < ?{condition}{seen} ORDER BY at"  # noqa: S608
        return [row[0] for row in self._rows(query, (start, end, *arguments, *minions))]

    def _rows(self, query: str, arguments: tuple[Any, ...]) -> list[Any]:
        def work() -> list[Any]:
            with self._database.reading() as connection:
                return connection.execute(query, arguments).fetchall()

        return self._done(work)

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
    distinct = list(dict.fromkeys(one for tag in tags for one in split_tags(tag)))
    enough = 1 if union else len(distinct)
    condition = (
        " AND id IN (SELECT event FROM event_tags WHERE tag IN (SELECT value FROM json_each(?))"
        " GROUP BY event HAVING count(*) >= ?)"
    )
    return condition, (json.dumps(distinct), enough)


def _about(minions: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """SQL for events that are about some of *minions* and about no other, and its arguments; ``None``: for all."""
    if minions is None:
        return "", ()
    subjects = f"SELECT 1 FROM event_tags WHERE event = events.id AND tag >= '{SUBJECT}' AND tag < '{_BEHIND_SUBJECTS}'"  # noqa: S608
    known = "(SELECT value FROM json_each(?))"
    condition = f" AND EXISTS ({subjects}) AND NOT EXISTS ({subjects} AND tag NOT IN {known})"
    return condition, (json.dumps([f"{SUBJECT}{minion}" for minion in minions]),)


def _event(row: tuple[int, float, str, str, str]) -> Event:
    number, at, what, data, tags = row
    return Event(at, what, tuple(tags.split()), data, number)
