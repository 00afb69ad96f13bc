"""Rings of slots: where the slot of a time is, and how slots are read and written, in one file or in many at once.

A slot counts only if it holds the very time that it is read for: what an older round left there is nothing.

With many files a row is a slot, or a stretch of slots, of one of them: see :class:`Rows`. What the files hold is read
and written by ``map`` over columns of descriptors, lengths and offsets, so that no step of Python comes between two
system calls.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from saltern_graphite.whisper.aggregate import Chosen, Values
from saltern_graphite.whisper.file import SLOT, Archive, CorruptFile

Times = npt.NDArray[np.int64]
Slots = npt.NDArray[np.void]


class Rows(NamedTuple):
    """Slots of open files: in order of *files*, which are places among the open ones, *values* for *times*."""

    files: Times
    times: Times
    values: Values

    def only(self, chosen: Chosen | Times | slice) -> Rows:
        """Return the rows that are *chosen*."""
        return Rows(self.files[chosen], self.times[chosen], self.values[chosen])


_FLAGS = os.O_RDWR | os.O_CLOEXEC
FAST_FLAGS = _FLAGS | getattr(os, "O_NOATIME", 0)
"""For files of our own: without it the first read after each write costs a write of the inode, for the time of it."""

_SLOT_BYTES = np.dtype(f"V{SLOT.itemsize}")  # as an array of these, slots become a list of bytes in one go
_TIME_BYTES = 4
_TIMES_END = 1 << 32
"""No slot can hold this time or a later one."""
_TIMES_KEPT = 1 << 16
"""The times of a window with no more slots than this are kept for the next metric: at most 16 times 256 KiB."""


def open_file(path: str) -> int:
    """Open *path* for reading and writing; another user's file too, where that may be. Raises ``OSError``."""
    try:
        return os.open(path, FAST_FLAGS)
    except PermissionError:  # O_NOATIME is for the owner alone
        return os.open(path, _FLAGS)


def place_of(archive: Archive, base: Any, time: Any) -> Any:
    """Return the place of the slot for *time* in a ring with *base* in slot 0; single numbers or columns of them."""
    return (time - base) // archive.step % archive.points


def read_base(fd: int, path: str, archive: Archive) -> int:
    """Return the time in slot 0 of *archive*, from which places are counted; 0 in a ring never written.

    Raises :class:`CorruptFile`, here as everywhere, when the file ends before.
    """
    return int.from_bytes(_read_at(fd, path, _TIME_BYTES, archive.offset), "big")


def read_ring(fd: int, path: str, archive: Archive) -> Slots:
    """Return all slots of *archive*, from slot 0 on."""
    return np.frombuffer(_read_at(fd, path, archive.points * SLOT.itemsize, archive.offset), SLOT)


def read_slots(fd: int, path: str, archive: Archive, start: int, count: int) -> Slots:
    """Return the *count* slots of *archive*, no more than it has, from that for the time *start* on."""
    place = place_of(archive, read_base(fd, path, archive), start)
    until_end = min(count, archive.points - place)
    data = _read_at(fd, path, until_end * SLOT.itemsize, archive.offset + place * SLOT.itemsize)
    if count > until_end:  # round the end of the ring
        data += _read_at(fd, path, (count - until_end) * SLOT.itemsize, archive.offset)
    return np.frombuffer(data, SLOT)


def values_of(slots: Slots, start: int, step: int) -> Values:
    """Return the values of *slots*, which are for the times from *start* on; NaN where another time is."""
    values: Values = slots["value"].astype(np.float64)
    stop = start + len(slots) * step
    if start >= 0 and stop <= _TIMES_END:
        stored_times = _stored_times if len(slots) <= _TIMES_KEPT else _stored_times.__wrapped__
        held = slots["time"].view(np.uint32) == stored_times(start, stop, step)
    else:
        held = slots["time"] == np.arange(start, stop, step)
    if not held.all():
        values[~held] = np.nan
    return values


@lru_cache(maxsize=16)  # the metrics of a request are read over the same few windows
def _stored_times(first: int, stop: int, step: int) -> npt.NDArray[np.uint32]:
    """Return the times from *first* up to *stop*, their bytes as a file holds them: so they compare without a swap."""
    return np.arange(first, stop, step).astype(">u4").view(np.uint32)


