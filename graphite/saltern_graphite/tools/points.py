"""Columns of points: the known slots of one archive, and how they are joined and rolled up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saltern_graphite.whisper import aggregate
from saltern_graphite.whisper.aggregate import Chosen, Values
from saltern_graphite.whisper.ring import Times

MAX_CELLS = 4_000_000  # of one matrix of slots to roll up: 32 MB


@dataclass(frozen=True, slots=True)
class Points:
    """*values* at *times* (epoch seconds, ascending, each once). Immutable, the columns included."""

    times: Times
    values: Values

    def __len__(self) -> int:
        return len(self.times)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            return NotImplemented
        return np.array_equal(self.times, other.times) and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]  # columns can't be hashed

    def only(self, chosen: Chosen) -> Points:
        """Return the points where *chosen* is true."""
        return Points(self.times[chosen], self.values[chosen])

    def at(self, times: Times) -> Points:
        """Return the points whose time is one of *times*."""
        return self.only(np.isin(self.times, times))

    def not_at(self, times: Times) -> Points:
        """Return the points whose time is none of *times*."""
        return self.only(~np.isin(self.times, times))

    def without(self, others: Points) -> Points:
        """Return the points that are not in *others* with the same value."""
        places = np.searchsorted(others.times, self.times)
        near = np.minimum(places, max(len(others) - 1, 0))
        if not len(others):
            return self
        same = (others.times[near] == self.times) & (others.values[near] == self.values)
        return self.only(~same)


def no_points() -> Points:
    """Return an empty column of points."""
    return Points(np.empty(0, np.int64), np.empty(0, np.float64))


def overlay(columns: Sequence[Points]) -> Points:
    """Return all points of *columns*; where several know a time, the last column wins."""
    if not columns:
        return no_points()
    times = np.concatenate([column.times for column in columns])
    values = np.concatenate([column.values for column in columns])
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    last = np.append(times[1:] != times[:-1], True)[: len(times)]
    return Points(times[last], values[last])


def roll_up(points: Points, step: int, coarse: int, method: str) -> tuple[Points, Values]:
    """Return *points*, a slot every *step* seconds, as slots of *coarse* seconds, rolled up by *method*.

    With each comes the share of its *step* slots that are known, above 0 and up to 1. *method* is one of Whisper's.
    """
    starts = points.times - points.times % coarse
    slots, first = np.unique(starts, return_index=True)
    bounds = np.append(first, len(points))
    width = max(1, -(-coarse // step))
    values, shares = np.empty(len(slots)), np.empty(len(slots))
    at_once = max(1, MAX_CELLS // width)
    for begin in range(0, len(slots), at_once):
        end = min(begin + at_once, len(slots))
        inside = slice(bounds[begin], bounds[end])
        rows = np.searchsorted(slots[begin:end], starts[inside])
        columns = (points.times[inside] - starts[inside]) // step
        cells, known = np.zeros((end - begin, width)), np.zeros((end - begin, width), np.bool_)
        cells[rows, columns], known[rows, columns] = points.values[inside], True
        values[begin:end], shares[begin:end] = aggregate.roll_up(method, cells, known)
    numbers = ~np.isnan(values)  # infinities of both signs make none
    return Points(slots[numbers], values[numbers]), shares[numbers]
