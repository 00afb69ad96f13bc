"""What differs between two answers, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

from saltern_web.pages.jobs.shape import lines_of

MAX_LINES = 400
"""Of each side: comparing takes as long as they are long, one times the other at worst."""
MAX_CHARS = 400
AROUND = 3
MARKS = {"+": "added", "-": "left", "@": "place", " ": "same"}


class Line(NamedTuple):
    """A line: only here (``added``), only there (``left``), in both (``same``), or where it is (``place``)."""

    kind: str
    text: str


class Difference(NamedTuple):
    """The lines that differ, with some around them; ``cut``: whether there was more to compare."""

    lines: tuple[Line, ...]
    cut: bool


def difference(there: Any, here: Any) -> Difference:
    """Return how *here* differs from *there*."""
    before, after = (lines_of(one, MAX_LINES + 1) for one in (there, here))
    cut = max(len(before), len(after)) > MAX_LINES
    return Difference(tuple(_lines(before[:MAX_LINES], after[:MAX_LINES])), cut)


def _lines(before: Sequence[str], after: Sequence[str]) -> list[Line]:
    there, here = ([line[:MAX_CHARS] for line in side] for side in (before, after))
    told = list(difflib.unified_diff(there, here, n=AROUND, lineterm=""))[2:]
    return [Line(MARKS.get(line[:1], "same"), line if line.startswith("@@") else line[1:]) for line in told]
