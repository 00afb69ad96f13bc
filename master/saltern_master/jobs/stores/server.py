"""Jobs and returns in MySQL, MariaDB or PostgreSQL, in tables of ours: ``saltern_jobs`` and ``saltern_returns``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, inspect, select
from sqlalchemy.dialects import mysql, postgresql

from saltern.errors import JournalError, RecordError
from saltern_master.jobs.stores.sql import FREED_AT_ONCE, SqlJobStore
from saltern_master.jobs.stores.tables import ON_A_SERVER
from saltern_master.sql.address import MYSQL, Address
from saltern_master.sql.database import Database

OPEN_AGAIN_S = 3.0
"""While it can't be opened, whoever asks is told so at once, and it is tried no oftener."""

_Result = TypeVar("_Result")


class ServerJobStore(SqlJobStore):
    """See ``SqlJobStore``."""

    def __init__(self, address: Address, max_bytes: int) -> None:
        super().__init__(ON_A_SERVER, max_bytes)
        self._database = Database(address)
        self._mysql = address.kind == MYSQL
        self._opening = threading.Lock()
        self._ready = False
        self._tried = float("-inf")
        self._why = f"{address}: the job store isn't open"
        self._unmeasured: float = max_bytes  # so that it is measured with the first
        self.begun_anew = False

    set_aside = 0
    """What is broken on a server is the server's to mend."""

    def open(self) -> None:
        """Make the tables when they are missing; may be tried again. Raises ``JournalError``."""
        with self._opening:
            if self._ready:
                return
            if time.monotonic() - self._tried < OPEN_AGAIN_S:
                raise JournalError(self._why)
            self._tried = time.monotonic()
            try:
                with self._database.connected("the job store can't be opened") as connection:
                    self.begun_anew = not inspect(connection).has_table(self._tables.jids.name)
                    self._tables.metadata.create_all(connection)
                    self._database.learn(connection)
            except (JournalError, RecordError) as error:
                self._why = str(error)
                raise JournalError(self._why) from None
            self._ready = True

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._database.close()

    def done(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        """Return what *work* does in a transaction; see ``SqlJobStore``."""
        if not self._ready:
            self.open()
        with self._database.connected(what) as connection:
            return work(connection)

    def check(self, row: dict[str, Any]) -> None:
        """Raise ``RecordError`` for a row that the server would break the connection for."""
        self._database.check(row)

    def insert_new(self, table: Table) -> Any:
        """Return the statement that inserts what isn't there."""
        if not self._mysql:
            return postgresql.insert(table).on_conflict_do_nothing()
        return mysql.insert(table).on_duplicate_key_update(jid=table.c.jid)  # "ignore" would cut what is too long

    def over_bytes(self, written: int) -> int:
        """Return what is over the bound: looked at each time that so much was written as is freed at once."""
        self._unmeasured += written
        if self._unmeasured < self._max_bytes * FREED_AT_ONCE / 2:
            return 0
        sizes = [self._read(select(func.sum(share.table.c.bytes)))[0][0] for share in self._shares]
        self._unmeasured = 0
        return int(sum(size or 0 for size in sizes)) - self._max_bytes
