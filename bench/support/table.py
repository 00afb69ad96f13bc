"""Figures as a table for people, with the budget of each and whether it is met."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import NamedTuple

from support.report import Figure

BUDGET = "budget"
"""The peer of a figure that is held against a number of its own instead of another system."""


class Judged(NamedTuple):
    """A figure and the least ratio it must have; 0: nothing is asked of it."""

    figure: Figure
    at_least: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times better ours is; 0 when the other side has no figure."""
        ours, theirs = self.figure.ours, self.figure.theirs
        if self.figure.more_is_better:
            return ours / theirs if theirs else 0.0
        if theirs and not ours:
            return math.inf
        return theirs / ours if ours else 0.0

    def verdict(self) -> str:
        """Return what the budget says, and whether it is met."""
        if not self.at_least:
            return ""
        met = "met" if self.ratio >= self.at_least else "MISSED"
        return met if self.figure.peer == BUDGET else f"≥ {self.at_least:g}×: {met}"


def show(rows: Iterable[Judged]) -> None:
    """Print the table on stderr: stdout is for the figures' JSON lines."""
    cells = [("what", "ours", "theirs", "unit", "peer", "ratio", "budget")]
    for row in rows:
        figure = row.figure
        ratio = f"{row.ratio:.2f}" if row.ratio else ""
        ours, theirs = _number(figure.ours), _number(figure.theirs)
        cells.append((figure.what, ours, theirs, figure.unit, figure.peer, ratio, row.verdict()))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    numbers = (1, 2, 5)
    for line in cells:
        padded = [
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(padded).rstrip(), file=sys.stderr, flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
