"""The part of the tag index that a restricted request sees: tags and values that the series there have."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from saltern.errors import FunctionError
from saltern_graphite.http.restricted.prefixes import Prefixes
from saltern_graphite.tags.expression import (
    Condition,
    TagExpression,
    anchored,
    condition_of,
    parse_expressions,
    passing,
)
from saltern_graphite.tags.index import MAX_SERIES, TAGS, VALUES, TagIndex, bounded, with_more
from saltern_graphite.tags.tagged_name import tags_of

_EVERY = Condition("1", ())
_PAIRS = "SELECT pair, count(*) FROM series_tags WHERE series IN (SELECT value FROM json_each(?)) GROUP BY pair"
_TAGS_OF_PAIRS = "SELECT DISTINCT tag FROM pairs WHERE id IN (SELECT value FROM json_each(?))"


class RestrictedTags:
    """What of *index* is at *prefixes*; its methods are those of :class:`TagIndex`."""

    def __init__(self, index: TagIndex, prefixes: Prefixes) -> None:
        self._index = index
        self._prefixes = prefixes

    def find(self, expressions: Sequence[str], limit: int = MAX_SERIES) -> list[str]:
        """Return the series that pass all *expressions*, sorted. ``FunctionError`` for more than *limit*."""
        parsed = parse_expressions(expressions)
        names = set(self._coming(parsed))
        with self._index.file.reading() as connection:
            for _, name in self._series(connection, condition_of(connection, parsed)):
                names.add(name)
                if len(names) > limit:
                    raise FunctionError(f"over {limit} series have these tags: narrow the expressions")
        return sorted(names)

    def tags(self, pattern: str = "", limit: int | None = None) -> list[tuple[int, str]]:
        """Return tags with their ids, sorted: those whose beginning matches *pattern*, the first *limit* of them."""
        matches = anchored("filter", pattern)
        self._index.enter()
        with self._index.file.reading() as connection:
            tags = self._tags(connection, "", self._pairs(connection, _EVERY))
        return bounded([row for row in tags if matches.search(row[1])], limit)

    def values(self, tag: str, pattern: str = "", limit: int | None = None) -> tuple[int, list[tuple[int, str, int]]]:
        """Return the id of *tag*, and its values as (id, value, how many series have it). ``LookupError``: none."""
        matches = anchored("filter", pattern)
        self._index.enter()
        with self._index.file.reading() as connection:
            pairs = self._pairs(connection, _EVERY)
            found = [
                (id, value, pairs[id])
                for id, value, _ in connection.execute(VALUES, (tag, "", ""))
                if id in pairs
            ]  # fmt: skip
            if not found:
                raise LookupError(tag)
            (number,) = connection.execute("SELECT id FROM tags WHERE tag = ?", (tag,)).fetchone()
        return number, bounded([row for row in found if matches.search(row[1])], limit)

    def complete_tags(self, expressions: Sequence[str], prefix: str, limit: int) -> list[str]:
        """Return the first *limit* tags that begin with *prefix*, sorted; with *expressions*: others of what passes."""
        parsed = parse_expressions(expressions) if expressions else []
        named = {expression.tag for expression in parsed}
        more = [tag for name in self._coming(parsed) for tag in tags_of(name) if tag not in named]
        with self._index.file.reading() as connection:
            condition = condition_of(connection, parsed) if parsed else _EVERY
            tags = self._tags(connection, prefix, self._pairs(connection, condition))
        return with_more([tag for _, tag in tags if tag not in named], more, prefix, limit)

    def complete_values(self, expressions: Sequence[str], tag: str, prefix: str, limit: int) -> list[str]:
        """Return the first *limit* values of *tag* that begin with *prefix*, sorted; of what passes *expressions*."""
        parsed = parse_expressions([*expressions, f"{tag}!="]) if expressions else []
        more = [tags_of(name).get(tag, "") for name in self._coming(parsed)]
        with self._index.file.reading() as connection:
            pairs = self._pairs(connection, condition_of(connection, parsed) if parsed else _EVERY)
            found = [value for id, value, _ in connection.execute(VALUES, (tag, prefix, prefix)) if id in pairs]
        return with_more(found, more, prefix, limit)

    def _coming(self, expressions: Sequence[TagExpression]) -> list[str]:
        """Return the series that are seen, pass *expressions*, and are to be entered yet."""
        return [name for name in passing(self._index.coming(), expressions) if self._prefixes.allows(name)]

    def _series(self, connection: sqlite3.Connection, condition: Condition) -> Iterator[tuple[int, str]]:
        """Yield id and name of the series that are seen and meet *condition*."""
        if not self._prefixes:
            return
        span = self._prefixes.span
        within = " AND path >= ? AND path < ?" if span else ""
        query = f"SELECT id, path FROM series WHERE {condition.sql}{within}"  # noqa: S608  # texts of ours
        for id, name in connection.execute(query, (*condition.arguments, *(span or ()))):
            if self._prefixes.allows(name):
                yield id, name

    def _pairs(self, connection: sqlite3.Connection, condition: Condition) -> dict[int, int]:
        """Return the pairs of those series, with how many of them have each."""
        ids = [id for id, _ in self._series(connection, condition)]
        return dict(connection.execute(_PAIRS, (json.dumps(ids),)).fetchall())

    @staticmethod
    def _tags(connection: sqlite3.Connection, prefix: str, pairs: dict[int, int]) -> list[tuple[int, str]]:
        of_pairs = connection.execute(_TAGS_OF_PAIRS, (json.dumps(list(pairs)),))
        ids = {row[0] for row in of_pairs}
        return [(id, tag) for id, tag in connection.execute(TAGS, (prefix, prefix)) if id in ids]
