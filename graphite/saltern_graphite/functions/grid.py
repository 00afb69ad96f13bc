"""Several series on one grid, as rows of a matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saltern.errors import FunctionError
from saltern_graphite.series.aggregation import Matrix, coarsened
from saltern_graphite.series.series import Series, SeriesList, Values

MAX_STEP_S = 2**62
"""A longer one doesn't fit into NumPy's integers together with a time."""


@dataclass(frozen=True, slots=True)
class Grid:
    """*rows* are series of one length: shorter ones end in NaN."""

    rows: Sequence[Values]
    start: int
    end: int
    step: int

    @property
    def matrix(self) -> Matrix:
        """All rows under one another, in a copy."""
        return np.stack(self.rows)


def normalized(series: SeriesList) -> list[Series]:
    """*series* brought to the least common multiple of their steps.

    Each is grouped from its first point on, not aligned to the step: Graphite's choice, and dashboards show it.
    ``FunctionError``: there is no such multiple that times can be counted in.
    """
    step = math.lcm(*(one.step for one in series))
    if step > MAX_STEP_S:
        raise FunctionError("these series have no common step: summarize them to one before")
    return [coarsened(one, step // one.step) for one in series]


def grid(series: SeriesList) -> Grid:
    """One or more *series* as rows, first value to first value, as Graphite adds them up."""
    rows = normalized(series)
    step = rows[0].step
    start = min(one.start for one in rows)
    end = max(one.end for one in rows)
    return Grid(filled_up([one.values for one in rows]), start, end - (end - start) % step, step)


def stacked_rows(rows: Sequence[Values]) -> Matrix:
    """*rows* under one another, the short ones filled up with NaN."""
    return np.stack(filled_up(rows))


def filled_up(rows: Sequence[Values]) -> list[Values]:
    """*rows*, the short ones filled up with NaN."""
    width = max(map(len, rows))
    return [row if len(row) == width else np.concatenate((row, np.full(width - len(row), np.nan))) for row in rows]
