"""Points on their way, and which scheduled run each is of: of what is refused it is known whose it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from saltern_master.record import Lost
from saltern_master.shipping.shipper import Points


class Run(NamedTuple):
    """A scheduled run: whose, of which schedule, for which slot (epoch s)."""

    minion_id: str
    schedule: str
    slot: float


class Shipment:
    """What is shipped at once."""

    def __init__(self) -> None:
        self.points = Points([], [], [])
        self.vain: list[Run] = []
        """Runs of which no point may be shipped."""
        self._runs: list[tuple[int, int, Run]] = []

    def __len__(self) -> int:
        return len(self.points.names)

    def add(self, values: Mapping[str, float], time: int, run: Run | None) -> None:
        """Add points, by name, at one time; *run* is whose all of them are, if anybody's."""
        start = len(self)
        self.points.names.extend(values)
        self.points.values.extend(values.values())
        self.points.times.extend([time] * len(values))
        if run is not None and values:
            self._runs.append((start, len(self), run))

    def lost(self, refused: Collection[int]) -> Lost:
        """Return the runs that came to nothing: no point of theirs may be shipped, or all that were are *refused*.

        *refused*: the points' places.
        """
        gone = set(refused)
        vain = list(self.vain)
        if gone:
            vain += [run for start, end, run in self._runs if gone.issuperset(range(start, end))]
        lost: Lost = {}
        for run in vain:
            lost.setdefault(run.minion_id, {}).setdefault(run.schedule, []).append(run.slot)
        return lost
