"""Whisper files held open between one batch and the next, with what was found out about them.

To open a file, look at its header and close it again takes half of the system calls that a point costs. A file held
here costs one look at its path instead, which tells whether it is still the one there: renamed, replaced, deleted or
cut short, it is let go. What that doesn't tell (a header changed in place by one of whisper's tools) is seen after
:data:`HELD_S` at the latest, because no file is held longer; nor does a deleted one take room on the disk for longer.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper.file import Layout
from saltern_graphite.whisper.open_files import MOST_ARCHIVES, Group
from saltern_graphite.whisper.ring import Times

HELD_S = 60.0
"""How long a file is held at most; with a point every 15 s it is opened for every fourth."""
_SWEPT_AT_ONCE = 4096

_GONE = os.stat_result((0,) * 10)  # no file has inode 0


class HeldFiles:
    """Up to *most* open files; one more finds no place until others were held for long enough. For one thread."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._rows: dict[str, int] = {}  # in the order in which they were opened
        self._free = list(range(most - 1, -1, -1))
        self._fds = np.zeros(most, np.int32)
        self._devices = np.zeros(most, np.uint64)
        self._inodes = np.zeros(most, np.uint64)
        self._ends = np.zeros(most, np.int64)
        self._since = np.zeros(most)
        self._layouts: dict[Layout, int] = {}
        self._layout_of = np.zeros(most, np.int32)
        self._bases = np.zeros((most, MOST_ARCHIVES), np.int64)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, paths: Sequence[str]) -> Times:
        """Return the row of each of *paths*, -1 for those not held, or no longer what is there."""
        self._sweep()
        rows = np.fromiter(map(self._rows.get, paths, repeat(-1)), np.int64, len(paths))
        places = np.flatnonzero(rows >= 0)
        if len(places):
            held = paths if len(places) == len(paths) else [paths[place] for place in places.tolist()]
            for place in places[~self._are_there(held, rows[places])].tolist():
                self.let_go(paths[place])
                rows[place] = -1
        return rows

    def descriptors(self, rows: Times) -> list[int]:
        """Return the descriptors of the files at *rows*."""
        fds: list[int] = self._fds[rows].tolist()
        return fds

    def groups(self, rows: Times) -> Iterator[Group]:
        """Yield the files at *rows*, of which they are places, by layout."""
        layouts = self._layout_of[rows]
        names = list(self._layouts)
        for number in np.unique(layouts).tolist():
            layout = names[number]
            places = np.flatnonzero(layouts == number)
            yield Group(layout, places, self._bases[rows[places], : len(layout.archives)])

    def learn(self, rows: Times, group: Group) -> None:
        """Remember the bases of a *group* of those at *rows*."""
        self._bases[rows[group.places], : group.bases.shape[1]] = group.bases

    def hold(self, path: str, fd: int, layout: Layout, bases: Times) -> bool:
        """Hold the open file *fd*; ``False`` when there is no room for it, or it is not at *path* any more."""
        if not self._free or path in self._rows:
            return False
        try:
            status = os.fstat(fd)
        except OSError:
            return False
        row = self._free.pop()
        self._fds[row] = fd
        self._devices[row], self._inodes[row] = status.st_dev, status.st_ino
        self._ends[row] = layout.end
        self._since[row] = self._clock()
        self._layout_of[row] = self._layouts.setdefault(layout, len(self._layouts))
        self._bases[row, : len(bases)] = bases
        self._rows[path] = row
        return True

    def let_go(self, path: str) -> None:
        """Close the file at *path*, if it is held."""
        row = self._rows.pop(path, None)
        if row is not None:
            self._free.append(row)
            os.close(int(self._fds[row]))

    def close(self) -> None:
        """Let all go."""
        for path in list(self._rows):
            self.let_go(path)

    def _are_there(self, paths: Sequence[str], rows: Times) -> npt.NDArray[np.bool_]:
        try:
            found = list(map(os.stat, paths))
        except OSError:
            found = list(map(_status, paths))
        count = len(found)
        same: npt.NDArray[np.bool_] = self._inodes[rows] == np.fromiter(
            (status.st_ino for status in found), np.uint64, count
        )
        same &= self._devices[rows] == np.fromiter((status.st_dev for status in found), np.uint64, count)
        same &= self._ends[rows] <= np.fromiter((status.st_size for status in found), np.int64, count)
        return same

    def _sweep(self) -> None:
        """Let go those held for long enough."""
        oldest = self._clock() - HELD_S
        old = []
        for path, row in islice(self._rows.items(), _SWEPT_AT_ONCE):
            if self._since[row] > oldest:
                break
            old.append(path)
        for path in old:
            self.let_go(path)


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError:
        return _GONE
