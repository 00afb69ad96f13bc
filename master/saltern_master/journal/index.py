"""The journal's index: for each segment a file of notes, which say what its records are about.

::

    journal/000000000001.log            the records of segment 1
    journal-notes/000000000001.index    their notes (``record.py``), a record of this file for each write to the log

    body of a record      msgpack [offset in the log where that write began, [bytes of each record], [its note]]

With it the account is kept without reading what minions returned, and when a record is gone (damaged, deleted, over
the journal's bound) it is still known whose it was. It is a copy: what it lacks is taken from the log itself, so a
write to it may fail. It stays until the account is done with it.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from saltern.errors import WireError
from saltern.files import make_folder
from saltern.segments import RECORD, Kind, Record, Segment
from saltern.set_aside import of_the_file
from saltern.wire import pack_value, unpack_value

KIND = Kind(magic=b"SALTIDX", suffix=".index", old_header=struct.Struct(">II"), old_uncounted=0)


class Noted(NamedTuple):
    """A record of the log at *start* … *end* (offsets in bytes) and its note."""

    start: int
    end: int
    note: Sequence[Any]


class Index:
    """The notes of one segment of the log."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._fd = -1
        self._hint = (0, 0)  # an offset in the log, and where in this file it goes on from there

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._segment.size

    def append(self, start: int, sizes: Sequence[int], notes: Sequence[bytes]) -> None:
        """Keep the notes of records that were written to the log from *start* on; do nothing where that fails."""
        if not self._segment.appendable:
            return
        body = b"\x93" + pack_value(start) + pack_value(sizes) + _array_of(len(notes)) + b"".join(notes)
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:  # somebody deleted it
                self.close()
            if self._fd < 0:
                make_folder(os.path.dirname(self._segment.path), 0o700)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
                self._fd = os.open(self._segment.path, flags, 0o600)
                if not os.fstat(self._fd).st_size:  # it is new: what is known of another one is not of this
                    self._segment = Segment(KIND, self._segment.path)
                    self._hint = (0, 0)
            data = self._segment.pack([body])
            if os.write(self._fd, data) < len(data):
                raise OSError
        except OSError:
            with contextlib.suppress(OSError):  # whatever is lacking is in the log
                os.ftruncate(self._fd, self._segment.size)
        else:
            self._segment.wrote(len(data), 1)

    def read(self, offset: int) -> Iterator[list[Noted]]:
        """Yield the notes of records that end beyond *offset* in the log, write by write, until one is damaged.

        Raises ``OSError`` where they can't be read just now.
        """
        segment = self._segment
        if not segment.size:
            return
        at = self._hint[1] if self._hint[0] <= offset else 0
        try:
            fd = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            if of_the_file(error) or isinstance(error, FileNotFoundError):
                return
            raise
        try:
            while (record := _record(segment, fd, max(at, segment.start))) is not None:
                noted, at = _noted(record), record.end
                if noted:
                    self._hint = (noted[-1].end, at)  # first: who reads may have enough of it
                if noted and noted[-1].end > offset:
                    yield [one for one in noted if one.end > offset]
        finally:
            os.close(fd)

    def end(self) -> int:
        """Return how far into the log the notes go. Raises ``OSError``."""
        return max((noted[-1].end for noted in self.read(0)), default=0)

    def recover(self) -> None:
        """Bring a file that was found in order, so that it can be appended to."""
        with contextlib.suppress(OSError):
            for _ in self._segment.recover():
                pass

    def close(self) -> None:
        """Give back the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unlink(self) -> None:
        """Delete the file."""
        self.close()
        with contextlib.suppress(OSError):
            os.unlink(self._segment.path)


def record_bytes(payload: bytes) -> int:
    """Return how many bytes a record takes in the log."""
    return RECORD.size + len(payload)


def _record(segment: Segment, fd: int, at: int) -> Record | None:
    try:
        return segment.record(fd, at)
    except OSError as error:
        if of_the_file(error):
            return None
        raise


def _array_of(count: int) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big")


def _noted(record: Record) -> list[Noted]:
    try:
        at, sizes, notes = unpack_value(record.body)
        found = []
        for size, note in zip(sizes, notes, strict=True):
            found.append(Noted(at, at + size, note if note else (0,)))
            at += size
    except (WireError, TypeError, ValueError):
        return []
    return found
