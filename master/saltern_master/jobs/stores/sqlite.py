"""Jobs and returns in SQLite, by way of SQLAlchemy: tables ``jids`` and ``salt_returns``, as Salt's returners do.

A return's text is JSON, so that other programs can read the tables. SQLite runs with a write-ahead log: a reader
never waits for the writer.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    inspect,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from saltern.database_file import DatabaseFile, Fate
from saltern.errors import JournalError, RecordError, SalternError
from saltern_master.jobs.stores.sql import SqlJobStore
from saltern_master.jobs.stores.tables import IN_A_FILE, OURS

BUSY_TIMEOUT_S = 10
PAGE_BYTES = 16384
"""Of a new file: large returns take half as long as with SQLite's own 4096."""
LOG_PAGES = 1024
"""Of SQLite's log before they are moved into the file, which costs two waits for the disk: 16 MiB."""
MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024


JIDS, RETURNS = IN_A_FILE

_Result = TypeVar("_Result")


class _Broken(Exception):  # it is caught here
    """The file that *engine* has open is to be begun anew, for *fault*."""

    def __init__(self, engine: Engine, fault: SalternError) -> None:
        super().__init__()
        self.engine = engine
        self.fault = fault


class SqliteJobStore(SqlJobStore):
    """See ``SqlJobStore``. *path* is SQLite's file, readable by its owner alone.

    A file that is broken is set aside, and one that can't be written is
    read for as long as that lasts (``saltern.database_file``).
    """

    def __init__(self, path: str, max_bytes: int) -> None:
        super().__init__(IN_A_FILE, max_bytes)
        self._path = path
        self._file = DatabaseFile(path, "the job store", OURS)
        self._engine: Engine | None = None
        self._readable: Engine | None = None
        """Reads what is there while the file can't be opened to write."""
        self._why = f"{path}: the job store isn't open"

    @property
    def set_aside(self) -> int:
        """How often a broken file was set aside since the start."""
        return self._file.set_aside

    @property
    def begun_anew(self) -> bool:
        """Whether what was stored before isn't here."""
        return self._file.begun_anew

    def open(self) -> None:
        """Make the file and the tables when they are missing; may be tried again. Raises ``JournalError``."""
        with self._reopening():
            if self._engine is None:
                self._open()

    def close(self) -> None:
        """Close all connections."""
        for engine in (self._engine, self._readable):
            if engine is not None:
                engine.dispose()
        self._engine = self._readable = None

    def insert_new(self, table: Table) -> Any:
        """Return the statement that inserts what isn't there."""
        return insert(table).on_conflict_do_nothing()

    def over_bytes(self, written: int) -> int:
        """Return what the file holds over the bound, where it may; what is in the log may be in the file too."""
        if sum(map(_size_of, (self._path, f"{self._path}-wal"))) <= self._max_bytes:
            return 0
        return self.done("can't be read", _used_bytes, writes=True) - self._max_bytes

    def done(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        """Return what *work* does in a transaction, in a new file when it turns out that this one is broken.

        Raises ``JournalError`` when trying again may help, ``RecordError`` when it won't.
        """
        if writes and self._file.taken_away():
            self._begin_anew(self._engine)
        try:
            return self._transaction(what, work, writes=writes)
        except _Broken as broken:
            self._begin_anew(broken.engine)
        try:
            return self._transaction(what, work, writes=writes)
        except _Broken as broken:
            raise broken.fault from None

    def _transaction(self, what: str, work: Callable[[Connection], _Result], *, writes: bool) -> _Result:
        with self._file.using():
            engine = self._engine or (None if writes else self._readable)
            if engine is None:
                raise JournalError(self._why, path=self._path)
            try:
                with engine.begin() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                fate = self._file.note(_cause(error))  # before anybody else brings it in order
                if fate is Fate.ANEW:
                    raise _Broken(engine, self._fault(what, error)) from None
                raise self._fault(what, error, RecordError if fate is Fate.REFUSE else JournalError) from None

    def _begin_anew(self, broken: Engine | None) -> None:
        with self._reopening():
            if self._engine in (broken, None):  # nobody was quicker
                self._open()

    @contextlib.contextmanager
    def _reopening(self) -> Iterator[None]:
        try:
            with self._file.alone():
                yield
        except (OSError, SQLAlchemyError) as error:
            self._why = f"{self._path}: the job store can't be opened: {_reason(error)}"
            raise JournalError(self._why, path=self._path) from None

    def _open(self) -> None:
        self.close()
        try:
            try:
                self._engine = self._opened()
            except SQLAlchemyError as error:
                if self._file.note(_cause(error)) is not Fate.ANEW:
                    raise
                self._engine = self._opened()
        except (OSError, SQLAlchemyError):
            if os.path.isfile(self._path):
                self._readable = _to_read(self._file.uri())
            raise

    def _opened(self) -> Engine:
        self._file.ready()
        engine = create_engine(f"sqlite:///{self._path}", connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _tune)
        try:
            _upgrade(engine)
            IN_A_FILE.metadata.create_all(engine)
        except SQLAlchemyError:
            engine.dispose()
            raise
        return engine

    def _fault(self, what: str, error: Exception, kind: type[SalternError] = JournalError) -> SalternError:
        return kind(f"{self._path}: {what}: {_reason(error)}", path=self._path)


def _cause(error: SQLAlchemyError) -> BaseException | None:
    return getattr(error, "orig", None)


def _to_read(uri: str) -> Engine:
    """Return an engine that reads a file which can't be written, so that SQLite can't keep a log beside it."""

    def connected() -> sqlite3.Connection:
        return sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, check_same_thread=False)

    return create_engine("sqlite://", creator=connected, poolclass=NullPool)


def _upgrade(engine: Engine) -> None:
    """Give tables from before the columns ``bytes`` and ``owner`` those columns, and their indexes."""
    for table, content in ((RETURNS, RETURNS.c.full_ret), (JIDS, JIDS.c.load)):
        if not inspect(engine).has_table(table.name):
            continue
        there = {column["name"] for column in inspect(engine).get_columns(table.name)}
        with engine.begin() as connection:
            for name, kind in (("bytes", "INTEGER NOT NULL DEFAULT 0"), ("owner", "VARCHAR(255) NOT NULL DEFAULT ''")):
                if name in table.c and name not in there:
                    connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}"))
            if "bytes" not in there:
                connection.execute(update(table).values(bytes=2 * func.length(content)))
            for index in table.indexes:
                index.create(connection, checkfirst=True)


def _size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _used_bytes(connection: Any) -> int:
    """Return how many bytes of the file hold something."""
    pages, free, size = (
        connection.execute(text(f"PRAGMA {name}")).scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _tune(connection: Any, _record: Any) -> None:
    connection.text_factory = _text_of  # a row's damage is met where it is read
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA page_size={PAGE_BYTES}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
    cursor.execute(f"PRAGMA journal_size_limit={MAX_IDLE_LOG_BYTES}")
    cursor.close()


def _text_of(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or str(getattr(error, "orig", None) or error).split("\n")[0]
