"""Writing points into a Whisper file, rolled up into every archive; :mod:`whisper_batch` does many files at once.

There are two modes, by ``late``:

``whisper``
    The file ends byte for byte as by ``update_many`` of the whisper library with the same points and *now*. There is
    one exception: the library writes a run of neighbouring slots longer than the ring (points far in the future)
    over the next archive; here it goes round.
``combine``
    The same bytes for points in time. Points older than the first archive, which the library writes straight into a
    coarser one, the last of a slot winning, end in the coarser archives as if they had come in time:
    :mod:`whisper_late` says how, and what a caller must pass. And where the library goes by the age alone, so that at
    the very end of an archive an old point destroys the newest one, which has the same place in the ring, a point
    here goes to the finest archive that has a slot of its own for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from saltern_graphite.whisper_aggregate import aggregate
from saltern_graphite.whisper_file import Archive, Layout, read_layout
from saltern_graphite.whisper_late import first_in_time, oldest_interval, open_spans, write_late
from saltern_graphite.whisper_ring import Rings, open_file

__all__ = ["LAST_TIME", "LateMode", "Update", "aggregate", "oldest_interval", "update", "update_open"]

LateMode = Literal["combine", "whisper"]
LAST_TIME = 2**32 - 1
"""The last second that a slot can hold (in the year 2106)."""

Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Update:
    """What became of the points: *stored* ones, and those *outside* every archive."""

    stored: int
    outside: int
    open_spans: list[tuple[int, int]] = field(default_factory=list)
    """Late points from when to when are to be passed again with later ones: see :mod:`whisper_late`."""


def update(path: str, points: Iterable[Point], now: int, *, late: LateMode = "combine") -> Update:
    """Write *points* ((epoch seconds, value); of one slot the later in time wins) into the file *path*.

    *now*, epoch seconds, is what ages are counted from; points in the future go to the finest archive. Raises
    ``FileNotFoundError``, :class:`CorruptFile` or another ``OSError``; the same points may then be written again.
    """
    fd = open_file(path)
    try:
        return update_open(fd, path, read_layout(fd, path), points, now, late=late)
    finally:
        os.close(fd)


def update_open(
    fd: int, path: str, layout: Layout, points: Iterable[Point], now: int, *, late: LateMode = "combine"
) -> Update:
    """Do what :func:`update` does to the open file *fd* of *layout*; *path* is for messages."""
    # The library's order: of points in the very same second the first given wins.
    ordered = sorted(points, key=lambda point: point[0], reverse=True)
    ordered.reverse()
    fitting = [point for point in ordered if 0 < point[0] <= LAST_TIME]
    rings = Rings(fd, path)
    if late == "whisper":
        stored = _as_the_library(rings, layout, fitting, now)
        return Update(stored, len(ordered) - stored)
    stored = _combine(rings, layout, fitting, now)
    spans = open_spans(layout.archives, (time for time, _ in fitting), now)
    return Update(stored, len(ordered) - stored, spans)


def _combine(rings: Rings, layout: Layout, points: Sequence[Point], now: int) -> int:
    """Write late points, then those in time; return how many were stored."""
    in_time = first_in_time(layout.archives, now)
    oldest = oldest_interval(layout.archives[-1], now)
    late = [point for point in points if oldest <= point[0] < in_time]
    rest = [point for point in points if point[0] >= in_time]
    if late:
        write_late(rings, layout, late, now)
    if rest:
        _commit(rings, layout, layout.archives[0], rest)
    return len(late) + len(rest)


def _as_the_library(rings: Rings, layout: Layout, points: Sequence[Point], now: int) -> int:
    """Give each point to the finest archive as old as it, the finest archive first; return how many were stored."""
    end = len(points)
    for archive in layout.archives:
        first = end
        while first > 0 and now - points[first - 1][0] <= archive.retention:
            first -= 1
        if first < end:
            _commit(rings, layout, archive, points[first:end])
        end = first
    return len(points) - end


def _commit(rings: Rings, layout: Layout, archive: Archive, points: Sequence[Point]) -> None:
    """Write *points*, in time order, into *archive* and roll them up into every coarser one, as the library does."""
    slots: dict[int, float] = {}
    for time, value in points:
        slots[time - time % archive.step] = value
    rings.write(archive, slots)
    finer = archive
    for coarse in layout.archives:
        if coarse.step <= archive.step:
            continue
        # A set, not a dict: its order, the library's, decides which slot begins a ring that is still empty.
        touched = set([time - time % coarse.step for time in slots])  # noqa: C403
        rolled = [_propagate(rings, layout, finer, coarse, start) for start in touched]
        if not any(rolled):
            break
        finer = coarse


def _propagate(rings: Rings, layout: Layout, finer: Archive, coarse: Archive, start: int) -> bool:
    """Roll up into the slot at *start* of *coarse*; return whether enough is known for that."""
    slots = list(rings.slots(finer, start, coarse.step // finer.step))
    known = [value for place, (found, value) in enumerate(slots) if found == start + place * finer.step]
    if not known or len(known) / len(slots) < layout.x_files_factor:
        return False
    rings.write(coarse, {start: aggregate(layout.method, known, len(slots))})
    return True
