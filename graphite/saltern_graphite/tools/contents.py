"""All that is in a Whisper file: every archive's known slots as columns.

The whisper library reads the slots that a range of time asks for. Here everything a ring holds counts that stands in
its proper place, older rounds included: such a point is as true as it was, and may fit where the file goes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from saltern_graphite.store.store import MAX_AHEAD_S
from saltern_graphite.tools.points import Points
from saltern_graphite.whisper.file import Archive, Layout, read_layout
from saltern_graphite.whisper.ring import Slots, place_of, read_ring


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

    Values that are not a number count as unknown. Raises ``CorruptFile`` or ``OSError``.
    """
    layout = read_layout(fd, path)
    archives, impossible = [], 0
    for archive in layout.archives:
        points, bad = _known(read_ring(fd, path, archive), archive, now)
        archives.append(points)
        impossible += bad
    return Contents(layout, tuple(archives), impossible)


@contextlib.contextmanager
def opened(path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Give a descriptor of the file *path*, to be read. Raises ``OSError``."""
    fd = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe of that name would keep us waiting
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no file", path)
        yield fd
    finally:
        os.close(fd)


def load_contents(path: str, now: int) -> Contents:
    """Return all that is in the file *path*; see :func:`read_contents`."""
    with opened(path) as fd:
        return read_contents(fd, path, now)


def _known(slots: Slots, archive: Archive, now: int) -> tuple[Points, int]:
    times = slots["time"].astype(np.int64)
    places = np.flatnonzero(times)
    times = times[places]
    base = int(slots[0]["time"])
    aligned = (times % archive.step == 0) & (base % archive.step == 0) & (base != 0)
    proper = aligned & (place_of(archive, base, times) == places) & (times <= now + MAX_AHEAD_S)
    impossible = len(times) - int(np.count_nonzero(proper))
    values = slots["value"][places].astype(np.float64)
    good = proper & ~np.isnan(values)
    times, values = times[good], values[good]
    order = np.argsort(times)
    return Points(times[order], values[order]), impossible
