"""Whisper files of one layout, written together: numpy finds the places, bare system calls do the rest.

A *row* is one slot of one file: ``files[row]`` is the file's place in the group and ``times[row]`` the slot's time.
Rows are in order of files and, within one, of times; every file of the group has some. What the files hold is read and
written by ``map`` over columns of descriptors, lengths and offsets, so that no step of Python comes between two
system calls.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper_aggregate import aggregate_rows
from saltern_graphite.whisper_file import POINT, Archive, Layout

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

_SLOT = np.dtype([("time", ">u4"), ("value", ">f8")])
_SLOT_BYTES = np.dtype(f"V{POINT.size}")  # as an array of these, slots become a list of bytes in one go
_TIME_BYTES = 4


class Unfinished(Exception):
    """A read or write stopped short; the files are for one that looks at each by itself."""


class Columns:
    """The open files *fds* of one *layout*; *bases* is the time in slot 0 of each archive (column) of each (row).

    Once a ring is begun its base changes by whole rounds only, which moves no place in it. So bases may be those of
    an earlier look; 0 is for a ring not begun then. Those read or begun here are put into *bases*.
    """

    def __init__(self, fds: Sequence[int], layout: Layout, bases: Times) -> None:
        self._fds = fds
        self._layout = layout
        self._known = bases
        self._bases = bases[:, 0]
        self._ids = np.arange(len(fds))
        self._left: list[int] = []

    def write(self, files: Times, times: Times, values: Values) -> list[int]:
        """Write a point for each row and roll up; return the files that must be written again in another way.

        All the points of a file, and all slots they roll up into, lie within one round of each ring; their times
        needn't be aligned. Raises ``OSError`` and :class:`Unfinished`; all files may then be written again.
        """
        finer = self._layout.archives[0]
        slots = times - times % finer.step
        if len(files) > len(self._fds):
            last = _last_of_each(files, slots)
            files, slots, values = files[last], slots[last], values[last]
        fresh = self._bases == 0
        if fresh.any():
            self._bases = np.where(fresh, slots[_first_of_each(files)], self._bases)
            self._known[:, 0] = self._bases
        self._write(finer, files, slots, values)
        for level, coarse in enumerate(self._layout.archives[1:], 1):
            slots = slots - slots % coarse.step
            if len(files) > len(self._fds):
                first = _first_of_each(files, slots)
                files, slots = files[first], slots[first]
            values, enough = self._roll_up(finer, coarse, files, slots)
            if not enough.all():  # a file of which no slot has enough ends here, in the library too
                going_on = np.bincount(files[enough], minlength=len(self._fds)) > 0
                files, slots, values, enough = self._keep(going_on, files, slots, values, enough)
                if not len(files):
                    break
            self._bases = self._known[self._ids, level]
            if not self._bases.all():
                self._read_bases(coarse)
                if not self._bases.all():
                    files, slots, values, enough = self._begin_rings(files, slots, values, enough)
                self._known[self._ids, level] = self._bases
                if not len(files):
                    break
            if enough.all():
                self._write(coarse, files, slots, values)
            else:
                self._write(coarse, files[enough], slots[enough], values[enough])
            finer = coarse
        return self._left

    def _roll_up(
        self, finer: Archive, coarse: Archive, files: Times, starts: Times
    ) -> tuple[Values, npt.NDArray[np.bool_]]:
        """Return what each slot of *coarse* becomes, and which of them have enough known to do so."""
        count = coarse.step // finer.step
        held = self._read(finer, files, starts, coarse.step, count)
        known = held["time"] == starts[:, np.newaxis] + np.arange(count) * finer.step
        counts = known.sum(axis=1)
        enough = (counts > 0) & (counts / count >= self._layout.x_files_factor)
        values = aggregate_rows(self._layout.method, held["value"].astype(np.float64), known, counts)
        return values, enough

    def _begin_rings(
        self, files: Times, slots: Times, values: Values, enough: npt.NDArray[np.bool_]
    ) -> tuple[Times, Times, Values, npt.NDArray[np.bool_]]:
        """Let rings that are still empty begin with the slot about to be written.

        With several of them it is the order of a set in Python that decides which is first; such files are left.
        """
        fresh = self._bases == 0
        several = fresh & (np.bincount(files[enough], minlength=len(self._fds)) > 1)
        begun = np.zeros(len(self._fds), np.int64)
        begun[files[enough]] = slots[enough]
        self._bases = np.where(fresh, begun, self._bases)
        if not several.any():
            return files, slots, values, enough
        self._left += self._ids[several].tolist()
        return self._keep(~several, files, slots, values, enough)

    def _keep(
        self,
        kept: npt.NDArray[np.bool_],
        files: Times,
        slots: Times,
        values: Values,
        enough: npt.NDArray[np.bool_],
    ) -> tuple[Times, Times, Values, npt.NDArray[np.bool_]]:
        """Go on with the files of which *kept* says so."""
        if kept.all():
            return files, slots, values, enough
        rows = kept[files]
        numbers = np.cumsum(kept) - 1
        self._fds = [self._fds[place] for place in np.flatnonzero(kept).tolist()]
        self._bases = self._bases[kept]
        self._ids = self._ids[kept]
        return numbers[files[rows]], slots[rows], values[rows], enough[rows]

    def _read_bases(self, archive: Archive) -> None:
        """Look at the rings of which no base is known."""
        unknown = np.flatnonzero(self._bases == 0)
        fds = self._fds_of(unknown)
        data = b"".join(map(os.pread, fds, repeat(_TIME_BYTES), repeat(archive.offset)))
        if len(data) != _TIME_BYTES * len(fds):
            raise Unfinished
        self._bases[unknown] = np.frombuffer(data, ">u4")

    def _places(self, archive: Archive, files: Times, slots: Times) -> Times:
        bases = self._bases if len(files) == len(self._fds) else self._bases[files]
        return (slots - bases) // archive.step % archive.points

    def _read(self, archive: Archive, files: Times, starts: Times, step: int, count: int) -> npt.NDArray[np.void]:
        """Return *count* slots of *archive* from each of *starts* on, which lie *step* seconds apart or more."""
        first = self._places(archive, files, starts)
        fds = self._fds
        lengths: Times | int = count
        if len(files) > len(fds):
            begins = np.flatnonzero(_run_begins(files, starts, step))
            fds, first = self._fds_of(files[begins]), first[begins]
            lengths = np.diff(begins, append=len(files)) * count
        sizes = repeat(count * POINT.size) if isinstance(lengths, int) else (lengths * POINT.size).tolist()
        data = list(map(os.pread, fds, sizes, (archive.offset + first * POINT.size).tolist()))
        over = first + lengths - archive.points
        for run in np.flatnonzero(over > 0).tolist():  # round the end of the ring
            rest = int(over[run]) * POINT.size
            data[run] = data[run][:-rest] + os.pread(fds[run], rest, archive.offset)
        joined = b"".join(data)
        if len(joined) != len(files) * count * POINT.size:
            raise Unfinished
        return np.frombuffer(joined, _SLOT).reshape(-1, count)

    def _write(self, archive: Archive, files: Times, slots: Times, values: Values) -> None:
        places = self._places(archive, files, slots)
        rows = np.empty(len(files), _SLOT)
        rows["time"] = slots
        rows["value"] = values
        if len(files) == len(self._fds):
            pieces, fds = rows.view(_SLOT_BYTES).tolist(), self._fds
        else:
            begins = np.flatnonzero(_run_begins(files, slots, archive.step) | (places == 0))
            data, ends = rows.tobytes(), np.append(begins[1:], len(files)) * POINT.size
            pieces = list(map(data.__getitem__, map(slice, (begins * POINT.size).tolist(), ends.tolist())))
            fds, places = self._fds_of(files[begins]), places[begins]
        written = sum(map(os.pwrite, fds, pieces, (archive.offset + places * POINT.size).tolist()))
        if written != rows.nbytes:
            raise Unfinished

    def _fds_of(self, files: Times) -> Sequence[int]:
        if len(files) == len(self._fds):
            return self._fds
        return [self._fds[place] for place in files.tolist()]


def _first_of_each(*columns: Times) -> npt.NDArray[np.bool_]:
    """Return which rows differ from the one before in any of *columns*."""
    first = np.zeros(len(columns[0]), np.bool_)
    first[:1] = True
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return first


def _last_of_each(*columns: Times) -> npt.NDArray[np.bool_]:
    """Return which rows differ from the one after in any of *columns*."""
    return np.append(_first_of_each(*columns)[1:], True)


def _run_begins(files: Times, slots: Times, step: int) -> npt.NDArray[np.bool_]:
    """Return which rows don't go on where the one before ended: another file, or not *step* seconds later."""
    begins = _first_of_each(files)
    begins[1:] |= slots[1:] - slots[:-1] != step
    return begins
