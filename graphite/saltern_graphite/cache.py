"""The points that are not on disk yet.

They wait in generations (:mod:`saltern_graphite.generation`): one is open and takes what comes, older ones are sealed
and being written. Points of a file that can't be written, while others can, are held aside until it can. Readers
see all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from saltern_graphite.generation import Generation, OpenGeneration, Places, Points, Seconds, Values
from saltern_graphite.names import Ids, Names
from saltern_graphite.wal_mark import Place

MAX_POINTS = 4_000_000  # about 100 MB
LOW_WATERMARK = 0.95  # receivers start again below this share of the bound
MAX_HELD_POINTS = 10_000  # of one metric whose file can't be written
HELD_WEIGHT = 6  # a point held aside takes about as much memory as six in columns


@dataclass(slots=True)
class Held:
    """What is kept of a metric whose file can't be written; ``until`` is when to try again (``time.monotonic()``)."""

    place: Place
    since: float
    until: float
    points: dict[int, float] = field(default_factory=dict)


class Cache:
    """Waiting points by metric, under the numbers that *names* gives; at most *max_points* of them.

    Every method may be called from any thread and none waits for the disk. ``add`` belongs to one thread at a time,
    as do :meth:`seal`, :meth:`finish` and the others that the writer calls.
    """

    def __init__(self, names: Names, max_points: int = MAX_POINTS) -> None:
        self.max_points = max_points
        self.on_room: Callable[[], None] = lambda: None
        """Called, in the writer's thread, when a full cache has drained below the low watermark."""
        self._names = names
        self._lock = threading.Lock()
        self._open = OpenGeneration(0, 0)
        self._sealing: OpenGeneration | None = None
        self._sealed: list[Generation] = []
        self._held: dict[int, Held] = {}
        self._size = 0
        self._held_points = 0
        self._was_full = False

    @property
    def size(self) -> int:
        """Points held, those being written included."""
        return self._size

    @property
    def queues(self) -> int:
        """Metrics that wait to be written."""
        return self._open.metrics + sum(generation.unwritten for generation in self._sealed) + len(self._held)

    @property
    def full(self) -> bool:
        """Whether the bound is reached. It is checked once per block of data, so a block may go over it.

        Points held aside count by the memory they take, :data:`HELD_WEIGHT` times the others.
        """
        return self._load >= self.max_points

    @property
    def open(self) -> OpenGeneration:
        """The generation that takes what comes; only to be looked at."""
        return self._open

    @property
    def sealed(self) -> list[Generation]:
        """The generations that wait for the writer, oldest first; for the writer alone."""
        return self._sealed

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, that the log holds from *place* on."""
        if not len(ids):
            return
        with self._lock:
            self._open.add(ids, times, values, place)
            self._size += len(ids)
            self._was_full = self._was_full or self.full

    def points(self, name: str) -> Points:
        """Return the points of *name* that may not be on disk yet, in time order."""
        number = self._names.find(name)
        if number is None:
            return []
        with self._lock:
            held = self._held.get(number)
            merged = dict(held.points) if held else {}
            for generation in (*self._sealed, self._sealing, self._open):
                if generation is not None:
                    merged.update(generation.points(number))
        return sorted(merged.items())

    def seal(self, first_new: int) -> None:
        """Close the open generation, if it holds anything, and hand it to the writer.

        *first_new* is the number from which on metrics of the next one were never seen before.
        """
        with self._lock:
            sealing = self._sealing  # of a time before, when there was no memory to sort it
            if sealing is None:
                if not self._open.count:
                    return
                opened = OpenGeneration(len(self._names), first_new)
                sealing = self._sealing = self._open
                self._open = opened
        sealed = sealing.sealed()  # sorting takes a while: neither receivers nor readers wait for it
        with self._lock:
            self._sealed.append(sealed)
            self._sealing = None
        self._shrink(sealing.count - len(sealed.times))

    def finish(self, generation: Generation, places: Places) -> None:
        """The metrics at *places* of *generation* are in their files: forget their points."""
        with self._lock:
            points = generation.finish(places)
            if not generation.unwritten:
                self._sealed.remove(generation)
        self._shrink(points)

    def hold(self, generation: Generation, place: int, until: float) -> int:
        """Keep the metric at *place* of *generation* aside until the time *until*; others can be written meanwhile.

        Return how many of its points, the oldest, were dropped because it has over :data:`MAX_HELD_POINTS`.
        """
        number = int(generation.metrics[place])
        with self._lock:
            held = self._held.get(number)
            if held is None:
                held = self._held[number] = Held(generation.place, generation.since, until)
            held.place = min(held.place, generation.place)  # since it was logged again it may be a later one
            held.until = until
            before = len(held.points)
            held.points.update(generation.points_at(place))
            dropped = max(0, len(held.points) - MAX_HELD_POINTS)
            for oldest in sorted(held.points)[:dropped]:
                del held.points[oldest]
            added = len(held.points) - before
            self._held_points += added
        self.finish(generation, np.array([place]))
        self._shrink(-added)
        return dropped

    def held(self) -> dict[int, Held]:
        """Return what is held aside, by the metric's number."""
        with self._lock:
            return dict(self._held)

    def release(self, number: int) -> Held | None:
        """Forget what is held of the metric *number* and return it; ``None`` if nothing is."""
        with self._lock:
            held = self._held.pop(number, None)
            if held is not None:
                self._held_points -= len(held.points)
        if held is not None:
            self._shrink(len(held.points))
        return held

    def relog(self, place: Place, numbers: list[int]) -> None:
        """What is held of *numbers* is now in the log behind *place* too."""
        with self._lock:
            for number in numbers:
                if number in self._held:
                    self._held[number].place = place

    def oldest_place(self) -> Place | None:
        """Return the place in the log behind which all points here are; ``None`` when there are none."""
        with self._lock:
            return min((one.place for one in self._all()), default=None)

    def oldest_age(self) -> float:
        """Return for how many seconds the point that waits longest has waited; 0.0 when there is none."""
        now = time.monotonic()
        with self._lock:
            return now - min((one.since for one in self._all()), default=now)

    @property
    def _load(self) -> int:
        return self._size + (HELD_WEIGHT - 1) * self._held_points

    def _all(self) -> Iterator[OpenGeneration | Generation | Held]:
        yield from (one for one in (self._open, self._sealing) if one and one.count)
        yield from self._sealed
        yield from self._held.values()

    def _shrink(self, points: int) -> None:
        with self._lock:
            self._size -= points
            room = self._was_full and self._load < self.max_points * LOW_WATERMARK
            if room:
                self._was_full = False
        if room:
            self.on_room()
