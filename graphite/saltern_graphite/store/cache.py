"""The points that are not on disk yet.

New ones come into an open generation (:mod:`saltern_graphite.store.generation`); packed ones wait on shelves, for
minutes where there are many metrics; those of a shelf on their way to the files are a generation again. Points of a
file that can't be written, while others can, are held aside until it can. Readers see all of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from saltern_graphite.store.generation import POINT_BYTES, Gathered, Generation, OpenGeneration
from saltern_graphite.store.names import Ids, Names
from saltern_graphite.store.packed import Columns, Packed, Places, Points, Seconds, Values
from saltern_graphite.store.shelf import METRICS, Block, Shelf
from saltern_graphite.store.wal.mark import Place

MAX_BYTES = 512 * 1024 * 1024
MAX_POINTS = 200_000_000
MOST_POINTS = 2_000_000
"""So many at most are sorted and packed, or unpacked for their files, at once."""
WORK_BYTES = 64
"""Of memory, for each of these meanwhile."""
WORK_LOAD = 0.25
"""Nor do they take more than that of all memory, with what they took before."""
LOW_WATERMARK = 0.95  # receivers start again below this share of the bounds
MAX_HELD_POINTS = 10_000  # of one metric whose file can't be written
HELD_POINT_BYTES = 12  # of memory, for a point held aside
HELD_BYTES = 500  # and for each metric that has such


@dataclass(slots=True)
class Held:
    """What is kept of a metric whose file can't be written; ``until`` is when to try again (``time.monotonic()``).

    *times* are in order, each once.
    """

    place: Place
    since: float
    until: float
    times: Seconds = field(default_factory=lambda: np.zeros(0, np.uint32))
    values: Values = field(default_factory=lambda: np.zeros(0))

    @property
    def points(self) -> Points:
        """The points, in time order."""
        return list(zip(self.times.tolist(), self.values.tolist(), strict=True))

    def add(self, times: Seconds, values: Values) -> int:
        """Add newer points; return how many there are too many, the oldest, which are dropped."""
        times, values = np.concatenate((self.times, times)), np.concatenate((self.values, values))
        order = np.argsort(times, kind="stable")
        times = times[order]
        last = np.append(times[1:] != times[:-1], True)
        self.times, self.values = times[last][-MAX_HELD_POINTS:], values[order[last]][-MAX_HELD_POINTS:]
        return int(np.count_nonzero(last)) - len(self.times)


class Cache:
    """Waiting points by metric, under the numbers that *names* gives; at most *max_points*, in *max_bytes* of memory.

    Every method may be called from any thread and none waits for the disk. ``add`` belongs to one thread at a time,
    as do :meth:`pack`, :meth:`take`, :meth:`finish` and the others that the writer calls.
    """

    def __init__(self, names: Names, max_points: int = MAX_POINTS, max_bytes: int = MAX_BYTES) -> None:
        self.max_points = max_points
        self.max_bytes = max_bytes
        self.on_room: Callable[[], None] = lambda: None
        """Called, in the writer's thread, when a full cache has drained below the low watermark."""
        self._names = names
        self._lock = threading.Lock()
        self._open = OpenGeneration(0)
        self._packing: tuple[OpenGeneration, ...] = ()  # those to be packed, the oldest first
        self._read_back = Gathered()
        self._shelves: dict[int, Shelf] = {}
        self._generations: list[Generation] = []
        self._held: dict[int, Held] = {}
        self._size = 0
        self._still_bytes = 0  # of shelves and generations
        self._held_points = 0
        self._work_bytes = 0
        self._was_full = False

    @property
    def size(self) -> int:
        """Points held, those being written included."""
        return self._size

    @property
    def bytes(self) -> int:
        """The memory that they take."""
        raw = self._open.count + sum(one.count for one in self._packing) + self._read_back.count
        held = self._held_points * HELD_POINT_BYTES + len(self._held) * HELD_BYTES
        return self._still_bytes + self._work_bytes + raw * POINT_BYTES + held

    @property
    def crowded(self) -> bool:
        """Whether as many points came as are to be packed at once."""
        return bool(self._packing) or self._open.count >= self.most_at_once

    @property
    def most_at_once(self) -> int:
        """So many points are to be packed, joined or taken for the files at once."""
        most = min(self.max_points, self.max_bytes // (POINT_BYTES + WORK_BYTES))
        return max(1, min(MOST_POINTS, int(most * WORK_LOAD)))

    @property
    def queues(self) -> int:
        """Metrics that wait to be written."""
        with self._lock:
            shelves = sum(shelf.metrics for shelf in self._shelves.values())
            opened = sum(one.metrics for one in (*self._packing, self._open))
            return opened + shelves + sum(one.unwritten for one in self._generations) + len(self._held)

    @property
    def full(self) -> bool:
        """Whether a bound is reached. It is checked once per block of data, so a block may go over it."""
        return self.load >= 1

    @property
    def load(self) -> float:
        """How near the nearest bound is; 1.0 is at it."""
        return max(self._size / self.max_points, self.bytes / self.max_bytes)

    @property
    def open(self) -> OpenGeneration:
        """The generation that takes what comes; only to be looked at."""
        return self._open

    @property
    def generations(self) -> list[Generation]:
        """Those on their way to the files, oldest first; for the writer alone."""
        return self._generations

    @property
    def shelves(self) -> dict[int, Shelf]:
        """What waits, packed, by the shelf's number; for the writer alone."""
        return self._shelves

    def add(self, ids: Ids, times: Seconds, values: Values, place: Place) -> None:
        """Add points, three columns of one length, that the log holds from *place* on."""
        if not len(ids):
            return
        with self._lock:
            if self._open.count >= self.most_at_once:  # the writer has no time yet
                self._packing, self._open = (*self._packing, self._open), OpenGeneration(len(self._names))
            self._open.add(ids, times, values, place)
            self._size += len(ids)
            self._was_full = self._was_full or self.full

    def read_back(self, ids: Ids, times: Seconds, values: Values, place: Place) -> int:
        """Add points that are older than whatever :meth:`add` was given; readers see them once they are packed.

        The log holds these three columns of one length from *place* on. Return how many wait to be packed.
        """
        if len(ids):
            with self._lock:
                self._read_back.add(ids, times, values, place)
                self._size += len(ids)
                self._was_full = self._was_full or self.full
        return self._read_back.count

    def waits(self, name: str) -> bool:
        """Return whether there are points of *name* that may not be on disk yet."""
        number = self._names.find(name)
        if number is None:
            return False
        with self._lock:
            if number in self._held or any(one.has(number) for one in (self._open, *self._packing)):
                return True
        return bool(self.points(name))

    def points(self, name: str) -> Points:
        """Return the points of *name* that may not be on disk yet, in time order."""
        number = self._names.find(name)
        if number is None:
            return []
        with self._lock:
            held = self._held.get(number)
            merged = dict(held.points) if held else {}
            for generation in self._generations:
                merged.update(generation.of(number))
            shelf = self._shelves.get(number // METRICS)
            newest = [opened.of(number) for opened in (*self._packing, self._open)]
        if shelf is not None:  # what is packed never changes
            merged.update(shelf.of(number))
        for points in newest:
            merged.update(points)
        return sorted(merged.items())

    def pack(self) -> None:
        """Pack what is open, if that is anything, and put it on the shelves."""
        if self._open.count:
            opened = OpenGeneration(len(self._names))  # it takes a moment, for which nobody waits
            with self._lock:
                self._packing, self._open = (*self._packing, self._open), opened
        while self._packing:  # also of a time before, when there was no memory for it
            packing = self._packing[0]
            with self._at_work(packing.count):  # this takes a while: neither receivers nor readers wait for it
                points = self._shelve(packing, old=False)
            with self._lock:
                self._packing = self._packing[1:]
            self._shrink(packing.count - points)

    def pack_read_back(self) -> None:
        """Pack what was read back, if that is anything, and put it on the shelves."""
        packing = self._read_back
        if packing.count:
            with self._at_work(packing.count):
                points = self._shelve(packing, old=True)
            with self._lock:
                self._read_back = Gathered()
            self._shrink(packing.count - points)

    def join(self, number: int) -> bool:
        """Join blocks of the shelf *number* where there are many; return whether there were."""
        old = self._shelves[number]
        which = old.joinable(self.most_at_once)
        if which is None:
            return False
        with self._at_work(sum(block.packed.points for block in old.blocks[which])):
            new = old.joined(which)
        with self._lock:
            self._shelves[number] = new
            self._still_bytes += new.bytes - old.bytes
        self._shrink(old.points - new.points)
        return True

    def take(self, number: int, *, old: bool = False) -> Generation:
        """Take what is on the shelf *number* for the files, the oldest if it is very much, and return it.

        *old*: no more than what was read back, which is there.
        """
        shelf, others = self._shelves[number].parted(self.most_at_once, old=old)
        with self._at_work(shelf.points):
            generation = Generation(shelf.unpack(), shelf.place, shelf.since)
        with self._lock:
            if others is None:
                del self._shelves[number]
            else:
                self._shelves[number] = others
            self._generations.append(generation)
            self._still_bytes += generation.bytes - shelf.bytes
        self._shrink(shelf.points - len(generation.times))
        return generation

    def finish(self, generation: Generation, places: Places) -> None:
        """The metrics at *places* of *generation* are in their files: forget their points."""
        with self._lock:
            points = generation.finish(places)
            if not generation.unwritten:
                self._generations.remove(generation)
                self._still_bytes -= generation.bytes
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
            before = len(held.times)
            dropped = held.add(*generation.columns_at(place))
            added = len(held.times) - before
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
                self._held_points -= len(held.times)
        if held is not None:
            self._shrink(len(held.times))
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

    def _shelve(self, packing: OpenGeneration | Gathered, *, old: bool) -> int:
        """Put the points of *packing* on the shelves, each time of a metric once; return how many these are."""
        columns = packing.sorted()
        parts = _by_shelf(columns)
        blocks = {number: Block(Packed(part), packing.place, packing.since, old=old) for number, part in parts}
        with self._lock:
            for number, block in blocks.items():
                shelf = self._shelves.get(number)
                self._shelves[number] = shelf.with_block(block) if shelf else Shelf((block,))
                self._still_bytes += block.packed.bytes
        return len(columns.times)

    @contextmanager
    def _at_work(self, points: int) -> Iterator[None]:
        """Count the memory that it takes to sort, pack or unpack so many *points*."""
        with self._lock:
            self._work_bytes = points * WORK_BYTES
            self._was_full = self._was_full or self.full
        try:
            yield
        finally:
            self._work_bytes = 0

    def _all(self) -> Iterator[OpenGeneration | Gathered | Shelf | Generation | Held]:
        yield from (one for one in (*self._packing, self._open) if one.count)
        yield from (self._read_back,) if self._read_back.count else ()
        yield from self._shelves.values()
        yield from self._generations
        yield from self._held.values()

    def _shrink(self, points: int) -> None:
        with self._lock:
            self._size -= points
            room = self._was_full and self.load < LOW_WATERMARK
            if room:
                self._was_full = False
        if room:
            self.on_room()


def _by_shelf(columns: Columns) -> Iterator[tuple[int, Columns]]:
    """Yield the parts of *columns* for each shelf, with its number."""
    numbers, begins = np.unique(columns.metrics // METRICS, return_index=True)
    for number, begin, end in zip(
        numbers.tolist(), begins.tolist(), [*begins[1:].tolist(), len(columns.metrics)], strict=True
    ):
        first = int(columns.ends[begin - 1]) if begin else 0
        rows = slice(first, int(columns.ends[end - 1]))
        part = columns.ends[begin:end] - first
        yield number, Columns(columns.metrics[begin:end], part, columns.times[rows], columns.values[rows])
