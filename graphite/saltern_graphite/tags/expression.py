"""Conditions on tags, ``tag=value``, ``tag!=value``, ``tag=~regex``, ``tag!=~regex``, and the SQL that they make.

A series without the tag counts as one whose value is empty: ``dc=`` finds those without ``dc``, ``dc!=`` those that
have it. Regular expressions are anchored at the start of the value, not at its end; one that begins with ``^`` is
taken as it stands.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from saltern.errors import FunctionError
from saltern_graphite.functions.patterns import Pattern, compiled
from saltern_graphite.tags.tagged_name import tags_of

MAX_EXPRESSIONS = 100
MAX_EXPRESSION_CHARS = 2_000
_WITH_PAIR = "(SELECT series FROM series_tags WHERE pair IN (SELECT value FROM json_each(?)))"
_EXPRESSION = re.compile(r"([^;!=]+)(!?=~?)([^;]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TagExpression:
    """One condition. ``negative``: one of the operators with ``!``; ``pattern``: for one of those with ``~``.

    ``needs_value``: series without the tag don't pass.
    """

    tag: str
    negative: bool
    value: str
    pattern: Pattern | None
    needs_value: bool

    def accepts(self, value: str) -> bool:
        """Whether a series with *value*, which is not empty, passes."""
        if self.pattern is None:
            return (value == self.value) != self.negative
        # Graphite's database searches where a value is needed and matches elsewhere: it shows for "^a|b"
        found = self.pattern.search(value) if self.needs_value else self.pattern.match(value)
        return (found is not None) != self.negative


def passing(names: Iterable[str], expressions: Sequence[TagExpression]) -> list[str]:
    """Return those canonical *names* that pass all *expressions*: what a database finds by :func:`condition_of`."""
    for one in expressions:
        if one.pattern is None and one.needs_value and one.value:  # most are sorted out by a look at their text
            text = f"{one.value};" if one.tag == "name" else f";{one.tag}={one.value}"
            names = [name for name in names if text in f"{name};"]
    found = []
    for name in names:
        tags = tags_of(name)
        if all(one.accepts(tags[one.tag]) if one.tag in tags else not one.needs_value for one in expressions):
            found.append(name)
    return found


def anchored(param: str, pattern: str) -> Pattern:
    """*pattern* compiled, held to the start of what it is looked for in; ``FunctionError`` names *param*."""
    as_written = compiled(param, pattern)  # a complaint shows it so
    return as_written if pattern.startswith("^") else compiled(param, f"^({pattern})")


def parse_expression(text: str) -> TagExpression:
    """One expression; ``FunctionError`` says what is wrong with it."""
    if len(text) > MAX_EXPRESSION_CHARS:
        raise FunctionError(f"a tag expression has {len(text)} characters: {MAX_EXPRESSION_CHARS} are allowed")
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise FunctionError(f"{text!r} is no tag expression: write tag=value, tag!=value, tag=~regex or tag!=~regex")
    tag, operator, value = found.groups()
    negative = operator.startswith("!")
    pattern = anchored(f"the expression for tag {tag!r}", value) if operator.endswith("~") else None
    passes_without = (value == "" if pattern is None else pattern.match("") is not None) != negative
    return TagExpression(tag, negative, value, pattern, not passes_without)


def parse_expressions(texts: Sequence[str]) -> list[TagExpression]:
    """All of *texts*; ``FunctionError`` if one is wrong, or if none of them needs a value."""
    if len(texts) > MAX_EXPRESSIONS:
        raise FunctionError(f"{len(texts)} tag expressions: {MAX_EXPRESSIONS} are allowed")
    expressions = [parse_expression(text) for text in texts]
    if not any(expression.needs_value for expression in expressions):
        raise FunctionError("at least one tag expression must need a value, such as name=cpu or dc=~.+")
    return expressions


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
