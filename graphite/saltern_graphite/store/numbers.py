"""A set of metrics' numbers, which are small and many: asked and added to by whole columns."""

from __future__ import annotations

import numpy as np

from saltern_graphite.store.names import Ids

FIRST_SIZE = 1024


class Numbers:
    """One byte for each number up to the highest that was asked for."""

    def __init__(self) -> None:
        self._has = np.zeros(FIRST_SIZE, np.bool_)

    @property
    def count(self) -> int:
        """How many are in the set."""
        return int(np.count_nonzero(self._has))

    def others(self, numbers: Ids) -> Ids:
        """Return those of *numbers*, each once, that are not in the set."""
        highest = int(numbers.max(initial=0))
        if highest >= len(self._has):
            more = np.zeros(max(highest + 1, 2 * len(self._has)), np.bool_)
            more[: len(self._has)] = self._has
            self._has = more
        new = numbers[~self._has[numbers]]
        return np.unique(new) if len(new) else new

    def add(self, numbers: Ids) -> None:
        """Add *numbers*, which were asked for."""
        self._has[numbers] = True

    def clear(self) -> None:
        """Have none in the set."""
        self._has[:] = False
