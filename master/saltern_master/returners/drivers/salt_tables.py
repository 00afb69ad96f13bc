"""Salt's tables, by way of SQLAlchemy: what all kinds of databases share.

Tables that are there are used as they are: whoever made them, whatever the widths and character sets of their columns.
Missing ones are made. Beside them are two of ours (``own_tables.py``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    TableClause,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from saltern.config.minion import own_name
from saltern.errors import JournalError, RecordError
from saltern.ids import jid_of
from saltern_master.jobs.query import Found, Page, Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners.drivers.own_tables import MINUTE, POSITIONS, SIZES
from saltern_master.returners.returner import Elsewhere
from saltern_master.returners.rows import EventRow, LoadRow, ReturnRow, Row
from saltern_master.sql.database import Database
from saltern_master.sql.json_text import Column as Kind
from saltern_master.sql.json_text import json_text, plain_text
from saltern_master.sql.paging import page

STEP_ROWS = 500
"""Deleted in one transaction."""
KEYS_AT_ONCE = 500
CLOCKS_APART_S = 30 * 86400
"""A scheduled run's jid is its agent's, which may have been away for as long before it was received."""
TRUE, FALSE = ("1", "true", "True"), ("0", "false", "False", "")
MAX_TIME = 2**31 - 2
"""MySQL's last second."""


class Tables(NamedTuple):
    """Salt's tables in one kind of database, without ``events`` where Salt has none there."""

    jids: TableClause
    returns: TableClause
    events: TableClause | None


