"""Whisper files of one layout, written together: numpy finds the slots, rings read and write them.

Within a file rows are in order of times, and every file has some.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saltern_graphite.whisper.aggregate import Chosen, roll_up
from saltern_graphite.whisper.file import Layout
from saltern_graphite.whisper.ring import Ring, RingOf, Rows, Times, first_of_each, last_of_each


class Columns:
    """The open files *fds* of one *layout*; *bases* is the time in slot 0 of each archive (column) of each (row).

    Bases may be those of an earlier look, and 0 (see :class:`Ring`); those read or begun here are put into *bases*.
    *path* is for messages, where there is one file. *ring_of* makes the rings.
    """

    def __init__(
        self, fds: Sequence[int], layout: Layout, bases: Times, path: str = "", ring_of: RingOf = Ring
    ) -> None:
        self._fds = fds
        self._layout = layout
        self._known = bases
        self._path = path
        self._ring_of = ring_of
        self._ids = np.arange(len(fds))

    def write(self, rows: Rows, finest: int = 0) -> None:
        """Write *rows* into the archive *finest*, and roll up into the coarser ones.

        Times needn't be aligned. Unless it is one file, all points of one, and all slots they roll up into, lie within
        one round of each ring. Raises ``OSError`` and :class:`CorruptFile`; all files may then be written again.
        """
        archives = self._layout.archives
        ring = self._ring(finest)
        rows = rows._replace(times=rows.times - rows.times % ring.archive.step)
        if len(rows.files) > len(self._fds):
            rows = rows.only(last_of_each(rows.files, rows.times))
        self._write(finest, ring, rows)
        for level, archive in enumerate(archives):
            if archive.step <= archives[finest].step:
                continue
            files, slots = rows.files, rows.times - rows.times % archive.step
            if len(files) > len(self._fds):
                first = first_of_each(files, slots)
                files, slots = files[first], slots[first]
            below, expected = ring.read_below(files, slots, archive.step)
            known = below["time"] == expected
            values, shares = roll_up(self._layout.method, below["value"].astype(np.float64), known)
            rows, enough = Rows(files, slots, values), self._layout.enough(shares)
            if not enough.all():
                rows, enough = self._going_on(rows, enough)
                if not len(enough):
                    break
            ring = self._ring(level)
            self._write(level, ring, rows.only(self._in_order(ring, rows, enough)))

    def _ring(self, level: int) -> Ring:
        return self._ring_of(self._fds, self._layout.archives[level], self._known[self._ids, level], self._path).look()

    def _write(self, level: int, ring: Ring, rows: Rows) -> None:
        ring.write(rows)
        self._known[self._ids, level] = ring.bases

    def _in_order(self, ring: Ring, rows: Rows, enough: Chosen) -> Times | slice:
        """Return which *rows* to write, of each file in the library's order where it decides: that of a set in Python.

        Of several slots the first begins a ring that is still empty, and of several rounds (one file alone may have
        them) the last stays.
        """
        files, slots, _ = rows
        if len(files) == len(self._fds) or (len(self._fds) > 1 and ring.bases.all()):
            return slice(None) if enough.all() else np.flatnonzero(enough)
        places = np.flatnonzero(enough)
        several = np.bincount(files[places]) > 1
        if len(self._fds) > 1:
            several &= ring.bases == 0
        for file in np.flatnonzero(several).tolist():
            begin, end = np.searchsorted(files, (file, file + 1))
            ordered = begin + np.searchsorted(slots[begin:end], list(set(slots[begin:end].tolist())))
            places[files[places] == file] = ordered[enough[ordered]]
        return places

    def _going_on(self, rows: Rows, enough: Chosen) -> tuple[Rows, Chosen]:
        """Let files end here of which no slot has enough, as the library does."""
        kept = np.bincount(rows.files[enough], minlength=len(self._fds)) > 0
        self._fds = [self._fds[place] for place in np.flatnonzero(kept).tolist()]
        self._ids = self._ids[kept]
        chosen = kept[rows.files]
        return rows._replace(files=(np.cumsum(kept) - 1)[rows.files]).only(chosen), enough[chosen]


def no_bases(files: int, layout: Layout) -> Times:
    """Return the bases of so many files at which nobody has looked yet."""
    return np.zeros((files, len(layout.archives)), np.int64)
