"""Series that a test knows, and what targets make of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from saltern_graphite.evaluation.evaluator import Evaluator, Limits
from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.functions import LIBRARY
from saltern_graphite.series.series import Series

STEP = 60
"""Seconds between the values of every metric here."""

START = 1_718_020_800
"""The start of the window; on the grid, so that the first value is one step later."""

Numbers = Sequence[float | None]
X = None


@dataclass
class KnownSeries:
    """Metrics by name, the last of whose values is for *end*; before the first there is nothing."""

    metrics: Mapping[str, Numbers]
    end: int

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches."""
        wanted = pattern.split(".")
        return sorted(
            name
            for name in self.metrics
            if len(name.split(".")) == len(wanted) and all(map(fnmatchcase, name.split("."), wanted))
        )

    def tagged(self, expressions: Sequence[str], limit: int) -> list[str]:
        """None: there are no tags here."""
        return []

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """None: there are no events here."""
        return []

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values in ``(start, end]``, as a Whisper file would tell them."""
        numbers = self.metrics[name]
        oldest = self.end - len(numbers) * STEP  # exclusive
        first = max(start - start % STEP + STEP, oldest + STEP)
        stop = min(end, self.end) // STEP * STEP + STEP
        if first >= stop:
            return None
        chosen = numbers[(first - oldest) // STEP - 1 : (stop - oldest) // STEP - 1]
        values = np.array([math.nan if number is None else number for number in chosen], dtype=np.float64)
        return Fetched(first, stop, STEP, values, "average")


def evaluate(
    target: str,
    metrics: Mapping[str, Numbers],
    *,
    points: int | None = None,
    limits: Limits | None = None,
    source: type[KnownSeries] = KnownSeries,
    template: Mapping[str, str] | None = None,
) -> list[Series]:
    """What *target* makes of *metrics* over the window of *points* values (default: of the longest metric)."""
    length = max(map(len, metrics.values()), default=0) if points is None else points
    end = START + length * STEP
    evaluator = Evaluator(source(metrics, end), LIBRARY, limits)
    return evaluator.evaluate(parse(target), evaluator.context(START, end, end, UTC, template=template))


def numbers(series: Series) -> list[float | None]:
    """The values, None where one is missing."""
    return [None if math.isnan(value) else value for value in series.values.tolist()]


def shown(target: str, metrics: Mapping[str, Numbers], *, points: int | None = None) -> dict[str, list[float | None]]:
    """The values of what *target* makes of *metrics*, by name, in the order of the answer."""
    return {one.name: numbers(one) for one in evaluate(target, metrics, points=points)}
