"""How old the segments are: how long ago each was written last."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from saltern.file_ages import ages_of

STEPS = 4
"""A clock that was set between two segments, or before a start, makes those before it older by one part in so many."""


class Ages:
    """By the numbers of segments; *steady* is a clock that nobody sets."""

    def __init__(self, max_age_s: float, steady: Callable[[], float]) -> None:
        self._max_age_s = max_age_s
        self._steady = steady
        self._written: dict[int, float] = {}

    def find(self, paths: Mapping[int, str]) -> None:
        """Have the segments at *paths*, and no others, be as old as when the last was written. Raises ``OSError``."""
        modified = [os.stat(path).st_mtime for path in paths.values()]
        now = self._steady()
        ages = ages_of(modified, self._max_age_s / STEPS)
        self._written = {number: now - age for number, age in zip(paths, ages, strict=True)}

    def wrote(self, number: int) -> None:
        """A segment was begun, or written to, now."""
        self._written[number] = self._steady()

    def forget(self, number: int) -> None:
        """A segment is gone."""
        del self._written[number]

    def too_old(self, number: int) -> bool:
        """Return whether a segment is to be deleted for its age."""
        return self._steady() - self._written[number] > self._max_age_s
