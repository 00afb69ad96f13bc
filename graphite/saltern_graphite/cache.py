"""The points that are not on disk yet.

A metric's points wait here in an :class:`Entry` until the writer takes them. While it writes them they stay visible,
and they come back when the disk says no. Entries queue in the order in which they first got a point, so the
front one is the oldest; metrics never seen before go to the very front, because their file is worth creating at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable

MAX_POINTS = 2_000_000  # about 300 MB
LOW_WATERMARK = 0.95  # receivers start again below this share of the bound


class Entry:
    """One metric's waiting points: timestamp -> value, the last value given wins.

    ``segment`` is the log segment that holds the oldest of them, ``since`` the ``time.monotonic()`` at which that one
    came; ``fresh`` marks a metric never seen before, to be written at once.
    """

    __slots__ = ("fresh", "points", "segment", "since")

    def __init__(self, segment: int, since: float) -> None:
        self.points: dict[int, float] = {}
        self.fresh = False
        self.segment = segment
        self.since = since


class Cache:
    """Waiting points by metric; every method may be called from any thread and none waits for the disk."""

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self.max_points = max_points
        self.on_room: Callable[[], None] = lambda: None
        """Called, in the writer's thread, when a full cache has drained below the low watermark."""
        self._lock = threading.Lock()
        self._queue: OrderedDict[str, Entry] = OrderedDict()
        self._writing: dict[str, Entry] = {}
        self._size = 0
        self._was_full = False

    @property
    def size(self) -> int:
        """Points held, those being written included."""
        return self._size

    @property
    def queues(self) -> int:
        """Metrics that wait to be written."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether the bound is reached. It is checked once per block of data, so a block may go over it."""
        return self._size >= self.max_points

    def add(
        self,
        names: Iterable[str],
        times: Iterable[int],
        values: Iterable[float],
        segment: int,
        first_seen: Iterable[str] = (),
    ) -> None:
        """Add points, three columns of one length, that the log holds in *segment*.

        The metrics in *first_seen* go to the front of the queue.
        """
        now = time.monotonic()
        added = 0
        with self._lock:
            queue = self._queue
            for name, timestamp, value in zip(names, times, values, strict=True):
                entry = queue.get(name)
                if entry is None:
                    entry = queue[name] = Entry(segment, now)
                if timestamp not in entry.points:
                    added += 1
                entry.points[timestamp] = value
            for name in first_seen:
                queue[name].fresh = True
                queue.move_to_end(name, last=False)
            self._size += added
            self._was_full = self._was_full or self._size >= self.max_points

    def points(self, name: str) -> list[tuple[int, float]]:
        """Return the points of *name* that may not be on disk yet, in time order."""
        with self._lock:
            writing, waiting = self._writing.get(name), self._queue.get(name)
            if writing is None and waiting is None:
                return []
            merged = dict(writing.points) if writing else {}
            if waiting:
                merged.update(waiting.points)
        return sorted(merged.items())

    def waiting(self, skip: Container[str] = ()) -> tuple[int, float]:
        """Return how many fresh entries are at the front, and the ``since`` of the first that isn't fresh.

        The names in *skip* don't count; without an entry, ``since`` is infinite.
        """
        fresh = 0
        with self._lock:
            for name, entry in self._queue.items():
                if name in skip:
                    continue
                if not entry.fresh:
                    return fresh, entry.since
                fresh += 1
        return fresh, math.inf

    def take(self, most: int, skip: Container[str] = ()) -> list[tuple[str, Entry]]:
        """Hand up to *most* entries to the writer, from the front, passing over the names in *skip*.

        Each must be given to :meth:`done` or :meth:`put_back`.
        """
        with self._lock:
            names: list[str] = []
            for name in self._queue:
                if len(names) == most:
                    break
                if name not in skip:
                    names.append(name)
            taken = [(name, self._queue.pop(name)) for name in names]
            self._writing.update(taken)
        return taken

    def done(self, name: str) -> None:
        """Forget the points of *name* that were taken: they are in its file."""
        with self._lock:
            self._size -= len(self._writing.pop(name).points)
            room = self._was_full and self._size < self.max_points * LOW_WATERMARK
            if room:
                self._was_full = False
        if room:
            self.on_room()

    def put_back(self, name: str) -> None:
        """Return the points of *name* that were taken to the front of the queue, under any newer ones."""
        with self._lock:
            entry = self._writing.pop(name)
            newer = self._queue.get(name)
            if newer is not None:
                self._size -= len(entry.points.keys() & newer.points.keys())
                entry.points.update(newer.points)
            self._queue[name] = entry
            self._queue.move_to_end(name, last=False)

    def oldest_segment(self) -> int | None:
        """Return the lowest log segment that a point held here is in; ``None`` when nothing is held.

        It looks at every entry (about 5 ms per 100,000), so ask only when a segment could be freed.
        """
        with self._lock:
            segments = [entry.segment for entry in self._queue.values()]
            segments += [entry.segment for entry in self._writing.values()]
        return min(segments, default=None)

    def oldest_age(self) -> float:
        """Return for how many seconds the entry that waits longest has waited; 0.0 when there is none."""
        with self._lock:
            first = [entry.since for entry in self._writing.values()]
            first += [entry.since for entry in self._queue.values()]
        return time.monotonic() - min(first) if first else 0.0
