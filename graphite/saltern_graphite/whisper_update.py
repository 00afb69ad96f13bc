"""Writing points into a Whisper file, late ones too, rolled up into every archive.

It does what the whisper library's ``update_many`` does, and three things more, all about points that come late:

* A point goes to the finest archive whose ring still has a slot *of its own* for it. The library goes by the point's
  age alone, so at the very end of an archive an old point lands on the slot of the newest one and destroys it.
* Several late points in one slot of a coarse archive are aggregated by the file's method, together with
  those that a finer archive still holds. The library keeps the last.
* A coarse slot whose finer slots have partly been overwritten already keeps its value. The library computes it anew
  from what is left, so that one late point replaces the average of all.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from saltern_graphite.whisper_file import POINT, Archive, CorruptFile, Layout, read_layout

_MONOTONE = ("max", "min", "absmax", "absmin")
"""Methods that can take up a late point into a value already rolled up, with no harm if it is in it already."""


@dataclass(frozen=True, slots=True)
class Update:
    """What became of the points: *stored* ones, and those *outside* every archive."""

    stored: int
    outside: int


def update(path: str, points: Iterable[tuple[int, float]], now: int) -> Update:
    """Write *points* ((epoch seconds, value); of one slot the later in time wins) into the file *path*.

    *now*, epoch seconds, is what ages are counted from; points in the future go to the finest archive. Raises
    ``FileNotFoundError``, :class:`CorruptFile` or another ``OSError``; the same points may then be written again.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        layout = read_layout(fd, path)
        by_archive, outside = _assign(layout.archives, sorted(points), now)
        _write_archives(_Rings(fd, path), layout, by_archive, now)
    finally:
        os.close(fd)
    return Update(sum(map(len, by_archive)), outside)


def aggregate(method: str, known: Sequence[float], slots: int) -> float:
    """Return the roll-up of *known* values, in time order, out of *slots*. *method* is one of Whisper's.

    ``avg_zero`` counts missing slots as zero; ``absmax`` and ``absmin`` keep the sign.
    """
    if method == "average":
        return sum(known) / len(known)
    if method == "sum":
        return sum(known)
    if method == "last":
        return known[-1]
    if method == "max":
        return max(known)
    if method == "min":
        return min(known)
    if method == "avg_zero":
        return sum(known) / slots
    return max(known, key=abs) if method == "absmax" else min(known, key=abs)


def oldest_interval(archive: Archive, now: int) -> int:
    """Return the start of the oldest slot of *archive* that isn't the present one's by now."""
    return now - now % archive.step - archive.retention + archive.step


def _assign(
    archives: Sequence[Archive], points: Iterable[tuple[int, float]], now: int
) -> tuple[list[list[tuple[int, float]]], int]:
    """Give each point to the finest archive that holds it: one list per archive, and how many fit in none."""
    oldest = [oldest_interval(archive, now) for archive in archives]
    by_archive: list[list[tuple[int, float]]] = [[] for _ in archives]
    outside = 0
    for point in points:
        for place, first in enumerate(oldest):
            if point[0] >= first:
                by_archive[place].append(point)
                break
        else:
            outside += 1
    return by_archive, outside


def _write_archives(rings: _Rings, layout: Layout, by_archive: Sequence[Sequence[tuple[int, float]]], now: int) -> None:
    """Write the finest archive, then each coarser one: what was rolled up into it and what came for it directly."""
    touched: set[int] = set()
    finer: Archive | None = None
    for archive, points in zip(layout.archives, by_archive, strict=True):
        slots: dict[int, float] = {}
        if finer is None:
            slots.update((timestamp - timestamp % archive.step, value) for timestamp, value in points)
        else:
            slots.update(_rolled_up(rings, layout, finer, archive, touched, now))
            slots.update(_late(rings, layout, finer, archive, points, now))
        rings.write(archive, slots)
        touched = set(slots)
        finer = archive


