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

PIECE_POINTS = 65_536
"""Points come into pieces of so many: one array that doubles would make receivers wait while a million are copied."""
FIRST_METRICS = 16_384
LONG_CHAIN = 512  # more points of one metric than these are looked for in one pass over all
POINT_BYTES = 20
"""Of memory, for a point that came and isn't packed yet."""


class _Piece:
    """Up to :data:`PIECE_POINTS` points, and of each the place of the one before it of its metric, -1 for the first."""

    __slots__ = ("ids", "previous", "times", "values")

    def __init__(self) -> None:
        self.ids = np.empty(PIECE_POINTS, np.uint32)
        self.times = np.empty(PIECE_POINTS, np.uint32)
        self.values = np.empty(PIECE_POINTS, np.float64)
        self.previous = np.empty(PIECE_POINTS, np.int32)


class OpenGeneration:
    """Points as they come. Those of one metric are chained from the newest back, so that readers find them.

    *metrics* is about how many there will be: to make more room takes long. ``place`` is where the log has the first
    point of these, ``since`` the ``time.monotonic()`` of the first point.
    """

    def __init__(self, metrics: int) -> None:
        self.count = 0
        self.metrics = 0
        self.place = Place(0, 0)
        self.since = 0.0
        self._pieces: list[_Piece] = []
        self._newest = np.full(max(metrics, FIRST_METRICS), -1, np.int32)

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, not empty, that the log holds from *place* on."""
        if not self.count:
            self.place, self.since = place, time.monotonic()
        self._make_room(int(ids.max()))
        done = 0
        while done < len(ids):
            begin = self.count % PIECE_POINTS
            if not begin:
                self._pieces.append(_Piece())
            some = slice(done, done + min(PIECE_POINTS - begin, len(ids) - done))
            here = slice(begin, begin + some.stop - done)
            piece = self._pieces[-1]
            piece.ids[here], piece.times[here], piece.values[here] = ids[some], times[some], values[some]
            self._chain(ids[some], piece.previous[here])
            self.count += some.stop - done
            done = some.stop

    def has(self, number: int) -> bool:
        """Return whether there are points of the metric *number*."""
        return number < len(self._newest) and bool(self._newest[number] >= 0)

    def of(self, number: int) -> Points:
        """Return the points of the metric *number*, in time order."""
        place = int(self._newest[number]) if number < len(self._newest) else -1
        found: Points = []
        while place >= 0 and len(found) < LONG_CHAIN:
            piece, at = self._pieces[place // PIECE_POINTS], place % PIECE_POINTS
            found.append((int(piece.times[at]), float(piece.values[at])))
            place = int(piece.previous[at])
        if place >= 0:
            return self._all_of(number)
        return sorted(dict(reversed(found)).items())

    def sorted(self) -> Columns:
        """Return the same points sorted by metric and time."""
        last = self.count - PIECE_POINTS * (len(self._pieces) - 1)
        ends = [*(PIECE_POINTS for _ in self._pieces[1:]), last]
        columns = (
            np.concatenate([getattr(piece, name)[:end] for piece, end in zip(self._pieces, ends, strict=True)])
            for name in ("ids", "times", "values")
        )
        return sorted_columns(*columns)

    def _all_of(self, number: int) -> Points:
        last: dict[int, float] = {}
        left = self.count
        for piece in self._pieces:
            places = np.flatnonzero(piece.ids[:left] == number)
            last.update(zip(piece.times[places].tolist(), piece.values[places].tolist(), strict=True))
            left -= PIECE_POINTS
        return sorted(last.items())

    def _make_room(self, highest: int) -> None:
        if highest >= len(self._newest):
            more = np.full(max(highest + 1, 2 * len(self._newest)), -1, np.int32)
            more[: len(self._newest)] = self._newest
            self._newest = more

    def _chain(self, ids: Ids, previous: npt.NDArray[np.int32]) -> None:
        """Chain points that come behind all others, and put into *previous* the places of those before them."""
        places = np.arange(self.count, self.count + len(ids), dtype=np.int32)
        before = self._newest[ids]
        self._newest[ids] = places
        previous[:] = before
        if not np.array_equal(self._newest[ids], places):  # a metric more than once in this block
            order = np.argsort(ids, kind="stable")
            same = ids[order[1:]] == ids[order[:-1]]
            previous[order[1:][same]] = places[order[:-1][same]]
            self._newest[ids[order]] = places[order]
            first = np.append(True, ~same)
            before = before[order[first]]
        self.metrics += int(np.count_nonzero(before < 0))


class Gathered:
    """Points read back from the log, as they are read. Nobody looks for one here."""

    def __init__(self) -> None:
        self.count = 0
        self.place = Place(0, 0)
        self.since = 0.0
        self._parts: list[tuple[Ids, Seconds, Values]] = []

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, that the log holds from *place* on."""
        if not self.count:
            self.place, self.since = place, time.monotonic()
        self._parts.append((ids, times, values))
        self.count += len(ids)

    def sorted(self) -> Columns:
        """Return the same points sorted by metric and time."""
        ids, times, values = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        return sorted_columns(ids, times, values)


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
        times, values = self.columns_at(place)
        return list(zip(times.tolist(), values.tolist(), strict=True))

    def columns_at(self, place: int) -> tuple[Seconds, Values]:
        """Return the times and values of the metric at *place*, in time order."""
        span = slice(int(self.ends[place - 1]) if place else 0, int(self.ends[place]))
        return self.times[span], self.values[span]
