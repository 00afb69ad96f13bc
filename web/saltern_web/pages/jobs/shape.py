"""Answers as rows that can be read: text as lines, maps and lists as a tree, lists of alike maps as a table.

Whatever an answer holds it becomes text, bounded: by lines, by characters and by depth, and what is left out is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

MAX_LINES, MAX_LINE_CHARS, MAX_CHARS = 1000, 4000, 48 * 1024
MAX_ROWS, MAX_DEPTH = 1000, 10
MAX_COLUMNS, MAX_CELL_CHARS = 12, 300
LEAST_TABLE = 2
MAX_FLAT, MAX_FLAT_CHARS = 16, 100


class Row(NamedTuple):
    """One row of a tree: how deep it is, its key, its value as text (several lines may be), and what kind that is."""

    depth: int
    key: str
    value: str
    kind: str

    @property
    def lines(self) -> list[str]:
        """The lines of its value."""
        return self.value.rstrip("\n").split("\n")


class Shape(NamedTuple):
    """An answer to be shown. ``kind``: text, one, tree, table or empty. ``cut``: what isn't shown, in one line."""

    kind: str
    lines: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    head: tuple[str, ...] = ()
    body: tuple[tuple[str, ...], ...] = ()
    cut: str = ""


def shape_of(value: Any, most_chars: int = MAX_CHARS) -> Shape:
    """Return how *value* is shown, in about *most_chars* characters at most."""
    if isinstance(value, str):
        return _text(value, most_chars)
    if isinstance(value, list) and (head := _columns(value)):
        return _table(value, head, most_chars)
    if isinstance(value, Mapping | list) and value:
        return _tree(value, most_chars)
    return Shape("one", (word(value),))


def lines_of(value: Any, most: int = MAX_LINES, most_chars: int = 4 * MAX_CHARS) -> list[str]:
    """Return *value* as up to *most* lines of text that can be compared."""
    if isinstance(value, str):
        return [cut(line) for line in value[:most_chars].split("\n")][:most]
    if not isinstance(value, Mapping | list) or not value:
        return [word(value)]
    found, chars = [], 0
    for row in _walk(value, 0):
        first, *more = row.value.split("\n")
        mark = f"{row.key}: " if row.key and (row.value or row.kind == "branch") else row.key
        found.append(f"{'  ' * row.depth}{mark}{first}".rstrip())
        found += ["  " * (row.depth + 1) + line for line in more]
        chars += len(row.value)
        if len(found) >= most or chars > most_chars:
            break
    return found[:most]


def word(value: Any) -> str:
    """Return a value that holds no others as JSON would write it; text as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list):
        return "{}" if isinstance(value, Mapping) else "[]"
    return json.dumps(value, default=str)


def cut(line: str) -> str:
    """Return *line*, cut where it is long."""
    more = len(line) - MAX_LINE_CHARS
    return line if more <= 0 else f"{line[:MAX_LINE_CHARS]}… ({more:,} more characters)"


def _text(value: str, most_chars: int) -> Shape:
    if not value.strip():
        return Shape("empty", (f"{len(value)} characters of blank space" if value else "an empty text",))
    lines = value[: 64 * most_chars].rstrip("\n").split("\n")
    shown: list[str] = []
    chars = 0
    for line in lines[:MAX_LINES]:
        line = cut(line)
        chars += len(line) + 1
        if chars > most_chars and shown:
            break
        shown.append(line)
    left = value.count("\n", 0, len(value.rstrip("\n"))) + 1 - len(shown)
    return Shape("text", tuple(shown), cut=f"{left:,} more lines are not shown" if left > 0 else "")


def _tree(value: Any, most_chars: int) -> Shape:
    rows: list[Row] = []
    chars = 0
    for row in _walk(value, 0):
        if len(rows) >= MAX_ROWS or chars > most_chars:
            return Shape("tree", rows=tuple(rows), cut="more of it is not shown")
        value_shown = "\n".join(cut(line) for line in row.value[: 2 * most_chars].split("\n")[:MAX_LINES])
        rows.append(row._replace(key=cut(row.key)[:MAX_CELL_CHARS], value=value_shown))
        chars += len(value_shown) + len(row.key)
    return Shape("tree", rows=tuple(rows))


def _walk(value: Any, depth: int) -> Iterator[Row]:
    """Yield the rows of a map or list; never deeper than ``MAX_DEPTH``."""
    named = isinstance(value, Mapping)
    for key, one in value.items() if isinstance(value, Mapping) else ((None, one) for one in value):
        name = str(key) if named else "-"
        if isinstance(one, list) and (flat := _flat(one)):
            yield Row(depth, name, flat, "list")
        elif not isinstance(one, Mapping | list) or not one:
            kind = "text" if isinstance(one, str) else "none" if one is None else type(one).__name__
            yield Row(depth, name, word(one), kind)
        elif depth + 1 >= MAX_DEPTH:
            yield Row(depth, name, f"… {len(one):,} more inside, too deep to be shown", "cut")
        else:
            yield Row(depth, name, "", "branch")
            yield from _walk(one, depth + 1)


def _flat(value: list[Any]) -> str:
    """Return a short list of plain values as one line, nothing for another."""
    if not 0 < len(value) <= MAX_FLAT or any(isinstance(one, Mapping | list) for one in value):
        return ""
    flat = f"[{', '.join(word(one)[: MAX_FLAT_CHARS + 1] for one in value)}]"
    return flat if len(flat) <= MAX_FLAT_CHARS and "\n" not in flat else ""


def _columns(value: list[Any]) -> tuple[str, ...]:
    """Return the columns of a table that *value* makes: maps of the same few keys, none of which holds others."""
    if len(value) < LEAST_TABLE or not all(isinstance(one, Mapping) for one in value):
        return ()
    head = tuple(map(str, value[0]))
    if not 0 < len(head) <= MAX_COLUMNS:
        return ()
    for one in value:
        if tuple(map(str, one)) != head or any(isinstance(cell, Mapping | list) and cell for cell in one.values()):
            return ()
    return head


def _table(value: list[Any], head: tuple[str, ...], most_chars: int) -> Shape:
    body: list[tuple[str, ...]] = []
    chars = 0
    for one in value[:MAX_ROWS]:
        cells = tuple(word(cell)[:MAX_CELL_CHARS] for cell in one.values())
        chars += sum(map(len, cells))
        if chars > most_chars and body:
            break
        body.append(cells)
    left = len(value) - len(body)
    return Shape("table", head=head, body=tuple(body), cut=f"{left:,} more rows are not shown" if left else "")
