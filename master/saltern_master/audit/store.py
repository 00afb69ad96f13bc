"""The audit in SQLite, a row a line: ``cachedir/audit.db``, to be searched; the file is what counts.

The number of the newest row is how far it is: what the file has beyond it is put in when it can be. A database that is
broken is set aside, and made again from the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from saltern.database_file import DatabaseFile
from saltern.errors import JournalError, os_errors
from saltern_master.audit.record import Record, told_of
from saltern_master.audit.trail import Written
from saltern_master.sql.address import sqlite_file
from saltern_master.sql.database import Database
from saltern_master.sql.json_text import plain_text

STEP_ROWS = 500
"""Deleted in one transaction."""
ROW_BYTES = 200
"""What a row takes beside its line: columns, indices."""

_TABLES = MetaData()
_INDEXED = ("time", "who", "what")
_TYPES: dict[str, Any] = {"time": Double, "minions": Integer, "more": Integer}
ROWS = Table(
    "audit",
    _TABLES,
    Column("seq", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    *(Column(name, _TYPES.get(name, Text), nullable=False, index=name in _INDEXED) for name in Record._fields),
    Column("bytes", Integer, nullable=False),
)


class Asked(NamedTuple):
    """What is looked for; times in seconds since 1970, *user* and *command* as globs."""

    since: float | None = None
    until: float | None = None
    user: str | None = None
    command: str | None = None
    result: str | None = None
    limit: int = 100


class AuditStore:
    """Any thread may use it. Raises ``JournalError`` when the file can't be used now."""

    def __init__(self, path: str) -> None:
        self._database = Database(sqlite_file(path))
        self._file = DatabaseFile(path, "the audit's store", {"audit": [column.name for column in ROWS.columns]})
        self._bytes = 0

    def open(self) -> None:
        """Make ready; what is no database of ours is set aside."""
        with os_errors(JournalError, self._file.path, "the audit's store can't be opened"), self._file.alone():
            self._database.close()
            self._file.ready()
        with self._connected("can't be opened") as connection:
            _TABLES.create_all(connection)
            self._bytes = connection.execute(select(func.sum(ROWS.c.bytes))).scalar() or 0

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def newest(self) -> tuple[int, str] | None:
        """Return the number and digest of the newest row."""
        with self._connected("can't be read") as connection:
            query = select(ROWS.c.seq, ROWS.c.digest).order_by(ROWS.c.seq.desc()).limit(1)
            found = connection.execute(query).first()
        return None if found is None else (int(found.seq), str(found.digest))

    def put(self, written: Sequence[Written]) -> None:
        """Store lines that were written; one that is there already stays as it is."""
        rows = [
            {"seq": one.seq, "digest": one.digest, **_columns(one.record), "bytes": one.size + ROW_BYTES}
            for one in written
        ]
        with self._connected("can't be written") as connection:
            numbers = [row["seq"] for row in rows]
            query = select(ROWS.c.seq).where(ROWS.c.seq.between(min(numbers), max(numbers)))
            there = {row.seq for row in connection.execute(query)}
            rows = [row for row in rows if row["seq"] not in there]
            if rows:
                connection.execute(insert(ROWS), rows)
        self._bytes += sum(row["bytes"] for row in rows)

    def purge(self, before: float, max_bytes: int) -> int:
        """Delete some of the oldest rows when they are from *before* an instant, or all are over a bound of bytes.

        Return how many. The newest stays: it says how far the store is.
        """
        with self._connected("can't be purged") as connection:
            newest = select(func.max(ROWS.c.seq)).scalar_subquery()
            query = select(ROWS.c.seq, ROWS.c.time, ROWS.c.bytes).where(ROWS.c.seq < newest)
            gone, left = [], self._bytes
            for seq, at, size in connection.execute(query.order_by(ROWS.c.seq).limit(STEP_ROWS)):
                if at >= before and left <= max_bytes:
                    break
                gone.append(seq)
                left -= size
            if gone:
                connection.execute(delete(ROWS).where(ROWS.c.seq <= gone[-1]))
        self._bytes = left
        return len(gone)

    def query(self, asked: Asked) -> list[dict[str, Any]]:
        """Return what is found, newest first; only what means something is in it."""
        c = ROWS.c
        query = select(c.seq, *(c[name] for name in Record._fields)).order_by(c.seq.desc()).limit(asked.limit)
        if asked.since is not None:
            query = query.where(c.time >= asked.since)
        if asked.until is not None:
            query = query.where(c.time < asked.until)
        if asked.user is not None:
            query = query.where(c.who.bool_op("GLOB")(asked.user))
        if asked.command is not None:
            functions = literal(",") + c.functions + literal(",")
            runs = (c.functions != "") & functions.bool_op("GLOB")(f"*,{asked.command},*")
            query = query.where(c.what.bool_op("GLOB")(asked.command) | runs)
        if asked.result is not None:
            query = query.where(c.result == asked.result)
        with self._connected("can't be read") as connection:
            return [told_of(row._asdict()) for row in connection.execute(query)]

    @contextlib.contextmanager
    def _connected(self, what: str) -> Iterator[Connection]:
        with self._file.using(), self._database.connected(what) as connection:
            try:
                yield connection
            except SQLAlchemyError as error:
                self._file.note(getattr(error, "orig", None) or error)
                raise


def _columns(record: Record) -> dict[str, Any]:
    values = record._asdict()
    return {name: plain_text(value) if isinstance(value, str) else value for name, value in values.items()}
