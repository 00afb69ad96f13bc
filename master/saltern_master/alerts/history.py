"""What alerts have changed to: ``<cachedir>/alerts.db``, SQLite, a row for each change of a series' state.

Rows that can't be written just now wait in memory, a bounded number of them, and are tried with the next ones. A
database that is broken is set aside, and begun anew.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Double, Integer, MetaData, Table, Text, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from saltern.complaints import Trouble
from saltern.database_file import DatabaseFile, Fate
from saltern.errors import JournalError, RecordError, SalternError, os_errors
from saltern_master.sql.address import sqlite_file
from saltern_master.sql.database import Database
from saltern_master.sql.json_text import plain_text
from saltern_master.sql.worker import Worker

KEEP_S = 400 * 86400.0
MAX_BYTES = 64 * 1024 * 1024
MAX_WAITING = 20_000
MAX_MINIONS = 1000
"""Of one series of which the names are kept; of what is about more, it isn't told whom it is about."""
MAX_SERIES_CHARS = 4096
"""Of a name; what is longer is cut."""
PURGE_EVERY_ROWS = 500
ROW_BYTES = 150
"""What a row takes beside its texts: columns, indices."""
STEP_ROWS = 1000

_log = logging.getLogger(__name__)
_TABLES = MetaData()


class Entry(NamedTuple):
    """One change. *at* in epoch seconds; *minions*: all that the series is about, ``None`` when that can't be told.

    *acknowledged_by*: who knew of the series then, or ``""``.
    """

    at: float
    alert: str
    series: str
    minions: tuple[str, ...] | None
    state: str
    previous: str
    value: float | None
    threshold: str
    silenced: bool
    acknowledged_by: str

    def shown(self) -> dict[str, Any]:
        """Return it as ``alerts.history`` shows it."""
        return {**self._asdict(), "minions": list(self.minions or ()), "acknowledged_by": self.acknowledged_by or None}


