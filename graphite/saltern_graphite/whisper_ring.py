"""The rings of one open Whisper file, read and written by the times of their slots."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from saltern_graphite.whisper_file import POINT, Archive, CorruptFile

_FLAGS = os.O_RDWR | os.O_CLOEXEC
FAST_FLAGS = _FLAGS | getattr(os, "O_NOATIME", 0)
"""For files of our own: without it the first read after each write costs a write of the inode, for the time of it."""


def open_file(path: str) -> int:
    """Open *path* for reading and writing; another user's file too, where that may be. Raises ``OSError``."""
    try:
        return os.open(path, FAST_FLAGS)
    except PermissionError:  # O_NOATIME is for the owner alone
        return os.open(path, _FLAGS)


def read_base(fd: int, path: str, archive: Archive) -> int:
    """Return the time in slot 0 of *archive*, from which places are counted; 0 in a ring never written.

    Raises :class:`CorruptFile` when the file ends before it.
    """
    data = os.pread(fd, POINT.size, archive.offset)
    if len(data) < POINT.size:
        raise CorruptFile(f"{path} is shorter than its header says")
    return int(POINT.unpack(data)[0])


class Rings:
    """The archives of the open file *fd*; *path* is for messages. Raises ``OSError`` and :class:`CorruptFile`.

    It remembers the bases, so nothing else may write to the file meanwhile.
    """

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        self._bases: dict[int, int] = {}

    def slots(self, archive: Archive, start: int, count: int) -> Iterator[tuple[int, float]]:
        """Yield what the *count* slots from time *start* on hold, as (time found there, value).

        A slot counts only if the time found is the one expected. More slots than the ring has are cut as the
        library cuts them.
        """
        count = (count - 1) % archive.points + 1
        base = self.base(archive)
        first = (start - base) // archive.step % archive.points if base else 0
        data = b"".join(
            os.pread(self._fd, length * POINT.size, archive.offset + place * POINT.size)
            for place, length in pieces(archive, first, count)
        )
        if len(data) < count * POINT.size:
            raise CorruptFile(f"{self._path} is shorter than its header says")
        return POINT.iter_unpack(data)

    def value(self, archive: Archive, time: int) -> float | None:
        """Return the value at *time* (aligned), ``None`` when the slot doesn't hold that time."""
        found, value = next(self.slots(archive, time, 1))
        return value if found == time else None

    def write(self, archive: Archive, slots: Mapping[int, float]) -> None:
        """Write *slots* (aligned time -> value, in time order), each run of neighbours at once."""
        run: list[int] = []
        for time in slots:
            if run and (time != run[-1] + archive.step or len(run) == archive.points):
                self._write_run(archive, run, slots)
                run = []
            run.append(time)
        if run:
            self._write_run(archive, run, slots)

    def base(self, archive: Archive) -> int:
        """Return the time in slot 0 of *archive*, 0 if it was never written."""
        base = self._bases.get(archive.offset)
        if base is None:
            base = self._bases[archive.offset] = read_base(self._fd, self._path, archive)
        return base

    def _write_run(self, archive: Archive, run: list[int], slots: Mapping[int, float]) -> None:
        base = self.base(archive)
        first = (run[0] - base) // archive.step % archive.points if base else 0
        data = b"".join([POINT.pack(time, slots[time]) for time in run])
        done = 0
        for place, count in pieces(archive, first, len(run)):
            write_at(self._fd, data[done : done + count * POINT.size], archive.offset + place * POINT.size)
            if place == 0:
                self._bases[archive.offset] = run[done // POINT.size]
            done += count * POINT.size


def pieces(archive: Archive, first: int, count: int) -> list[tuple[int, int]]:
    """Return the run of *count* slots from *first* on as ``(place, length)``: two pieces when it wraps round."""
    head = min(count, archive.points - first)
    return [(first, head)] if head == count else [(first, head), (0, count - head)]


def write_at(fd: int, data: bytes, offset: int) -> None:
    """Write all of *data* at *offset*, where a single write may stop short."""
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, data[written:], offset + written)
