"""Which metrics have files that can't be written, and what of it a store should tell.

A disk that takes nothing is an outage: somebody must see to it, and a load balancer may send the points elsewhere. A
few paths that can't be written (a folder ``x.wsp``, a link to nowhere) are not: a warning tells of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from saltern_graphite.file_writers.base import Failure

OUTAGE = 0.5
"""Above this share of all metrics it is an outage, whatever the reasons are: a tree of another owner, for instance."""


class Unwritable:
    """Metrics by their numbers. One thread changes it, any may ask."""

    def __init__(self) -> None:
        self._held: dict[int, bool] = {}  # and whether all others fare no better
        self._why = ""
        self._compressed: set[int] = set()
        self._example = ""

    def hold(self, number: int, failure: Failure, *, every: bool) -> None:
        """Note that the file of the metric *number* can't be written; *every*: as it is with all others."""
        self._held[number] = every
        self._why = failure.text

    def release(self, number: int) -> None:
        """Note that it could be."""
        self._held.pop(number, None)

    def compressed(self, number: int, failure: Failure) -> bool:
        """Note that the file of the metric *number* is go-carbon's; return whether that is news."""
        if number in self._compressed:
            return False
        self._compressed.add(number)
        self._example = failure.text
        return True

    def written(self, numbers: npt.NDArray[np.uint32], which: npt.NDArray[np.bool_]) -> None:
        """Note that of the metrics *numbers* those in *which* were written: their files are go-carbon's no more."""
        if self._compressed:
            self._compressed.difference_update(numbers[which].tolist())

    @property
    def disk_fails(self) -> bool:
        """Whether a file is held back for a reason that all others have too."""
        return any(self._held.values())

    def outage(self, metrics: int) -> str:
        """Return what keeps more than :data:`OUTAGE` of that many *metrics* from their files; empty if less is."""
        held = len(self._held)
        few = held <= metrics * OUTAGE
        return "" if few else f"{held} of {max(held, metrics)} files can't be written: {self._why}"

    def warnings(self) -> list[str]:
        """Return a line for each kind of file that can't be written."""
        held, compressed, lines = len(self._held), len(self._compressed), []
        if held:
            lines.append(f"{held} files can't be written, and their points wait: {self._why}")
        if compressed:
            lines.append(f"points for {compressed} files are dropped (file_compressed): {self._example}")
        return lines