def _rolled_up(
    rings: _Rings, layout: Layout, finer: Archive, coarse: Archive, touched: Iterable[int], now: int
) -> dict[int, float]:
    """Return the slots of *coarse* that change because those in *touched* of *finer* did."""
    count = coarse.step // finer.step
    oldest = oldest_interval(finer, now)
    slots: dict[int, float] = {}
    for interval in {time - time % coarse.step for time in touched}:
        if interval < oldest and rings.read(coarse, interval, 1):
            continue
        known = rings.read(finer, interval, count)
        if known and len(known) / count >= layout.x_files_factor:
            slots[interval] = aggregate(layout.method, known, count)
    return slots


def _late(
    rings: _Rings, layout: Layout, finer: Archive, coarse: Archive, points: Sequence[tuple[int, float]], now: int
) -> dict[int, float]:
    """Return the slots of *coarse* that *points* too old for *finer* go to directly.

    They become what they would be had they passed through *finer*, and are joined with what it still holds.
    """
    in_finer: defaultdict[int, list[float]] = defaultdict(list)
    for timestamp, value in points:
        in_finer[timestamp - timestamp % finer.step].append(value)
    collapse = "last" if finer is layout.archives[0] else layout.method
    by_slot: defaultdict[int, list[float]] = defaultdict(list)
    for interval, values in in_finer.items():
        by_slot[interval - interval % coarse.step].append(aggregate(collapse, values, len(values)))
    oldest = oldest_interval(finer, now)
    slots: dict[int, float] = {}
    for interval, values in by_slot.items():
        kept_slots = (interval + coarse.step - oldest) // finer.step
        if kept_slots > 0:
            values += rings.read(finer, oldest, kept_slots)
        if layout.method in _MONOTONE:
            values += rings.read(coarse, interval, 1)
        slots[interval] = aggregate(layout.method, values, coarse.step // finer.step)
    return slots


class _Rings:
    """Reads and writes the slots of one open file by their time."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        self._bases: dict[int, int] = {}

    def read(self, archive: Archive, start: int, count: int) -> list[float]:
        """Return the known values of the *count* slots from *start* on, in time order."""
        base = self._base(archive)
        if base == 0:
            return []
        first = (start - base) // archive.step % archive.points
        data = b""
        for place, length in _pieces(archive, first, min(count, archive.points)):
            data += os.pread(self._fd, length * POINT.size, archive.offset + place * POINT.size)
        step = archive.step
        found = enumerate(POINT.iter_unpack(data[: len(data) // POINT.size * POINT.size]))
        return [value for place, (timestamp, value) in found if timestamp == start + place * step]

    def write(self, archive: Archive, slots: dict[int, float]) -> None:
        """Write *slots* (aligned time -> value), each run of neighbours at once."""
        times = sorted(slots)
        while times:
            length = 1
            while length < len(times) and times[length] == times[length - 1] + archive.step:
                length += 1
            run, times = times[: min(length, archive.points)], times[min(length, archive.points) :]
            data = b"".join(POINT.pack(time, slots[time]) for time in run)
            base = self._base(archive) or run[0]
            first = (run[0] - base) // archive.step % archive.points
            done = 0
            for place, count in _pieces(archive, first, len(run)):
                piece = data[done : done + count * POINT.size]
                self._pwrite(piece, archive.offset + place * POINT.size)
                done += len(piece)
                if place == 0:  # slot 0 is the base of the ring; its new time is a whole round away or the first
                    self._bases[archive.offset] = POINT.unpack_from(piece)[0]

    def _base(self, archive: Archive) -> int:
        base = self._bases.get(archive.offset)
        if base is None:
            data = os.pread(self._fd, POINT.size, archive.offset)
            if len(data) < POINT.size:
                raise CorruptFile(f"{self._path} is shorter than its header says")
            base = self._bases[archive.offset] = int(POINT.unpack(data)[0])
        return base

    def _pwrite(self, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            view, offset = view[written:], offset + written


def _pieces(archive: Archive, first: int, count: int) -> list[tuple[int, int]]:
    """Return the run of *count* slots from *first* on as ``(place, length)``: two pieces when it wraps round."""
    head = min(count, archive.points - first)
    return [(first, head)] if head == count else [(first, head), (0, count - head)]