class Ring:
    """The ring *archive* of each of the open files *fds*; *bases* are the times in its slot 0.

    Once a ring is begun its base changes by whole rounds only, which moves no place in it. So bases may be those of an
    earlier look; 0 is for a ring not begun then. *path* is for messages, where there is one file. Raises ``OSError``
    and :class:`CorruptFile`.
    """

    def __init__(self, fds: Sequence[int], archive: Archive, bases: Times, path: str = "") -> None:
        self._fds = fds
        self._path = path
        self.archive = archive
        self.bases = bases

    def look(self) -> Ring:
        """Read the bases that aren't known; return the ring itself."""
        if not self.bases.all():
            unknown = np.flatnonzero(self.bases == 0)
            fds = self._fds if len(unknown) == len(self._fds) else self._fds_of(unknown)
            data = b"".join(map(os.pread, fds, repeat(_TIME_BYTES), repeat(self.archive.offset)))
            if len(data) != _TIME_BYTES * len(fds):
                raise _cut_short(self._path)
            self.bases[unknown] = np.frombuffer(data, ">u4")
        return self

    def read(self, files: Times, starts: Times, count: int) -> Slots:
        """Return *count* slots (columns) from each of *starts* (rows) on."""
        fds = self._fds
        lengths: Times | int = count
        if self._is_each_once(files):
            first = place_of(self.archive, self.bases, starts)
            sizes: Iterable[int] = repeat(count * SLOT.itemsize)
        else:
            first = place_of(self.archive, self.bases[files], starts)
            begins = np.flatnonzero(_run_begins(files, first, count))
            fds, first = self._fds_of(files[begins]), first[begins]
            lengths = (_run_ends(begins, len(files)) - begins) * count
            sizes = (lengths * SLOT.itemsize).tolist()
        data = list(map(os.pread, fds, sizes, (self.archive.offset + first * SLOT.itemsize).tolist()))
        over = first + lengths - self.archive.points
        for run in np.flatnonzero(over > 0).tolist():  # round the end of the ring
            until_end = (self.archive.points - int(first[run])) * SLOT.itemsize  # the file may end there
            data[run] = data[run][:until_end] + os.pread(fds[run], int(over[run]) * SLOT.itemsize, self.archive.offset)
        joined = b"".join(data)
        if len(joined) != len(files) * count * SLOT.itemsize:
            raise _cut_short(self._path)
        return np.frombuffer(joined, SLOT).reshape(-1, count)

    def read_below(self, files: Times, starts: Times, step: int) -> tuple[Slots, Times]:
        """Return what slots of *step* seconds, a row each, are rolled up from, and the times expected in it.

        More slots than the ring has are cut as the library cuts them.
        """
        count = (step // self.archive.step - 1) % self.archive.points + 1
        return self.read(files, starts, count), starts[:, np.newaxis] + np.arange(count) * self.archive.step

    def write(self, rows: Rows) -> None:
        """Write *rows*, one after the other; a file's first begins a ring that isn't begun."""
        files, times = rows.files, rows.times
        if not self.bases.all():
            first = first_of_each(files)
            begun = np.zeros(len(self._fds), np.int64)
            begun[files[first]] = times[first]
            np.copyto(self.bases, begun, where=self.bases == 0)
        slots = np.empty(len(files), SLOT)
        slots["time"] = times
        slots["value"] = rows.values
        fds = self._fds
        if self._is_each_once(files):
            places = place_of(self.archive, self.bases, times)
            pieces = slots.view(_SLOT_BYTES).tolist()
        else:
            places = place_of(self.archive, self.bases[files], times)
            begins = np.flatnonzero(_run_begins(files, places, 1))
            data, ends = slots.tobytes(), _run_ends(begins, len(files)) * SLOT.itemsize
            pieces = list(map(data.__getitem__, map(slice, (begins * SLOT.itemsize).tolist(), ends.tolist())))
            fds, places = self._fds_of(files[begins]), places[begins]
        offsets = (self.archive.offset + places * SLOT.itemsize).tolist()
        if sum(map(os.pwrite, fds, pieces, offsets)) != slots.nbytes:  # one of them stopped short
            for fd, piece, offset in zip(fds, pieces, offsets, strict=True):
                _write_at(fd, piece, offset)

    def _is_each_once(self, files: Times) -> bool:
        return len(files) == len(self._fds) and bool((files == np.arange(len(files))).all())

    def _fds_of(self, files: Times) -> list[int]:
        return [self._fds[file] for file in files.tolist()]


RingOf = Callable[[Sequence[int], Archive, Times, str], Ring]
"""Makes a ring of what :class:`Ring` is made of."""


def ring_of(fd: int, path: str, archive: Archive) -> Ring:
    """Return the ring *archive* of one open file; *path* is for messages. Its rows are all of file 0."""
    return Ring([fd], archive, np.array([read_base(fd, path, archive)]), path)


def first_of_each(*columns: Times) -> Chosen:
    """Return which rows differ from the one before in any of *columns*."""
    first = np.zeros(len(columns[0]), np.bool_)
    first[:1] = True
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return first


def last_of_each(*columns: Times) -> Chosen:
    """Return which rows differ from the one after in any of *columns*."""
    return np.append(first_of_each(*columns)[1:], True)


def _run_begins(files: Times, places: Times, length: int) -> Chosen:
    """Return which rows of *length* slots don't go on where the one before ended, in the ring or in another file."""
    begins = first_of_each(files)
    begins[1:] |= places[1:] != places[:-1] + length
    return begins


def _run_ends(begins: Times, rows: int) -> Times:
    ends = np.empty_like(begins)  # np.append and np.diff take several times as long
    ends[:-1], ends[-1:] = begins[1:], rows
    return ends


def _read_at(fd: int, path: str, size: int, offset: int) -> bytes:
    data = os.pread(fd, size, offset)
    while len(data) < size:  # a single read may stop short
        more = os.pread(fd, size - len(data), offset + len(data))
        if not more:
            raise _cut_short(path)
        data += more
    return data


def _cut_short(path: str) -> CorruptFile:
    return CorruptFile(f"{path}: cut short while it was read")


def _write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of *data* at *offset*, where a single write may stop short."""
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, data[written:], offset + written)
