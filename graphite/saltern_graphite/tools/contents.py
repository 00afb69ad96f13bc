"""All that is in a Whisper file: every archive's known slots as columns.

The whisper library reads the slots that a range of time asks for. Here everything a ring holds counts that stands in
its proper place, older rounds included: such a point is as true as it was, and may fit where the file goes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from saltern_graphite.reader import SLOT
from saltern_graphite.store import MAX_AHEAD_S
from saltern_graphite.tools.points import Points
from saltern_graphite.whisper_file import POINT, Archive, CorruptFile, Layout, read_layout


@dataclass(frozen=True, slots=True)
class Contents:
    """A file's *layout*, the known points of each of its archives, finest first, and how many slots are *impossible*.

    Impossible is a time that does not belong in its place of the ring, or is over a day ahead.
    """

    layout: Layout
    archives: tuple[Points, ...]
    impossible: int

    @property
    def newest(self) -> int:
        """The time of the newest point; 0 when there is none."""
        return max((int(points.times[-1]) for points in self.archives if len(points)), default=0)

    @property
    def size(self) -> int:
        """The bytes that the points take in memory."""
        return sum(points.times.nbytes + points.values.nbytes for points in self.archives)


def read_contents(fd: int, path: str, now: int) -> Contents:
    """Return all that is in the open file *fd*, as seen at *now*; *path* is for messages.

    Values that are not a number count as unknown. Raises :class:`CorruptFile` or ``OSError``.
    """
    layout = read_layout(fd, path)
    archives, impossible = [], 0
    for archive in layout.archives:
        points, bad = _known(read_slots(fd, path, archive), archive, now)
        archives.append(points)
        impossible += bad
    return Contents(layout, tuple(archives), impossible)


def load_contents(path: str, now: int) -> Contents:
    """Return all that is in the file *path*; see :func:`read_contents`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_contents(fd, path, now)
    finally:
        os.close(fd)


def read_slots(fd: int, path: str, archive: Archive) -> npt.NDArray[np.void]:
    """Return the slots of *archive* as they stand in its ring."""
    size = archive.points * POINT.size
    data = bytearray(size)
    view, done = memoryview(data), 0
    while done < size:
        count = os.preadv(fd, [view[done:]], archive.offset + done)
        if not count:
            raise CorruptFile(f"{path}: cut short while it was read")
        done += count
    return np.frombuffer(data, dtype=SLOT)


def _known(slots: npt.NDArray[np.void], archive: Archive, now: int) -> tuple[Points, int]:
    times = slots["time"].astype(np.int64)
    places = np.flatnonzero(times)
    times = times[places]
    base = int(slots[0]["time"])
    expected = (base + places * archive.step - times) % archive.retention == 0
    proper = expected & (times % archive.step == 0) & (times <= now + MAX_AHEAD_S) & (base != 0)
    impossible = len(times) - int(np.count_nonzero(proper))
    values = slots["value"][places].astype(np.float64)
    good = proper & ~np.isnan(values)
    times, values = times[good], values[good]
    order = np.argsort(times)
    return Points(times[order], values[order]), impossible