ROWS = Table(
    "alert_changes",
    _TABLES,
    Column("seq", Integer, primary_key=True),
    Column("at", Double, nullable=False, index=True),
    *(Column(name, Text, nullable=False) for name in ("alert", "series", "state", "previous", "threshold")),
    Column("minions", Text),
    Column("value", Double),
    Column("silenced", Integer, nullable=False),
    Column("acknowledged_by", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
)


class Asked(NamedTuple):
    """What is looked for: globs, ``""`` for any, and times in epoch seconds: from *since* on, and before *until*."""

    alert: str = ""
    series: str = ""
    since: float | None = None
    until: float | None = None


class History:
    """Any thread may use it. *clock* is the time, epoch seconds."""

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self._database = Database(sqlite_file(path))
        columns = [column.name for column in ROWS.columns]
        self._file = DatabaseFile(path, "the alerts' history", {ROWS.name: columns})
        self._clock = clock
        self._worker = Worker("alerts' history")
        self._waiting: deque[Entry] = deque(maxlen=MAX_WAITING)
        self._opening = threading.Lock()
        self._is_open = False
        self._bytes = 0
        self._unpurged = PURGE_EVERY_ROWS
        self._trouble = Trouble(_log)
        self.dropped = 0

    def metrics(self) -> dict[str, float]:
        """Return how often it could not be written, and how many changes were dropped because of that."""
        return {"history_failures": self._trouble.count, "history_dropped": self.dropped}

    @property
    def set_aside(self) -> int:
        """How often a broken file was set aside."""
        return self._file.set_aside

    async def put(self, entries: Collection[Entry]) -> None:
        """Keep *entries*, and those that wait; raises nothing."""
        rows = [*self._waiting, *entries]
        if not rows:
            return
        self._waiting.clear()
        try:
            await self._worker.run(lambda: self._write(rows))
        except RecordError as error:  # trying again won't help
            self._trouble.met(str(error))
            self.dropped += len(rows)
        except SalternError as error:
            self._trouble.met(str(error))
            self.dropped += max(0, len(rows) - MAX_WAITING)
            self._waiting.extend(rows)
        else:
            self._trouble.over("the alerts' history is written again")

    def find(self, asked: Asked) -> Iterator[Entry]:
        """Yield what is found, newest first. Raises ``JournalError`` when the file can't be used now."""
        c = ROWS.c
        query = select(ROWS).order_by(c.seq.desc())
        for column, glob in ((c.alert, asked.alert), (c.series, asked.series)):
            if glob:
                meant = column.bool_op("GLOB")(glob.replace("[!", "[^")) if set(glob) & set("*?[") else column == glob
                query = query.where(meant)
        if asked.since is not None:
            query = query.where(c.at >= asked.since)
        if asked.until is not None:
            query = query.where(c.at < asked.until)
        before: int | None = None
        while True:  # a step at a time: who reads slowly keeps nobody from writing
            step = query.limit(STEP_ROWS) if before is None else query.where(c.seq < before).limit(STEP_ROWS)
            with self._connected("can't be read") as connection:
                rows = connection.execute(step).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < STEP_ROWS:
                return
            before = rows[-1].seq

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _write(self, entries: Sequence[Entry]) -> None:
        rows = [_row(entry) for entry in entries]
        with self._connected("can't be written") as connection:
            connection.execute(insert(ROWS), rows)
        self._bytes += sum(row["bytes"] for row in rows)
        self._unpurged += len(rows)
        if self._unpurged >= PURGE_EVERY_ROWS or self._bytes > MAX_BYTES:
            self._purge(self._clock() - KEEP_S)
            self._unpurged = 0

    def _purge(self, before: float) -> None:
        """Delete the oldest rows while they are from *before* an instant, or all are over the bound of bytes."""
        while True:
            with self._connected("can't be purged") as connection:
                gone, left = 0, self._bytes
                query = select(ROWS.c.seq, ROWS.c.at, ROWS.c.bytes).order_by(ROWS.c.seq).limit(STEP_ROWS)
                for seq, at, size in connection.execute(query):
                    if at >= before and left <= MAX_BYTES:
                        break
                    gone, left = seq, left - size
                if gone:
                    connection.execute(delete(ROWS).where(ROWS.c.seq <= gone))
            self._bytes = left
            if not gone:
                return

    @contextlib.contextmanager
    def _connected(self, what: str) -> Iterator[Connection]:
        self._open()
        with self._file.using(), self._database.connected(what) as connection:
            try:
                yield connection
            except SQLAlchemyError as error:
                if self._file.note(getattr(error, "orig", None) or error) is Fate.ANEW:
                    self._is_open = False
                raise

    def _open(self) -> None:
        with self._opening:
            if self._is_open and not self._file.taken_away():
                return
            with os_errors(JournalError, self._file.path, "the alerts' history can't be opened"), self._file.alone():
                self._database.close()
                self._file.ready()
            with self._file.using(), self._database.connected("can't be opened") as connection:
                _TABLES.create_all(connection)
                self._bytes = connection.execute(select(func.sum(ROWS.c.bytes))).scalar() or 0
            self._is_open = True


def _row(entry: Entry) -> dict[str, Any]:
    row = {name: plain_text(value) if isinstance(value, str) else value for name, value in entry._asdict().items()}
    row["series"] = row["series"][:MAX_SERIES_CHARS]
    known = entry.minions is not None and len(entry.minions) <= MAX_MINIONS
    row["minions"] = json.dumps(entry.minions) if known else None
    row["silenced"] = int(entry.silenced)
    row["bytes"] = ROW_BYTES + sum(len(value.encode()) for value in row.values() if isinstance(value, str))
    return row


def _entry(row: Any) -> Entry:
    found = row._asdict()
    minions = None if found["minions"] is None else tuple(map(str, json.loads(found["minions"])))
    return Entry(**{name: found[name] for name in Entry._fields} | {"minions": minions, "silenced": bool(row.silenced)})
