"""A database of ours in a file, or a stand-in in memory for as long as that can't be used.

A file that can't be opened is tried again (:meth:`KeptDatabase.mend`). One that turns out to be broken, or that was
taken away while it was open, is given up: closed, set aside, begun anew (:mod:`saltern.database_file`).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from saltern.database_file import DatabaseFile, Fate
from saltern.errors import StoreError
from saltern_graphite.database.database import Database

log = logging.getLogger(__name__)


class Layout(NamedTuple):
    """What a database holds: *what* in messages, the DDL of its tables, and their columns by name."""

    what: str
    schema: str
    tables: Mapping[str, Collection[str]]


class KeptDatabase:
    """The file *path*; *read_only*: a copy of it in memory; None: nothing but memory. Any thread may use it.

    :meth:`reading` and :meth:`writing` are those of :class:`Database`.
    """

    def __init__(self, layout: Layout, path: str | None = None, *, read_only: bool = False) -> None:
        self.path = path
        self.fault = ""
        """Why the file isn't in use, or can't stay so, in one line; empty when all is well."""
        self.on_fault: Callable[[], None] = lambda: None
        """Called, from any thread, when :meth:`mend` has become necessary."""
        self.begun_anew = False
        """Whether what was in the file may be missing now."""
        self.left: list[Any] = []
        """What its owner entered while memory stood in for the file."""
        self.read_only = read_only
        self._layout = layout
        self._file = DatabaseFile(path or "", layout.what, layout.tables)
        if path is None:
            self._database = Database.in_memory(layout.schema, layout.what)
            return
        try:
            self._database = self._opened(path)
        except StoreError as error:
            log.error("%s; it is tried again, and until then %s is in memory", error, layout.what)
            self.fault = str(error)
            self._database = self._stand_in(path)

    @property
    def ill(self) -> bool:
        """Whether there is something to mend."""
        return bool(self.fault or self.asides or self.left)

    @property
    def asides(self) -> list[str]:
        """Broken files that were set aside and may hold some of what is missing."""
        return self._file.asides

    @property
    def set_aside(self) -> int:
        """How often a broken file was set aside since the start."""
        return self._file.set_aside

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; it waits while :meth:`mend` changes what is behind it."""
        with self._file.using(), self._noticing(), self._database.reading() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction. The caller sees to it that no :meth:`mend` is under way."""
        with self._noticing(), self._database.writing() as connection:
            if self._database.path is not None and self._file.taken_away():  # SQLite would go on, and nobody find it
                raise StoreError(f"{self._layout.what} {self.path} was taken away, or another is in its place")
            yield connection

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def mend(self) -> None:
        """Take up the file again, begun anew if it was broken. ``StoreError`` if that can't be: memory stands in.

        For one thread, with nobody :meth:`writing`.
        """
        if self.path is None or not self.fault:
            return
        try:
            with self._file.alone():
                self._take_up(self.path)
        except OSError as error:
            raise StoreError(f"{self._layout.what} {self.path} can't be mended yet: {error}") from None

    def _take_up(self, path: str) -> None:
        before = self._database
        if before.path is not None:
            before.close()  # before anything else gets its name
        try:
            self._database = self._opened(path)
        except StoreError as error:
            self.fault = str(error)
            if before.path is not None:
                self._database, self.begun_anew = self._stand_in(path), True
            raise
        if before.path is None:
            before.close()
        self.fault = ""

    def _opened(self, path: str) -> Database:
        layout = self._layout
        if self.read_only:
            return Database.copy_of(path, layout.schema, layout.what)
        for last in (False, True):
            before = self._file.set_aside
            try:
                self._file.ready()
            except OSError as error:
                raise StoreError(f"{layout.what} {path} can't be opened: {error.strerror or error}") from None
            finally:
                self.begun_anew |= self._file.set_aside > before
            try:
                return Database.open(path, layout.schema, layout.what)
            except StoreError as error:
                if last or self._file.note(error.__context__) is not Fate.ANEW:
                    raise
        raise AssertionError("the last try returns or raises")

    def _stand_in(self, path: str) -> Database:
        """What can be had of the file, in memory."""
        with contextlib.suppress(StoreError):
            if not self._file.unusable():
                return Database.copy_of(path, self._layout.schema, self._layout.what)
        return Database.in_memory(self._layout.schema, self._layout.what)

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        """Take note of a file that is broken, or is not there any more; of what may pass by itself take none."""
        try:
            yield
        except StoreError as error:
            if self._database.path is None or self.fault or self._file.note(error.__context__) is not Fate.ANEW:
                raise
            self.begun_anew = True
            self.fault = str(error)
            self.on_fault()
            raise
