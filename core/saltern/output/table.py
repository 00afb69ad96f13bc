"""``table``: lists of maps as tables, a column for each key, below the names of what holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from saltern.output.look import DARK_GREY, LIGHT_GREY, WHITE, Look
from saltern.output.nested import KEY_INDENT, RULE, nested_lines, sorted_keys
from saltern.plain import Plain
from saltern.visible import visible

MAX_COLUMN_CHARS = 50
"""A longer cell goes on in the line below, if it has blanks."""

MAX_COLUMNS = 100
"""What has more is no table: maps of which each has keys of its own."""


def render(value: Any, look: Look) -> str:
    """Return the tables in *value*."""
    return "\n".join(_lines(Plain().of(value), 0, look))


def _lines(value: Any, indent: int, look: Look) -> Iterator[str]:
    if isinstance(value, dict):
        for key in sorted_keys(value):
            yield look.line(indent, DARK_GREY, visible(str(key)), ":")
            yield look.line(indent, DARK_GREY, RULE)
            inner = indent if isinstance(value[key], list) else indent + KEY_INDENT
            yield from _lines(value[key], inner, look)
    elif isinstance(value, list):
        yield from _table(value, indent + KEY_INDENT, look)
    else:
        yield look.line(indent, WHITE, visible(str(value)))


def _table(members: list[Any], indent: int, look: Look) -> Iterator[str]:
    rows = _rows(members)
    if not rows or not 0 < len(rows[0]) <= MAX_COLUMNS:
        yield from nested_lines(members, indent, "", look)
        return
    lines = [_wrapped(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*(line for row in lines for line in row), strict=True)]
    rule = "-" * (sum(widths) + 3 * len(widths) + 1)
    yield look.line(indent, LIGHT_GREY, rule)
    for row in lines:
        for line in row:
            cells = " | ".join(cell.center(width) for cell, width in zip(line, widths, strict=True))
            yield look.line(indent, WHITE, f"| {cells} |")
        yield look.line(indent, LIGHT_GREY, rule)


def _rows(members: list[Any]) -> list[list[str]]:
    """Return the cells of *members*, row by row; above those of maps are the columns' names."""
    if members and all(isinstance(member, dict) for member in members):
        keys = sorted({str(key) for member in members for key in member})
        if len(keys) > MAX_COLUMNS:
            return []
        labels = [visible(key.replace("_", " ").title()) for key in keys]
        texts = [{str(key): member for key, member in row.items()} for row in members]
        return [labels, *([_cell(row.get(key, "")) for key in keys] for row in texts)]
    if members and all(isinstance(member, list) for member in members):
        width = max(map(len, members))
        return [[_cell(cell) for cell in [*row, *[""] * (width - len(row))]] for row in members if width]
    return [[_cell(member)] for member in members]


def _cell(value: Any) -> str:
    return "\n".join(visible(line) for line in str(value).split("\n"))


def _wrapped(row: list[str]) -> list[list[str]]:
    """Return the lines that *row* takes, all cells of a line beside one another."""
    cells = [_fold(cell).split("\n") for cell in row]
    height = max(map(len, cells))
    return [list(line) for line in zip(*(cell + [""] * (height - len(cell)) for cell in cells), strict=True)]


def _fold(text: str) -> str:
    """Return *text* with newlines in place of the blanks at which its lines would become too long."""
    first, *words = text.split(" ")
    folded, column = first, len(first.rpartition("\n")[2])
    for word in words:
        fits = column + len(word.partition("\n")[0]) < MAX_COLUMN_CHARS
        folded += f"{' ' if fits else chr(10)}{word}"
        tail = word.rpartition("\n")
        column = len(tail[2]) if tail[1] or not fits else column + 1 + len(word)
    return folded
