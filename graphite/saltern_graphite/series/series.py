"""The series: a column of numbers on a regular grid, and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
"""One number per step; NaN stands for "no value"."""


class Fetched(NamedTuple):
    """One metric's values as a store has them over a window; ``method`` is its file's own way of coarsening them."""

    start: int
    end: int
    step: int
    values: Values
    method: str


@dataclass(frozen=True, slots=True)
class Series:
    """One line of an answer. Immutable, its ``values`` included: functions make new ones.

    ``values[i]`` belongs to the time ``start + i * step`` (epoch seconds); ``end`` is exclusive. Graphite's
    functions may leave ``end`` off the grid or short of the values, so it is kept, not derived.
    ``consolidation`` names how several values become one when the grid is coarsened, ``x_files_factor`` the
    share of them that must be known. ``path`` is the expression that the series came from: aggregates are
    named after it, aliases leave it alone. ``options`` are drawing hints for charts.
    """

    name: str
    start: int
    end: int
    step: int
    values: Values
    path: str
    tags: Mapping[str, str] = field(default_factory=dict)
    consolidation: str = "average"
    x_files_factor: float = 0.0
    options: Mapping[str, object] = field(default_factory=dict)

    def times(self) -> range:
        """The times of the values: no more than there are values, and none after the end."""
        stop = min(self.end + 1, self.start + len(self.values) * self.step)
        return range(self.start, stop, max(self.step, 1))

    def renamed(self, name: str) -> Series:
        """The same line under another name; its path stays, as for an alias."""
        return self.derived(name, path=self.path)

    def derived(
        self,
        name: str,
        values: Values | None = None,
        *,
        start: int | None = None,
        end: int | None = None,
        step: int | None = None,
        consolidation: str | None = None,
        tags: Mapping[str, object] | None = None,
        path: str | None = None,
    ) -> Series:
        """What a function makes of this series: a new name, which is also its path unless given, and what changed.

        *tags* are added to the series' own, as text. Everything not given stays.
        """
        return Series(
            name,
            self.start if start is None else start,
            self.end if end is None else end,
            self.step if step is None else step,
            self.values if values is None else values,
            path or name,
            self.tags if tags is None else {**self.tags, **{tag: str(value) for tag, value in tags.items()}},
            self.consolidation if consolidation is None else consolidation,
            self.x_files_factor,
            self.options,
        )

    def drawn(self, **options: object) -> Series:
        """The same line with drawing hints added."""
        return replace(self, options={**self.options, **options})


SeriesList = Sequence[Series]
"""What functions take; they answer with a ``list``."""


def paths_of(series: SeriesList) -> str:
    """The distinct path expressions of *series*, in order, joined by commas: how aggregates are named."""
    return ",".join(dict.fromkeys(one.path for one in series))