class SaltTables:
    """See ``Returner``. A subclass says what is particular to its kind of database.

    *reader*: whose rows are whose in our tables. *sizes*: whether to know what was stored when, for a bound of bytes.
    """

    tables: Tables
    made_by: Mapping[str, Sequence[str]]
    """Statements that make each of Salt's tables, as its documentation has them."""

    def __init__(self, database: Database, reader: str, *, sizes: bool = False) -> None:
        self._database = database
        self._reader = reader
        self._sizes = sizes
        self._journal = ""
        self._done: Position | None = None
        self._run = os.urandom(8).hex()
        self._widths: dict[tuple[str, str], int] = {}
        self._master_id = ""
        self._ready = False

    # What differs from one kind of database to another.

    def look(self, connection: Connection) -> None:
        """Find out what the tables take."""

    def return_row(self, row: ReturnRow) -> dict[str, Any]:
        """Return the columns of a return."""
        raise NotImplementedError

    def load_column(self) -> Kind:
        """Return what the column of a job's load takes."""
        raise NotImplementedError

    def event_column(self) -> Kind:
        """Return what the column of an event's data takes."""
        raise NotImplementedError

    def delete_some(self, table: TableClause, wanted: Any, most: int) -> Any:
        """Return the statement that deletes *most* of the rows that are *wanted*."""
        raise NotImplementedError

    def time(self, at: float) -> Any:
        """Return epoch seconds as the column of times takes them."""
        return datetime.fromtimestamp(min(max(at, 1.0), MAX_TIME), UTC)

    def found(self, row: Any) -> Found:
        """Return a return from the columns of ``shown``."""
        jid, minion_id, fun, success, came, result = row
        at = came.replace(tzinfo=came.tzinfo or UTC).timestamp() if came is not None else 0.0
        return Found(jid, minion_id, fun, str(success) in TRUE, at, read_json(result))

    def shown(self) -> list[Any]:
        """Return the columns that ``found`` reads."""
        c = self.tables.returns.c
        return [c.jid, c.id, c.fun, c.success, c.alter_time, c["return"]]

    @property
    def when(self) -> Any:
        """Return the column of the time that a return came."""
        return self.tables.returns.c.alter_time

    # See ``Returner``.

    def open(self, journal: str, at: Position) -> Position:
        """Make ready; see ``Returner``."""
        self._done = None
        if not self._ready:
            self._make_ready()
        mine = (POSITIONS.c.reader == self._reader) & (POSITIONS.c.journal == journal)
        with self._connected("can't be opened") as connection:
            row = connection.execute(select(POSITIONS.c.segment, POSITIONS.c.at_byte).where(mine)).first()
            if row is None:
                new = {"reader": self._reader, "journal": journal, "segment": at.segment, "at_byte": at.offset}
                connection.execute(insert(POSITIONS), [{**new, "written": datetime.now(UTC).timestamp()}])
        self._journal = journal
        self._done = at if row is None else Position(*row)
        return self._done

    def close(self) -> None:
        """Let go of the connections."""
        self._database.close()

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        """Store rows; see ``Returner``."""
        loads: dict[str, dict[str, Any]] = {}
        returns: dict[tuple[str, str], dict[str, Any]] = {}
        for row in rows:  # the first of those that are one
            if isinstance(row, LoadRow):
                if row.jid not in loads:
                    loads[row.jid] = self._load_row(row)
            elif (row.jid, row.minion_id) not in returns:
                returns[row.jid, row.minion_id] = self._clipped(self.return_row(row))
        for made in (*loads.values(), *returns.values()):
            self._database.check(made)
        with self._connected("can't be written") as connection:
            self._lock(connection)
            new_loads = self._missing_loads(connection, loads)
            new_returns = self._missing_returns(connection, returns)
            if new_loads:
                connection.execute(insert(self.tables.jids), new_loads)
            if new_returns:
                connection.execute(insert(self.tables.returns), new_returns)
                if self._sizes:
                    self._add_sizes(connection, new_returns)
            if upto is not None:
                moved = {"segment": upto.segment, "at_byte": upto.offset}
                connection.execute(update(POSITIONS).where(self._mine()).values(**moved))
        if upto is not None:
            self._done = upto
        return len(new_returns) + len(new_loads)

    def put_events(self, rows: Sequence[EventRow], number: int) -> None:
        """Store events; see ``Returner``."""
        if self.tables.events is None:
            raise RecordError(f"{self._database.address}: Salt has no table of events there")
        if self._done is None:
            raise JournalError(f"{self._database.address}: isn't open")
        if not self._master_id:
            self._master_id = f"{own_name()}_master"
        made = [self._clipped(self._event_row(row), "salt_events") for row in rows]
        with self._connected("can't be written") as connection:
            done = self._lock(connection, check=False)
            if done == (self._run, number):
                return
            connection.execute(insert(self.tables.events), made)
            told = {"events_run": self._run, "events": number}
            connection.execute(update(POSITIONS).where(self._mine()).values(**told))

    def newest(self) -> float | None:
        """Return when the last job's return came."""
        c = self.tables.returns.c
        with self._connected("can't be read") as connection:
            row = connection.execute(select(*self.shown()).order_by(c.jid.desc()).limit(1)).first()
        return self.found(row).received if row is not None else None

    def purge(self, before: float | None, max_bytes: int | None) -> int:
        """Delete some; see ``Returner``."""
        gone = self._purge_old(before) if before is not None else 0
        return gone or (self._purge_over(max_bytes) if max_bytes else 0)

    def query(self, wanted: Wanted) -> Page:
        """Return what is wanted; see ``Returner``."""
        c = self.tables.returns.c
        fun = self._clipped({"fun": wanted.fun})["fun"] if wanted.fun is not None else None
        given = ((c.id, wanted.minion), (c.fun, fun), (c.jid, wanted.jid))
        conditions = [column == value for column, value in given if value is not None]
        if wanted.success is not None:
            conditions.append(c.success.in_(TRUE if wanted.success else FALSE))
        if wanted.since is not None:
            conditions.append(self.when >= self.time(wanted.since))
            conditions.append(c.jid >= jid_of(max(0.0, wanted.since - CLOCKS_APART_S)))  # this has an index
        if wanted.until is not None:
            conditions.append(self.when < self.time(wanted.until))
        shown = self.shown()
        bounds = {"offset": wanted.offset, "limit": wanted.limit, "max_bytes": wanted.max_bytes}
        with self._connected("can't be read") as connection:
            size = func.length(shown[-1])
            rows, more = page(connection, self.tables.returns, conditions, shown, size, after=wanted.after, **bounds)
        return Page([self.found(row) for row in rows], more)

    # How.

    def _connected(self, what: str) -> AbstractContextManager[Connection]:
        return self._database.connected(what)

    def _make_ready(self) -> None:
        with self._connected("its tables can't be made") as connection:
            there = set(inspect(connection).get_table_names())
            for name, statements in self.made_by.items():
                if name not in there:
                    for statement in statements:
                        connection.execute(text(statement))
            for table in (POSITIONS, SIZES) if self._sizes else (POSITIONS,):
                if table.name not in there:
                    table.create(connection)
        with self._connected("its tables can't be read") as connection:
            self._database.learn(connection)
            looked = inspect(connection)
            self._widths = {
                (name, column["name"]): length
                for name in self.made_by
                for column in looked.get_columns(name)
                if (length := getattr(column["type"], "length", None))
            }
            self.look(connection)
        self._ready = True

    def _mine(self) -> Any:
        return (POSITIONS.c.reader == self._reader) & (POSITIONS.c.journal == self._journal)

    def _lock(self, connection: Connection, *, check: bool = True) -> tuple[str, int]:
        """Have this transaction be the only one of this reader; return what was the last batch of events.

        Raises ``Elsewhere`` when the position isn't what it was.
        """
        now = datetime.now(UTC).timestamp()
        connection.execute(update(POSITIONS).where(self._mine()).values(written=now))
        c = POSITIONS.c
        query = select(c.segment, c.at_byte, c.events_run, c.events).where(self._mine())
        row = connection.execute(query).first()
        if row is None or (check and Position(row[0], row[1]) != self._done):
            self._ready = row is not None
            raise Elsewhere(f"{self._database.address}: somebody else stored what is in the journal, or took it away")
        return row[2], row[3]

    def _missing_loads(self, connection: Connection, loads: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        jid = self.tables.jids.c.jid
        there: set[str] = set()
        for some in _slices(list(loads)):
            there.update(connection.execute(select(jid).where(jid.in_(some))).scalars())
        return [row for key, row in loads.items() if key not in there]

    def _missing_returns(
        self, connection: Connection, returns: dict[tuple[str, str], dict[str, Any]]
    ) -> list[dict[str, Any]]:
        c = self.tables.returns.c
        there: set[tuple[str, str]] = set()
        for some in _slices(list(returns)):
            jids, ids = ({key[number] for key in some} for number in (0, 1))
            found = connection.execute(select(c.jid, c.id).where(c.jid.in_(jids) & c.id.in_(ids)))
            there.update((jid, minion_id) for jid, minion_id in found)
        return [row for key, row in returns.items() if key not in there]

    def _load_row(self, row: LoadRow) -> dict[str, Any]:
        return {"jid": row.jid, "load": json_text(row.load, self.load_column())}

    def _event_row(self, row: EventRow) -> dict[str, Any]:
        data = json_text(row.data, self.event_column())
        made = {"tag": plain_text(row.tag), "data": data, "master_id": self._master_id}
        self._database.check(made)
        return {**made, "alter_time": self.time(row.at)}

    def _clipped(self, row: dict[str, Any], table: str = "salt_returns") -> dict[str, Any]:
        """Return *row* with no name longer than its column: the whole is in ``full_ret``, or ``data``."""
        for name in ("fun", "tag"):
            width = self._widths.get((table, name))
            if width and name in row and len(row[name]) > width:
                row[name] = row[name][:width]
        return row

    def _add_sizes(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        sizes: dict[str, int] = {}
        for row in rows:
            minute = row["jid"][:MINUTE]
            sizes[minute] = sizes.get(minute, 0) + sum(len(text) for text in row.values() if isinstance(text, str))
        for minute, size in sizes.items():
            mine = (SIZES.c.reader == self._reader) & (SIZES.c.minute == minute)
            if not connection.execute(update(SIZES).where(mine).values(bytes=SIZES.c.bytes + size)).rowcount:
                connection.execute(insert(SIZES), [{"reader": self._reader, "minute": minute, "bytes": size}])

    def _purge_old(self, before: float) -> int:
        """Delete some of the returns from before an instant, jobs of that time without any, and events.

        By their jids, which sort by time: Salt's tables have an index on them, and none on the time in MySQL.
        """
        c, jids = self.tables.returns.c, self.tables.jids
        old = c.jid < jid_of(before)
        gone = self._delete(self.tables.returns, old & (self.when < self.time(before)))
        if not gone:
            left = select(c.jid).where(c.jid == jids.c.jid).exists()
            with self._connected("can't be purged") as connection:
                query = select(jids.c.jid).where((jids.c.jid < jid_of(before)) & ~left).limit(STEP_ROWS)
                found = list(connection.execute(query).scalars())
                if found:
                    gone = connection.execute(delete(jids).where(jids.c.jid.in_(found))).rowcount
        if not gone and self._sizes:
            with self._connected("can't be purged") as connection:
                mine = (SIZES.c.reader == self._reader) & (SIZES.c.minute < jid_of(before)[:MINUTE])
                connection.execute(delete(SIZES).where(mine))
        if not gone and self.tables.events is not None:
            gone = self._purge_events(self.tables.events, before)
        return gone

    def _purge_events(self, events: TableClause, before: float) -> int:
        """Delete the oldest events, which are those with the lowest numbers, if they are from before an instant."""
        with self._connected("can't be purged") as connection:
            query = select(events.c.id, events.c.alter_time).order_by(events.c.id).limit(STEP_ROWS)
            rows = connection.execute(query).all()
            limit = self.time(before)
            old = [
                number for number, at in rows if at is not None and at.replace(tzinfo=UTC) < limit.replace(tzinfo=UTC)
            ]
            return connection.execute(delete(events).where(events.c.id.in_(old))).rowcount if old else 0

    def _purge_over(self, max_bytes: int) -> int:
        mine = SIZES.c.reader == self._reader
        with self._connected("can't be read") as connection:
            total = connection.execute(select(func.sum(SIZES.c.bytes)).where(mine)).scalar() or 0
            oldest = connection.execute(select(func.min(SIZES.c.minute)).where(mine)).scalar()
        if total <= max_bytes or oldest is None:
            return 0
        ending = f"{oldest}~"  # behind all digits
        gone = self._delete(self.tables.returns, self.tables.returns.c.jid.between(oldest, ending))
        if gone < STEP_ROWS:
            gone += self._delete(self.tables.jids, self.tables.jids.c.jid.between(oldest, ending))
            with self._connected("can't be purged") as connection:
                connection.execute(delete(SIZES).where(mine & (SIZES.c.minute == oldest)))
        return max(1, gone)

    def _delete(self, table: TableClause, wanted: Any) -> int:
        with self._connected("can't be purged") as connection:
            return connection.execute(self.delete_some(table, wanted, STEP_ROWS)).rowcount


def _slices(keys: list[Any]) -> Iterable[list[Any]]:
    return (keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE))


def read_json(result: Any) -> Any:
    """Return what a column of JSON holds; a text that is none as it is, as is what the driver has read already."""
    if not isinstance(result, str):
        return result
    try:
        return json.loads(result)
    except ValueError:
        return result
