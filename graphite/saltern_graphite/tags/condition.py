"""From tag expressions to SQL: which series pass them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from saltern_graphite.tags.expression import TagExpression

_WITH_PAIR = "(SELECT series FROM series_tags WHERE pair IN (SELECT value FROM json_each(?)))"


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true for the ``id`` of a series that passes, and its arguments."""

    sql: str
    arguments: tuple[str, ...]


def condition_of(connection: sqlite3.Connection, expressions: Sequence[TagExpression]) -> Condition:
    """The condition that all of *expressions* make.

    Each looks at the values of its tag alone, of which there are few; the rest is SQLite intersecting sets. At least
    one expression needs a value.
    """
    wanted: list[tuple[int, list[int]]] = []
    unwanted: list[list[int]] = []
    for expression in expressions:
        pairs = _pairs(connection, expression)
        if expression.needs_value:
            wanted.append((sum(count for _, count in pairs), [pair for pair, _ in pairs]))
        elif pairs:
            unwanted.append([pair for pair, _ in pairs])
    wanted.sort()  # the rarest first: it is what SQLite then goes through
    if not wanted[0][0]:
        return Condition("0", ())
    clauses = [f"id IN {_WITH_PAIR}" for _ in wanted] + [f"id NOT IN {_WITH_PAIR}" for _ in unwanted]
    arguments = [json.dumps(pairs) for _, pairs in wanted] + [json.dumps(pairs) for pairs in unwanted]
    return Condition(" AND ".join(clauses), tuple(arguments))


def _pairs(connection: sqlite3.Connection, expression: TagExpression) -> list[tuple[int, int]]:
    """Pairs, and how many series have each: those that pass if a value is needed, else those that don't."""
    found = "SELECT pairs.id, pairs.series, value FROM pairs JOIN tags ON tags.id = pairs.tag WHERE tags.tag = ?"
    arguments = [expression.tag]
    if expression.pattern is None and expression.value:  # one value is asked about
        found += " AND value = ?"
        arguments.append(expression.value)
    return [
        (pair, count)
        for pair, count, value in connection.execute(found, arguments)
        if expression.accepts(value) == expression.needs_value
    ]
