"""The tag index: every tagged series, found by its tags."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from saltern.errors import FunctionError, GraphiteError, StoreError
from saltern_graphite.database.kept import KeptDatabase
from saltern_graphite.tags.entry import Entry
from saltern_graphite.tags.expression import TagExpression, anchored, condition_of, parse_expressions, passing
from saltern_graphite.tags.found import Found
from saltern_graphite.tags.schema import LAYOUT
from saltern_graphite.tags.tagged_name import tags_of

MAX_SERIES = 200_000
"""How many series one answer may hold."""
MAX_LISTED = 100_000
"""How many tags or values one answer may hold."""
_Row = TypeVar("_Row")

TAGS = "SELECT id, tag FROM tags WHERE substr(tag, 1, length(?)) = ? ORDER BY tag"
VALUES = (
    "SELECT id, value, series FROM pairs"
    " WHERE tag = (SELECT id FROM tags WHERE tag = ?) AND substr(value, 1, length(?)) = ? ORDER BY value"
)


class TagIndex:
    """Series by tag. Any thread may use it; each call is one transaction, or one read.

    Every method raises ``StoreError`` when the database fails.
    """

    def __init__(self, file: KeptDatabase | None = None) -> None:
        self.on_removed: Callable[[list[str]], None] = lambda names: None
        """Called with names that were asked to be taken out, when they are."""
        self.coming: Callable[[], list[str]] = list
        """Tells the names that are to be entered: they are found as if they had been."""
        self.enter: Callable[[], object] = lambda: None
        """Has those be entered at once, if they are few: what is told with an id has to be in the database."""
        self.withdraw: Callable[[list[str]], int] = lambda names: 0
        """Has those of some names not be entered that are to be; returns how many those were."""
        self.has_file: Callable[[str], bool] = lambda name: False
        """Whether a series has a file now."""
        self.filling = False
        """Whether series that a tree has are still being entered, after a start."""
        self.file = file or KeptDatabase(LAYOUT)
        self._entry = Entry()
        self._writing = threading.Lock()
        self._found = Found()
        self._series = self._counted()

    @classmethod
    def open(cls, path: str, *, read_only: bool = False) -> TagIndex:
        """The index in the file *path*, made if it is missing; *read_only*: a copy of it in memory.

        If the file can't be used, the log says so, and the index is in memory until :func:`mend` changes that.
        """
        return cls(KeptDatabase(LAYOUT, path, read_only=read_only))

    def close(self) -> None:
        """Close the database."""
        self.file.close()

    def count(self) -> int:
        """How many series are in it; told at once, without a look at the database."""
        return self._series

    def add(self, names: Iterable[str], *, by_hand: bool = False) -> int:
        """Enter canonical *names*, with tags or without; return how many were new. They are on disk then.

        Those that are entered *by_hand* stay though they have no file, until they have had one.
        """
        with self.file.reading() as connection:
            known = "SELECT 1 FROM series WHERE path = ?"
            unknown = [name for name in names if connection.execute(known, (name,)).fetchone() is None]
        absent = [name for name in unknown if not self.has_file(name)] if by_hand else []

        def enter(connection: sqlite3.Connection, names: list[str]) -> int:
            new = self._entry.add(connection, names)
            self._entry.note_absent(connection, absent)
            return new

        return self._write(unknown, enter, 1) if unknown else 0

    def remove(self, names: Iterable[str]) -> int:
        """Take canonical *names* out; return how many there were. Their points stay where they are.

        ``StoreError`` too after a fault that is not mended yet: they would be back then.
        """
        if self.file.ill and not self.file.read_only:
            raise StoreError(self.file.fault or f"{LAYOUT.what} is being mended: try again")
        gone = list(names)
        withdrawn = self.withdraw(gone)
        removed = self._write(gone, self._entry.remove, -1)
        self.on_removed(gone)
        return max(removed, withdrawn)

    def lose(self, names: list[str]) -> int:
        """Take *names*, whose files are gone, out until :meth:`regain`; return how many there were."""
        return self._write(names, self._entry.remove_absent, -1)

    def regain(self, names: list[str]) -> int:
        """Enter *names*, which were absent and have files now; return how many weren't in it."""
        return self._write(names, self._entry.add_present, 1)

    def forget_lost(self, before: float, most: int) -> None:
        """Don't wait any more for files that are gone since *before*, epoch seconds, or when they are over *most*."""
        lost = "FROM absent WHERE NOT EXISTS (SELECT 1 FROM series WHERE path = absent.path)"
        with self._writing, self.file.writing() as connection:
            connection.execute(f"DELETE {lost} AND since < ?", (before,))
            over = f"SELECT path {lost} ORDER BY since DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM absent WHERE path IN ({over})", (most,))  # noqa: S608

    def take_up_file(self) -> None:
        """Use the file again after a fault of it; ``StoreError`` if that can't be done yet."""
        with self._writing:
            try:
                self.file.mend()
            finally:
                self._entry.forget()
                self._found.change()
            self._series = self._counted()

    @property
    def last(self) -> int:
        """The number of the series that was entered last; 0 when there is none, or that can't be told."""
        with contextlib.suppress(StoreError), self.file.reading() as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM series").fetchone()[0])
        return 0

    @property
    def version(self) -> int:
        """Another number after each change."""
        return self._found.version

    def find(self, expressions: Sequence[str], limit: int = MAX_SERIES) -> list[str]:
        """The series that pass all *expressions*, sorted.

        ``FunctionError`` for a wrong expression, or if they are more than *limit*.
        """
        key = tuple(expressions)
        coming = self.coming()  # before the database is asked: from here names go there
        version, names = self._found.get(key)
        if names is None:
            names = self._find(key, limit)
            if len(names) <= limit:
                self._found.keep(key, names, version)
        if coming and (more := passing(coming, parse_expressions(key))):
            names = sorted({*names, *more})
        if len(names) > limit:
            raise FunctionError(f"over {limit} series have these tags: narrow the expressions")
        return list(names)

    def tags(self, pattern: str = "", limit: int | None = None) -> list[tuple[int, str]]:
        """Tags with their ids, sorted: those whose beginning matches *pattern*, the first *limit* of them."""
        matches = anchored("filter", pattern)
        self.enter()
        with self.file.reading() as connection:
            found = [row for row in connection.execute(TAGS, ("", "")) if matches.search(row[1])]
        return bounded(found, limit)

    def values(self, tag: str, pattern: str = "", limit: int | None = None) -> tuple[int, list[tuple[int, str, int]]]:
        """The id of *tag*, and its values as (id, value, how many series have it), chosen as by :meth:`tags`.

        ``LookupError`` if there is no such tag.
        """
        matches = anchored("filter", pattern)
        self.enter()
        with self.file.reading() as connection:
            row = connection.execute("SELECT id FROM tags WHERE tag = ?", (tag,)).fetchone()
            if row is None:
                raise LookupError(tag)
            found = [row for row in connection.execute(VALUES, (tag, "", "")) if matches.search(row[1])]
        return row[0], bounded(found, limit)

    def complete_tags(self, expressions: Sequence[str], prefix: str, limit: int) -> list[str]:
        """The first *limit* tags that begin with *prefix*, sorted.

        With *expressions*: of the series that pass these, and none that they name.
        """
        coming = self.coming()
        if not expressions:
            with self.file.reading() as connection:
                found = [tag for _, tag in connection.execute(f"{TAGS} LIMIT ?", (prefix, prefix, limit))]
            return with_more(found, (tag for name in coming for tag in tags_of(name)), prefix, limit)
        parsed = parse_expressions(expressions)
        named = {expression.tag for expression in parsed}
        with self.file.reading() as connection:
            ids = _ids(connection, "SELECT DISTINCT tag FROM pairs WHERE id IN (SELECT pair {})", parsed)
            found = [tag for id, tag in connection.execute(TAGS, (prefix, prefix)) if id in ids and tag not in named]
        more = (tag for name in passing(coming, parsed) for tag in tags_of(name) if tag not in named)
        return with_more(found, more, prefix, limit)

    def complete_values(self, expressions: Sequence[str], tag: str, prefix: str, limit: int) -> list[str]:
        """The first *limit* values of *tag* that begin with *prefix*, sorted; with *expressions*: of what passes."""
        parsed = parse_expressions([*expressions, f"{tag}!="]) if expressions else []
        more = [tags_of(name).get(tag, "") for name in passing(self.coming(), parsed)]
        with self.file.reading() as connection:
            if expressions:
                pairs = _ids(connection, "SELECT DISTINCT pair {}", parsed)
                found = [value for id, value, _ in connection.execute(VALUES, (tag, prefix, prefix)) if id in pairs]
            else:
                rows = connection.execute(f"{VALUES} LIMIT ?", (tag, prefix, prefix, limit))
                found = [value for _, value, _ in rows]
        return with_more(found, more, prefix, limit)

    def _counted(self) -> int:
        """How many series the database has; 0 if that can't be told."""
        with contextlib.suppress(StoreError), self.file.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM series").fetchone()[0])
        return 0

    def _find(self, expressions: tuple[str, ...], limit: int) -> list[str]:
        """One more than *limit* at most."""
        parsed = parse_expressions(expressions)
        with self.file.reading() as connection:
            condition = condition_of(connection, parsed)
            rows = connection.execute(
                f"SELECT path FROM series WHERE {condition.sql} ORDER BY path LIMIT ?",  # noqa: S608
                (*condition.arguments, limit + 1),
            )
            return [row[0] for row in rows]

    def _write(self, names: list[str], change: Callable[[sqlite3.Connection, list[str]], int], sign: int) -> int:
        with self._writing:
            try:
                with self.file.writing() as connection:
                    changed = change(connection, names)
            except BaseException:
                self._entry.forget()  # ids of what was undone
                raise
            self._series += sign * changed
            if self.file.fault and sign > 0:
                self.file.left += names
        self._found.change()
        return changed


def _ids(connection: sqlite3.Connection, query: str, expressions: Sequence[TagExpression]) -> set[int]:
    """What *query* finds, its ``{}`` being the pairs of the series that pass *expressions*."""
    condition = condition_of(connection, expressions)
    of_those = f"FROM series_tags WHERE series IN (SELECT id FROM series WHERE {condition.sql})"  # noqa: S608
    return {row[0] for row in connection.execute(query.format(of_those), condition.arguments)}


def with_more(found: list[str], more: Iterable[str], prefix: str, limit: int) -> list[str]:
    """Return the first *limit* of *found* and of *more*, of which those count that begin with *prefix*; sorted."""
    return sorted({*found, *(one for one in more if one and one.startswith(prefix))})[:limit]


def bounded(rows: list[_Row], limit: int | None) -> list[_Row]:
    """Return the first *limit* of *rows*. ``GraphiteError`` for over :data:`MAX_LISTED` without one."""
    if limit is None and len(rows) > MAX_LISTED:
        raise GraphiteError(f"there are {len(rows)}, {MAX_LISTED} are shown at once: give a filter or a limit")
    return rows[:limit]
