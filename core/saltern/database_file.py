"""An SQLite file that holds state of ours, and what becomes of it when it is broken.

What is wrong decides::

    full, read-only, locked, can't be opened, an I/O error     wait and try again: it may heal by itself
    damaged, no database, another's tables, a folder,          set aside (``saltern.set_aside``), begun anew
    taken away while it was open
    what is to be written                                      refuse it: trying again won't help

Nothing is opened here for work: whoever has the file open lets it be known by :meth:`DatabaseFile.using`, and brings
it in order in :meth:`DatabaseFile.alone`, after closing it. No file is renamed while anyone has it open, since SQLite
deletes a write-ahead log by its name.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from urllib.parse import quote

from saltern.files import make_folder
from saltern.set_aside import set_aside

COMPANIONS = ("-wal", "-shm", "-journal")
USERS_WAIT_S = 10.0
"""For how long those who use a file that is to be closed are waited for."""

_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_FORMAT", "SQLITE_IOERR_SHORT_READ")
_MOVED = "SQLITE_READONLY_DBMOVED"
_FOREIGN = ("no such table", "no such column", "has no column named")
_IN_ITSELF = ("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE")


class Fate(Enum):
    """What an error means for what it happened to."""

    WAIT = "wait"
    ANEW = "begin anew"
    REFUSE = "refuse"


def fate_of(error: BaseException | None) -> Fate:
    """Return what *error*, of ``sqlite3`` or of the operating system, asks for."""
    name = str(getattr(error, "sqlite_errorname", None) or "")
    if name.startswith((*_DAMAGED, _MOVED)):
        return Fate.ANEW
    if name == "SQLITE_ERROR" and any(word in str(error) for word in _FOREIGN):
        return Fate.ANEW
    if error is None or isinstance(error, OSError):
        return Fate.WAIT
    own_fault = not isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError | sqlite3.ProgrammingError)
    if name.startswith(_IN_ITSELF) or (own_fault and not name):
        return Fate.REFUSE
    return Fate.WAIT


class DatabaseFile:
    """The file at *path*, which messages call *what*. Any thread may use it.

    *tables*: those of ours, and columns that each must have. A database with tables of which none is ours, or with one
    of ours that lacks such a column, is another's.
    """

    def __init__(self, path: str, what: str, tables: Mapping[str, Collection[str]]) -> None:
        self.path = path
        self.what = what
        self.asides: list[str] = []
        """What was set aside since the start, until somebody takes it from here."""
        self.set_aside = 0
        """How often that was."""
        self.begun_anew = False
        """Whether ``ready`` found nothing of ours there."""
        self._tables = tables
        self._damage = ""
        self._identity: tuple[int, int] | None = None
        self._users = 0
        self._alone = False
        self._free = threading.Condition()

    def ready(self) -> None:
        """Have a file there that can be opened, readable by its owner alone; what can't be used is set aside.

        For whoever is alone with it. Raises ``OSError`` when that can't be done: wait and try again.
        """
        make_folder(os.path.dirname(self.path) or ".", 0o750)
        why = self._damage or self.unusable()
        if why:
            with contextlib.suppress(FileNotFoundError):  # someone was quicker
                self.asides.append(set_aside(self.path, f"{self.what} can't be used: {why}", COMPANIONS))
                self.set_aside += 1
        self._damage = ""
        self.begun_anew = not os.path.exists(self.path)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(fd)
        finally:
            os.close(fd)
        self._identity = (status.st_dev, status.st_ino)

    def unusable(self) -> str:
        """Return why what is there is no database of ours, ``""`` when it seems to be, or can't be told."""
        if not os.path.exists(self.path):
            return ""
        if not os.path.isfile(self.path):
            return "it is no file"
        try:
            with contextlib.closing(sqlite3.connect(f"{self.uri()}?mode=rw", uri=True)) as connection:
                names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
                names = {name for name in names if not name.startswith("sqlite_")}
                if names and not names & self._tables.keys():
                    return "its tables are another program's"
                for table in names & self._tables.keys():
                    columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
                    if missing := sorted(set(self._tables[table]) - columns):
                        return f"its table {table} has no column {missing[0]}"
        except sqlite3.Error as error:
            return str(error) if fate_of(error) is Fate.ANEW else ""
        return ""

    def uri(self) -> str:
        """Return the file's address as SQLite knows it, for parameters to follow."""
        return f"file:{quote(os.path.abspath(self.path))}"

    def taken_away(self) -> bool:
        """Return whether the file that ``ready`` left is gone, or another has its name: nobody would find what SQLite
        goes on to write.
        """
        try:
            status = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return self._identity is not None
        except OSError:
            return False  # that says nothing of the file
        return self._identity not in (None, (status.st_dev, status.st_ino))

    def note(self, error: BaseException | None) -> Fate:
        """Return what an *error* met at work asks for; a file that is damaged is set aside by the next ``ready``."""
        if self.taken_away():
            return Fate.ANEW
        fate = fate_of(error)
        if fate is Fate.ANEW:
            self._damage = str(error)
        return fate

    @contextlib.contextmanager
    def using(self) -> Iterator[None]:
        """Be one of those who have the file open; waits while somebody is alone with it."""
        with self._free:
            self._free.wait_for(lambda: not self._alone)
            self._users += 1
        try:
            yield
        finally:
            with self._free:
                self._users -= 1
                self._free.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one, to close it and bring it in order. Raises ``OSError`` when others stay at it."""
        with self._free:
            self._free.wait_for(lambda: not self._alone)
            self._alone = True
            try:
                if not self._free.wait_for(lambda: not self._users, USERS_WAIT_S):
                    raise TimeoutError(f"{self.path}: {self.what}: others are still at it")
                yield
            finally:
                self._alone = False
                self._free.notify_all()
