"""The database behind the tag index: its file, or a stand-in in memory for as long as that can't be used.

A file that can't be opened is tried again (:meth:`IndexFile.mend`). One that turns out to be damaged, or that was
taken away while it was open, is given up: closed, set aside, begun anew. No file is renamed while anyone has it open,
since SQLite deletes a write-ahead log by its name.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator

from saltern.errors import StoreError
from saltern_graphite.database import Database
from saltern_graphite.database_damage import damage_of, is_damage, set_aside
from saltern_graphite.tags.schema import SCHEMA

WHAT = "the tag index"
READERS_WAIT_S = 10.0
"""For how long those who read a file that is to be closed are waited for."""

log = logging.getLogger(__name__)


class IndexFile:
    """The file *path*; *read_only*: a copy of it in memory; None: nothing but memory. Any thread may use it.

    :meth:`reading` and :meth:`writing` are those of :class:`Database`.
    """

    def __init__(self, path: str | None = None, *, read_only: bool = False) -> None:
        self.path = path
        self.fault = ""
        """Why the file isn't in use, or can't stay so, in one line; empty when all is well."""
        self.on_fault: Callable[[], None] = lambda: None
        """Called, from any thread, when :meth:`mend` has become necessary."""
        self.begun_anew = False
        """Whether series that were in the file may be missing now."""
        self.asides: list[str] = []
        """Damaged files that were set aside and may hold some of these."""
        self.left: list[str] = []
        """Series that were entered while memory stood in for the file."""
        self.read_only = read_only
        self._damage = ""
        self._identity: tuple[int, int] | None = None
        self._readers = 0
        self._swapping = False
        self._free = threading.Condition()
        if path is None:
            self._database = Database.in_memory(SCHEMA, WHAT)
            return
        try:
            self._database = self._opened(path)
        except StoreError as error:
            log.error("%s; it is tried again, and until then the tag index is in memory", error)
            self.fault = str(error)
            self._database = self._stand_in(path)

    @property
    def ill(self) -> bool:
        """Whether there is something to mend."""
        return bool(self.fault or self.asides or self.left)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; it waits while :meth:`mend` changes what is behind it."""
        with self._free:
            self._free.wait_for(lambda: not self._swapping)
            self._readers += 1
        try:
            with self._noticing(), self._database.reading() as connection:
                yield connection
        finally:
            with self._free:
                self._readers -= 1
                self._free.notify_all()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. The caller sees to it that no :meth:`mend` is under way."""
        with self._noticing(), self._database.writing() as connection:
            path = self._database.path
            if path is not None and _identity(path) != self._identity:  # SQLite would go on, and nobody find it
                raise StoreError(f"{WHAT} {path} was taken away, or another is in its place")
            yield connection

    def count(self) -> int:
        """How many series it has; 0 if that can't be told."""
        with contextlib.suppress(StoreError), self.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM series").fetchone()[0])
        return 0

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def mend(self) -> None:
        """Take up the file again, begun anew if it was damaged. ``StoreError`` if that can't be: memory stands in.

        For one thread, with nobody :meth:`writing`.
        """
        if self.path is None or not self.fault:
            return
        with self._without_readers():
            if self._database.path is not None:
                self._database.close()  # before anything else gets its name
            before = self._database
            try:
                self._database = self._opened(self.path)
            except StoreError as error:
                self.fault = str(error)
                if before.path is not None:
                    self._database, self.begun_anew = self._stand_in(self.path), True
                raise
            if before.path is None:
                before.close()
            self.fault = ""

    def _opened(self, path: str) -> Database:
        if self.read_only:
            return Database.copy_of(path, SCHEMA, WHAT)
        why = self._damage or damage_of(path)
        if why:
            try:
                aside = set_aside(path)
            except FileNotFoundError:  # someone was quicker
                pass
            except OSError as error:
                raise StoreError(f"{WHAT} {path} ({why}) can't be set aside: {error.strerror}") from None
            else:
                log.error("%s %s can't be used (%s): it is set aside as %s and begun anew", WHAT, path, why, aside)
                self.asides.append(aside)
            self._damage, self.begun_anew = "", True
        database = Database.open(path, SCHEMA, WHAT)
        self._identity = _identity(path)
        return database

    def _stand_in(self, path: str) -> Database:
        """What can be had of the file, in memory."""
        with contextlib.suppress(StoreError):
            if not self._damage:
                return Database.copy_of(path, SCHEMA, WHAT)
        return Database.in_memory(SCHEMA, WHAT)

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Take note of a file that is damaged, or is not there any more; of what may pass by itself take none."""
        try:
            yield
        except StoreError as error:
            if self._database.path is None or self.fault:
                raise
            if is_damage(error.__context__):
                self._damage = str(error.__context__)
            elif _identity(self._database.path) == self._identity:
                raise
            else:
                self.begun_anew = True
            self.fault = str(error)
            self.on_fault()
            raise

    @contextlib.contextmanager
    def _without_readers(self) -> Iterator[None]:
        with self._free:
            self._swapping = True
            try:
                if not self._free.wait_for(lambda: not self._readers, READERS_WAIT_S):
                    raise StoreError(f"{WHAT} {self.path}: readers are still at it")
                yield
            finally:
                self._swapping = False
                self._free.notify_all()


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from another that has its name; None: there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
