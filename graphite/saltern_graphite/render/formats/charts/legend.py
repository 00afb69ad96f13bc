"""The legend: names beside boxes of their colours, in columns under the chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from saltern_graphite.render.formats.charts.box import Box
from saltern_graphite.render.formats.charts.colors import NAMED, Color
from saltern_graphite.render.formats.charts.sheet import Sheet

_PADDING_PX = 5
_BETWEEN_PX = 14
_MAX_SHARE = 0.45
"""Of the chart's height, for the legend."""
_ELLIPSIS = "…"


class Entry(NamedTuple):
    """One line of the legend; ``right``: it belongs to the axis on the right."""

    name: str
    color: Color
    right: bool = False


@dataclass(frozen=True, slots=True)
class Legend:
    """Entries in rows and columns, ready to be drawn."""

    groups: tuple[tuple[Entry, ...], ...]
    columns: int
    rows: int
    cell: float
    line_height: float

    @property
    def height(self) -> float:
        """What it takes from the chart."""
        return self.rows * self.line_height + _PADDING_PX if self.rows else 0.0

    def draw(self, sheet: Sheet, box: Box, foreground: Color) -> None:
        """Draw it at the lower edge of *box*."""
        size = self.line_height - 4
        half = box.width / len(self.groups) if self.groups else 0.0
        for number, group in enumerate(self.groups):
            left = box.left + number * half
            for index, entry in enumerate(group):
                row, column = divmod(index, self.columns)
                x = left + column * self.cell
                y = box.bottom + (self.rows - row - 0.5) * self.line_height
                if entry.color.alpha > 0:
                    mark = Box(x, y - size / 2, x + size, y + size / 2)
                    sheet.rectangle(mark, entry.color.faded(1.0), NAMED["darkgrey"])
                room = self.cell - size - _PADDING_PX
                name = fitted(entry.name, room, sheet.measure)
                sheet.text(x + size + _PADDING_PX, y, name, foreground)


def legend(entries: Sequence[Entry], sheet: Sheet, box: Box, font_size: float, *, unique: bool) -> Legend:
    """Lay *entries* out under *box*. What finds no room in nearly half of its height is counted in a last entry."""
    if unique:
        entries = list({entry.name: entry for entry in reversed(entries)}.values())[::-1]
    line_height = math.ceil(font_size * 1.3) + 1
    if not entries or box.width < font_size:
        return Legend((), 1, 0, 0.0, line_height)
    extra = line_height - 4 + _PADDING_PX
    longest = max(sheet.measure(entry.name) for entry in entries) + extra
    groups = _groups(entries, longest, box.width)
    room = box.width / len(groups)
    columns = max(int((room + _BETWEEN_PX) // (longest + _BETWEEN_PX)), 1)
    cell = min(longest + _BETWEEN_PX, room)
    most = max(int(box.height * _MAX_SHARE // line_height), 1)
    if columns * most < min(len(entries), 2):  # it would only say how many are left out
        return Legend((), 1, 0, 0.0, line_height)
    shown = tuple(_shortened(group, columns * most) for group in groups)
    rows = max(-(-len(group) // columns) for group in shown)
    return Legend(shown, columns, rows, cell, line_height)


def _groups(entries: Sequence[Entry], longest: float, width: float) -> tuple[tuple[Entry, ...], ...]:
    """Entries of the right axis go to the right half, if the names leave room for that."""
    left = tuple(entry for entry in entries if not entry.right)
    right = tuple(entry for entry in entries if entry.right)
    return (left, right) if left and right and longest <= width / 2 else (tuple(entries),)


def _shortened(group: tuple[Entry, ...], most: int) -> tuple[Entry, ...]:
    if len(group) <= most:
        return group
    left_out = len(group) - most + 1
    return (*group[: most - 1], Entry(f"and {left_out} more", Color(0, 0, 0, 0)))


def fitted(text: str, room: float, measure: Callable[[str], float]) -> str:
    """*text*, its end cut off so that it fits into *room* pixels."""
    if measure(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle] + _ELLIPSIS) <= room else (low, middle - 1)
    return text[:low] + _ELLIPSIS if low else ""
