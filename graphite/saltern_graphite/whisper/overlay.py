"""What a file would hold were some points written into it: the writer's own code, over rings that change no file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saltern_graphite.whisper.file import SLOT, Archive, Layout
from saltern_graphite.whisper.late import first_in_time
from saltern_graphite.whisper.ring import Ring, Rows, Slots, Times, last_of_each, place_of
from saltern_graphite.whisper.update import write_points


class Overlay(Ring):
    """The ring *archive* of the open file *fd*, or an empty one without any; what is written stays in memory."""

    def __init__(self, fd: int | None, archive: Archive, path: str = "") -> None:
        super().__init__([] if fd is None else [fd], archive, np.zeros(1, np.int64), path)
        self._filed = fd is not None
        self._places: Times = np.empty(0, np.int64)  # of what was written, in order
        self._written: Slots = np.empty(0, SLOT)

    def look(self) -> Overlay:
        """Read the base, if there is a file and it isn't known; return the ring itself."""
        if self._filed:
            super().look()
        return self

    def read(self, files: Times, starts: Times, count: int) -> Slots:
        """Return *count* slots (columns) from each of *starts* (rows) on."""
        slots = super().read(files, starts, count) if self._filed else np.zeros((len(starts), count), SLOT)
        if not len(self._places):
            return slots
        first = place_of(self.archive, self.bases[0], starts)
        places = (first[:, np.newaxis] + np.arange(count)) % self.archive.points
        near = np.minimum(np.searchsorted(self._places, places), len(self._places) - 1)
        there = self._places[near] == places
        slots = slots.copy()  # what np.where makes has the machine's order of bytes
        slots[there] = self._written[near[there]]
        return slots

    def write(self, rows: Rows) -> None:
        """Write *rows*; the first begins a ring that isn't begun."""
        if not self.bases[0] and len(rows.times):
            self.bases[0] = rows.times[0]
        before = len(self._places)
        places = np.concatenate((self._places, place_of(self.archive, self.bases[0], rows.times)))
        slots = np.empty(len(places), SLOT)
        slots[:before] = self._written
        slots["time"][before:], slots["value"][before:] = rows.times, rows.values
        order = np.argsort(places, kind="stable")
        order = order[last_of_each(places[order])]
        self._places, self._written = places[order], slots[order]

    @property
    def written(self) -> Rows:
        """What was written, by the place in the ring."""
        times, values = self._written["time"].astype(np.int64), self._written["value"].astype(np.float64)
        return Rows(np.zeros_like(times), times, values)


def rolled_up(points: Rows, layout: Layout, level: int, now: int, fd: int | None, path: str) -> Rows:
    """Return the slots of the archive *level* that become others by writing *points* *now*, and what they hold then.

    *points* are in time order, and all of file 0: the open one *fd*, or one that is still to be made.
    """
    archives = layout.archives
    if points.times[0] >= first_in_time(archives, now):
        archives = archives[: level + 1]  # nothing goes from coarser ones to finer
    rings = {archive: Overlay(fd, archive, path).look() for archive in archives}
    bases = np.zeros((1, len(archives)), np.int64)
    layout = replace(layout, archives=archives)
    write_points([0], layout, bases, points, now, "combine", path, lambda fds, archive, bases, path: rings[archive])
    return rings[archives[level]].written
