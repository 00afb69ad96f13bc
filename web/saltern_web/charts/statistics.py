"""Least, mean, most and last of a series; what isn't there counts as nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Statistics(NamedTuple):
    """Of the values that are there; all ``None`` when there is none. *at*: when the last one was (epoch s)."""

    least: float | None = None
    mean: float | None = None
    most: float | None = None
    last: float | None = None
    at: float | None = None


def statistics(points: Iterable[Sequence[float | None]]) -> Statistics:
    """Return the statistics of ``[value or None, epoch s]`` pairs, the oldest first."""
    known = [(value, at) for value, at in points if value is not None]
    if not known:
        return Statistics()
    numbers = [value for value, _ in known]
    last, at = known[-1]
    return Statistics(min(numbers), sum(numbers) / len(numbers), max(numbers), last, at)
