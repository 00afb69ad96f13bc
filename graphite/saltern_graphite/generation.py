"""Points on their way to the disk, in columns.

Points come into an :class:`OpenGeneration`, in the order of their arrival, twenty bytes each. When the writer is ready
for them the generation is sealed: sorted by metric and time, of two values for one second the later kept. A
:class:`Generation` is then written metric by metric, and what is written is no longer shown to readers.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from saltern_graphite.names import Ids
from saltern_graphite.wal_mark import Place

Seconds = npt.NDArray[np.uint32]
Values = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Points = list[tuple[int, float]]
"""(epoch seconds, value) in time order."""

FIRST_POINTS = 16_384  # room in a new generation; it doubles
LONG_CHAIN = 512  # more points of one metric than these are looked for in one pass over all


class OpenGeneration:
    """Points as they come. Those of one metric are chained from the newest back, so that readers find them.

    *metrics* is about how many there will be; *first_new* is the number from which on metrics were never seen before.
    ``place`` is where the log has the first point of these, ``since`` the ``time.monotonic()`` of the first point.
    """

    def __init__(self, metrics: int, first_new: int) -> None:
        self.first_new = first_new
        self.count = 0
        self.metrics = 0
        self.place = Place(0, 0)
        self.since = 0.0
        self._ids = np.empty(FIRST_POINTS, np.uint32)
        self._times = np.empty(FIRST_POINTS, np.uint32)
        self._values = np.empty(FIRST_POINTS, np.float64)
        self._previous = np.empty(FIRST_POINTS, np.int32)
        self._newest = np.full(max(metrics, FIRST_POINTS), -1, np.int32)

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, not empty, that the log holds from *place* on."""
        if not self.count:
            self.place, self.since = place, time.monotonic()
        begin, end = self.count, self.count + len(ids)
        self._grow(end, int(ids.max()))
        self._ids[begin:end] = ids
        self._times[begin:end] = times
        self._values[begin:end] = values
        self._chain(ids, np.arange(begin, end, dtype=np.int32))
        self.count = end

    def points(self, number: int) -> Points:
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

    def sealed(self) -> Generation:
        """Return the same points sorted by metric and time."""
        ids, times = self._ids[: self.count], self._times[: self.count]
        key = ids.astype(np.uint64)
        key <<= np.uint64(32)
        key |= times
        order = np.argsort(key, kind="stable")
        key = key[order]
        order = order[np.append(key[1:] != key[:-1], True)]  # the last of several for one second
        return Generation(ids[order], times[order], self._values[: self.count][order], self)

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
    """Sorted points: those of the metric ``metrics[i]`` are ``times[ends[i - 1]:ends[i]]`` and their ``values``.

    The writer takes places (``i``), from the back, so that metrics never seen before, which have the highest numbers,
    come first. It gives each back to be :meth:`finish`-ed or taken :meth:`again`.
    """

    def __init__(self, ids: Ids, times: Seconds, values: Values, origin: OpenGeneration) -> None:
        last = np.append(ids[1:] != ids[:-1], True)
        self.metrics = ids[last]
        self.ends = np.flatnonzero(last) + 1
        self.times = times
        self.values = values
        self.place = origin.place
        self.since = origin.since
        self.sealed_at = time.monotonic()
        self.unwritten = len(self.metrics)
        """How many metrics are neither in their files nor held elsewhere."""
        self._written = np.zeros(self.unwritten, np.bool_)
        self._left = self.unwritten
        self.first_new = origin.first_new
        """Metrics with this number or a higher one were never seen before."""
        self._first_new_place = int(np.searchsorted(self.metrics, origin.first_new))
        self._again: list[int] = []

    @property
    def waiting(self) -> int:
        """How many metrics are to be taken yet."""
        return self._left + len(self._again)

    @property
    def new(self) -> int:
        """How many of the waiting ones were never seen before."""
        return max(0, self._left - self._first_new_place) + len(self._again)

    def take(self, most: int) -> Places:
        """Return the places of at most *most* metrics."""
        if self._again:
            taken, self._again = self._again[:most], self._again[most:]
            return np.array(taken, dtype=np.int64)
        high = self._left
        self._left = max(0, high - most)
        return np.arange(self._left, high)

    def again(self, places: Places) -> None:
        """Let the metrics at *places* be taken again."""
        self._again += places.tolist()

    def recall(self) -> None:
        """Let all that was taken and not finished be taken again."""
        self._again = (self._left + np.flatnonzero(~self._written[self._left :])).tolist()

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

    def points(self, number: int) -> Points:
        """Return the unwritten points of the metric *number*, in time order."""
        place = int(np.searchsorted(self.metrics, number))
        if place == len(self.metrics) or self.metrics[place] != number or self._written[place]:
            return []
        return self.points_at(place)

    def points_at(self, place: int) -> Points:
        """Return the points of the metric at *place*, in time order."""
        span = slice(int(self.ends[place - 1]) if place else 0, int(self.ends[place]))
        return list(zip(self.times[span].tolist(), self.values[span].tolist(), strict=True))
