"""One SQLite file of ours, for what is no time series: tags and events.

One connection writes, under a lock; a few others read, and with SQLite's write-ahead log no reader waits for the
writer. A database in memory has one connection for both. Any thread may use any of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator
from urllib.parse import quote

from saltern.errors import StoreError
from saltern.files import make_folder

BUSY_TIMEOUT_S = 5.0
"""For how long another process may hold the file, ``sqlite3`` on the command line for one."""
MAX_IDLE_READERS = 4
COPIES = 5
"""How often a file that is written to meanwhile is copied before it is taken as it is."""
_MODE = 0o600


class Database:
    """SQLite behind :meth:`writing` and :meth:`reading`, both of which raise ``StoreError`` when it fails.

    *what* names it in messages. Get one by :meth:`open`, :meth:`copy_of` or :meth:`in_memory`.
    """

    def __init__(self, writer: sqlite3.Connection, path: str | None, what: str) -> None:
        self.path = path
        """Its file; None: it is in memory."""
        self._writer = writer
        self._what = what
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        weakref.finalize(self, writer.close)  # what is in memory alone is often just let go

    @classmethod
    def open(cls, path: str, schema: str, what: str) -> Database:
        """Open or make the file *path*, readable by its owner alone, with the tables of *schema* (DDL).

        ``StoreError`` when that can't be.
        """
        try:
            make_folder(os.path.dirname(path) or ".", 0o750)
            return cls(_opened(path, schema), path, what)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{what} {path} can't be opened: {_reason(error)}") from None

    @classmethod
    def in_memory(cls, schema: str, what: str) -> Database:
        """A database that is gone when it is closed."""
        writer = _connected(":memory:")
        writer.executescript(schema)
        return cls(writer, None, what)

    @classmethod
    def copy_of(cls, path: str, schema: str, what: str) -> Database:
        """A copy in memory of the file *path*, which is not touched; an empty one when there is none.

        ``StoreError`` when there is one that can't be read.
        """
        database = cls.in_memory(schema, what)
        if not os.path.exists(path):
            return database
        try:
            _copy_into(path, database._writer)
            database._writer.executescript(schema)
        except (OSError, sqlite3.Error) as error:
            database.close()
            raise StoreError(f"{what} {path} can't be read: {_reason(error)}") from None
        return database

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, undone if the block raises."""
        with self._lock, self._failing():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with."""
        if self.path is None:
            with self._lock, self._failing():
                yield self._writer
            return
        with self._failing():
            connection = self._reader(self.path)
            try:
                yield connection
            finally:
                with self._lock:
                    keep = not self._closed and len(self._idle) < MAX_IDLE_READERS
                    if keep:
                        self._idle.append(connection)
                if not keep:
                    connection.close()

    def close(self) -> None:
        """Close it; readers that are at it finish first, those that come later fail."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            self._writer.close()

    def _reader(self, path: str) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._what} {path} is closed")
            if self._idle:
                return self._idle.pop()
        return _connected(path)

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self._what} {self.path or 'in memory'}: {error}") from None


def _connected(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def _opened(path: str, schema: str) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE))
    writer = _connected(path)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = FULL")  # few commits, and what they hold is nowhere else
        writer.executescript(schema)
    except sqlite3.Error:
        writer.close()
        raise
    return writer


def _reason(error: OSError | sqlite3.Error) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _copy_into(path: str, target: sqlite3.Connection) -> None:
    """Copy the database at *path* into *target* without a byte written beside it.

    What its write-ahead log holds counts; SQLite would make files to read that, so it gets copies to do it with.
    Raises ``OSError`` and ``sqlite3.Error``.
    """
    wal = f"{path}-wal"
    if not os.path.exists(wal) or not os.path.getsize(wal):
        _back_up(f"file:{quote(os.path.abspath(path))}?mode=ro&immutable=1", target)
        return
    with tempfile.TemporaryDirectory(prefix="saltern-") as folder:
        copied = os.path.join(folder, "copy.sqlite")
        for _ in range(COPIES):
            before = os.stat(path)
            shutil.copyfile(wal, f"{copied}-wal")
            shutil.copyfile(path, copied)
            if os.stat(path).st_mtime_ns == before.st_mtime_ns:  # no checkpoint meanwhile: the two fit together
                break
        _back_up(f"file:{quote(copied)}", target)


def _back_up(uri: str, target: sqlite3.Connection) -> None:
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as source:
        source.backup(target)
