"""Points on their way to the disk, in columns.

Points come into an :class:`OpenGeneration`, in the order of their arrival, twenty bytes each. Now and then they are
sorted by metric and time, packed (:mod:`saltern_graphite.store.packed`) and put on shelves. What is on one shelf
becomes a :class:`Generation` when it is time for its files; that is written metric by metric, and what is written is
no longer shown to readers.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from saltern_graphite.store.names import Ids
from saltern_graphite.store.packed import Columns, Places, Points, Seconds, Values, sorted_columns
from saltern_graphite.store.wal.mark import Place

FIRST_POINTS = 16_384  # room in a new generation; it doubles
LONG_CHAIN = 512  # more points of one metric than these are looked for in one pass over all
POINT_BYTES = 20
"""Of memory, for a point that came and isn't packed yet."""


class OpenGeneration:
    """Points as they come. Those of one metric are chained from the newest back, so that readers find them.

    *metrics* and *points* are about how many there will be: to make more room takes long. ``place`` is where the log
    has the first point of these, ``since`` the ``time.monotonic()`` of the first point.
    """

    def __init__(self, metrics: int, points: int = FIRST_POINTS) -> None:
        self.count = 0
        self.metrics = 0
        self.place = Place(0, 0)
        self.since = 0.0
        points = max(points, FIRST_POINTS)
        self._ids = np.empty(points, np.uint32)
        self._times = np.empty(points, np.uint32)
        self._values = np.empty(points, np.float64)
        self._previous = np.empty(points, np.int32)
        self._newest = np.full(max(metrics, FIRST_POINTS), -1, np.int32)

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, not empty, that the log holds from *place* on."""
        if not self.count:
            self.place, self.since = place, time.monotonic()
        self.place = min(self.place, place)  # what is read back late lies before what came meanwhile
        begin, end = self.count, self.count + len(ids)
        self._grow(end, int(ids.max()))
        self._ids[begin:end] = ids
        self._times[begin:end] = times
        self._values[begin:end] = values
        self._chain(ids, np.arange(begin, end, dtype=np.int32))
        self.count = end

    def has(self, number: int) -> bool:
        """Return whether there are points of the metric *number*."""
        return number < len(self._newest) and self._newest[number] >= 0

    def of(self, number: int) -> Points:
        """Return the points of the metric *number*, in time order."""
        place = int(self._newest[number]) if number < len(self._newest) else -1
        chain: list[int] = []
        while place >= 0 and len(chain) < LONG_CHAIN:
            chain.append(place)
            place = int(self._previous[place])
        places = np.array(chain[::-1], dtype=np.int64)
        if place >= 0:
            places = np.flatnonzero(self._ids[: self.count] == number)
        last = dict(zip(self._times[places].tolist(), self._values[places].tolist(), strict=True))
        return sorted(last.items())

    def sorted(self) -> Columns:
        """Return the same points sorted by metric and time."""
        return sorted_columns(self._ids[: self.count], self._times[: self.count], self._values[: self.count])

    def _grow(self, points: int, highest: int) -> None:
        room = len(self._ids)
        if points > room:
            room = max(points, 2 * room)
            for name in ("_ids", "_times", "_values", "_previous"):
                old = getattr(self, name)
                new = np.empty(room, old.dtype)
                new[: self.count] = old[: self.count]
                setattr(self, name, new)
        if highest >= len(self._newest):
            more = np.full(max(highest + 1, 2 * len(self._newest)), -1, np.int32)
            more[: len(self._newest)] = self._newest
            self._newest = more

    def _chain(self, ids: Ids, places: npt.NDArray[np.int32]) -> None:
        before = self._newest[ids]
        self._newest[ids] = places
        self._previous[places] = before
        if not np.array_equal(self._newest[ids], places):  # a metric more than once in this block
            order = np.argsort(ids, kind="stable")
            same = ids[order[1:]] == ids[order[:-1]]
            self._previous[places[order[1:][same]]] = places[order[:-1][same]]
            self._newest[ids[order]] = places[order]
            first = np.append(True, ~same)
            before = before[order[first]]
        self.metrics += int(np.count_nonzero(before < 0))


class Generation:
    """Sorted points on their way into files; the log has them from *place* on, the first came at *since*.

    The writer takes places in *columns*, and gives each back to be :meth:`finish`-ed or taken :meth:`again`.
    """

    def __init__(self, columns: Columns, place: Place, since: float) -> None:
        self.metrics, self.ends, self.times, self.values = columns
        self.place = place
        self.since = since
        self.unwritten = len(self.metrics)
        """How many metrics are neither in their files nor held elsewhere."""
        self._written = np.zeros(self.unwritten, np.bool_)
        self._taken = 0
        self._again: list[int] = []

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        return sum(column.nbytes for column in (self.metrics, self.ends, self.times, self.values, self._written))

    @property
    def waiting(self) -> int:
        """How many metrics are to be taken yet."""
        return len(self.metrics) - self._taken + len(self._again)

    def take(self, most: int) -> Places:
        """Return the places of at most *most* metrics."""
        if self._again:
            taken, self._again = self._again[:most], self._again[most:]
            return np.array(taken, dtype=np.int64)
        begin = self._taken
        self._taken = min(begin + most, len(self.metrics))
        return np.arange(begin, self._taken)

    def again(self, places: Places) -> None:
        """Let the metrics at *places* be taken again."""
        self._again += places.tolist()

    def recall(self) -> None:
        """Let all that was taken and not finished be taken again."""
        self._again = np.flatnonzero(~self._written[: self._taken]).tolist()

    def finish(self, places: Places) -> int:
        """The metrics at *places* are in their files, or held elsewhere; return how many points these were."""
        self._written[places] = True
        self.unwritten -= len(places)
        return int(self.lengths(places).sum())

    def begins(self, places: Places) -> Places:
        """Return where in the columns the points of each metric at *places* begin."""
        return np.where(places > 0, self.ends[places - 1], 0)

    def lengths(self, places: Places) -> Places:
        """Return how many points each metric at *places* has."""
        return self.ends[places] - self.begins(places)

    def of(self, number: int) -> Points:
        """Return the unwritten points of the metric *number*, in time order."""
        place = int(np.searchsorted(self.metrics, number))
        if place == len(self.metrics) or self.metrics[place] != number or self._written[place]:
            return []
        return self.points_at(place)

    def points_at(self, place: int) -> Points:
        """Return the points of the metric at *place*, in time order."""
        span = slice(int(self.ends[place - 1]) if place else 0, int(self.ends[place]))
        return list(zip(self.times[span].tolist(), self.values[span].tolist(), strict=True))
