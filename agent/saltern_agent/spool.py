"""Messages on disk, in order, until the master has acknowledged them.

A folder of segments, each named by the sequence number of its first record, and a cursor::

    spool/00000465784013824000.seg     record, record, …
    spool/cursor                       everything up to this sequence number is done with

    record   length u32 | crc32 u32 | sequence u64 | frame (length bytes)      crc32 is of sequence and frame
    cursor   sequence u64 | crc32 u32

All numbers are little-endian. Records are written with one ``write`` each and never changed, so that a killed
agent leaves at worst one torn record at the end, which is cut when the folder is opened again. The oldest segment
goes first when the spool is over its bounds, and what was in it is counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
import time
from binascii import crc32
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from saltern.errors import JournalError
from saltern.files import make_folder

log = logging.getLogger(__name__)

RECORD = struct.Struct("<IIQ")
CURSOR = struct.Struct("<QI")
MAX_RECORD_BYTES = 1024**3
SEGMENTS = 16  # the bounds are kept to within one part in so many
MAX_SEGMENT_BYTES = 4 * 1024 * 1024
SUFFIX = ".seg"


class Record(NamedTuple):
    """One message of the spool."""

    seq: int
    frame: bytes


class Segment:
    """One file: how long it is, how many of its records are still needed, and when it was last written."""

    __slots__ = ("born", "count", "last_seq", "path", "size", "written")

    def __init__(self, path: str, now: float) -> None:
        self.path = path
        self.size = 0
        self.count = 0
        self.last_seq = 0
        self.born = now
        self.written = now


class Spool:
    """The spool in *folder*, bounded by *max_bytes* and by *max_age_s* seconds.

    Records are appended at the end, read from the front with ``peek`` and ``advance``, and forgotten by ``ack``;
    ``rewind`` reads again from the first that wasn't acknowledged. ``dropped`` counts records lost to the bounds.
    Raises ``JournalError`` when the folder can't be used. Not safe for several threads.
    """

    def __init__(self, folder: str, max_bytes: int, max_age_s: float, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.dropped = 0
        self.pending = 0
        self.size = 0
        self.acked = 0
        self.last_seq = 0
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self._segment_bytes = min(MAX_SEGMENT_BYTES, max_bytes // SEGMENTS)
        self._segments: deque[Segment] = deque()
        self._flight: deque[tuple[int, Segment, int]] = deque()  # read, not acknowledged: seq, segment, its end
        self._done_to = 0  # offset in the first segment before which everything is acknowledged
        self._reading: Segment | None = None
        self._read_at = 0
        self._reader = -1
        self._writer = -1
        self._peeked: Record | None = None
        try:
            make_folder(folder, 0o700)
            self._cursor = os.open(os.path.join(folder, "cursor"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._cursor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.acked = self._read_cursor()
            self._open_segments()
        except BlockingIOError:
            os.close(self._cursor)
            raise JournalError(f"{folder}: another agent uses this spool: give each its own cachedir") from None
        except OSError as error:
            raise JournalError(f"{folder}: can't be used as a spool: {error.strerror or error}") from None

    def append(self, seq: int, frame: bytes, *, read: bool = False) -> None:
        """Keep *frame* under *seq*, which must be above all before it.

        *read* says that it was sent already and waits for its acknowledgement; everything before it must have
        been read. Raises ``JournalError`` when it can't be written; the spool is then as before.
        """
        now = self._clock()
        segment = self._segment_for_append(seq, now)
        body = seq.to_bytes(8, "little") + frame
        record = struct.pack("<II", len(frame), crc32(body)) + body
        self._write(segment, record)
        segment.size += len(record)
        segment.count += 1
        segment.last_seq = self.last_seq = seq
        segment.written = now
        self.size += len(record)
        self.pending += 1
        if read:
            self._flight.append((seq, segment, segment.size))
            self._read_from(segment, segment.size)
        self._keep_bounds(now)

    def peek(self) -> Record | None:
        """Return the next record to read, or ``None`` at the end; the same until ``advance``."""
        while self._peeked is None:
            segment = self._reading or (self._segments[0] if self._segments else None)
            if segment is None:
                return None
            if self._read_at >= segment.size:
                following = self._after(segment)
                if following is None:
                    return None
                self._read_from(following, 0)
                continue
            self._reading = segment
            self._peeked = self._read_record(segment)
            if self._peeked is None:
                self._lose_rest(segment)
        return self._peeked

    def advance(self) -> None:
        """Go past the record that ``peek`` returned; it is in flight from now on."""
        assert self._peeked is not None
        assert self._reading is not None
        self._read_at += RECORD.size + len(self._peeked.frame)
        self._flight.append((self._peeked.seq, self._reading, self._read_at))
        self._peeked = None

    def rewind(self) -> None:
        """Read again from the first record that wasn't acknowledged."""
        self._flight.clear()
        self._read_from(self._segments[0] if self._segments else None, self._done_to)

    def ack(self, seq: int) -> None:
        """Forget every record up to and including *seq*, and remember that it is done with."""
        if seq <= self.acked:
            return
        self.acked = seq
        packed = seq.to_bytes(8, "little")
        try:
            os.pwrite(self._cursor, packed + crc32(packed).to_bytes(4, "little"), 0)
        except OSError as error:
            log.warning("%s: the cursor can't be written: %s", self.folder, error.strerror)
        while True:
            while self._flight and self._flight[0][0] <= seq:
                _, segment, end = self._flight.popleft()
                self._done(segment, end)
            if self._flight or (record := self.peek()) is None or record.seq > seq:
                return
            self.advance()

    def expire(self) -> None:
        """Drop what is older than the bound."""
        self._keep_bounds(self._clock())

    def close(self) -> None:
        """Give back the descriptors; the spool can't be used after it."""
        self._close_reader()
        self._close_writer()
        os.close(self._cursor)

    # opening

    def _read_cursor(self) -> int:
        packed = os.pread(self._cursor, CURSOR.size, 0)
        if len(packed) != CURSOR.size:
            return 0
        seq, check = CURSOR.unpack(packed)
        return int(seq) if check == crc32(packed[:8]) else 0

    def _open_segments(self) -> None:
        for name in sorted(os.listdir(self.folder)):
            stem = name.removesuffix(SUFFIX)
            if stem == name or not stem.isdecimal():
                continue
            segment = self._scan(os.path.join(self.folder, name))
            if segment.count:
                self._segments.append(segment)
                self.pending += segment.count
                self.size += segment.size
            else:
                self._unlink(segment)
            self.last_seq = max(self.last_seq, segment.last_seq)
        self.rewind()
        self._keep_bounds(self._clock())

    def _scan(self, path: str) -> Segment:
        """Return the segment in *path*, its torn tail cut; sets where reading starts when it holds done records."""
        segment = Segment(path, os.stat(path).st_mtime)
        with open(path, "r+b") as stream:
            length = os.fstat(stream.fileno()).st_size
            while (record := _record(stream.read(RECORD.size), stream.read, length - segment.size)) is not None:
                segment.size += RECORD.size + len(record.frame)
                segment.last_seq = record.seq
                if record.seq > self.acked:
                    segment.count += 1
                elif not self._segments:
                    self._done_to = segment.size
            if segment.size < length:
                log.warning("%s: its last %d bytes are torn and were cut", path, length - segment.size)
                stream.truncate(segment.size)
        if not segment.count:
            self._done_to = 0
        return segment

    # appending

    def _segment_for_append(self, seq: int, now: float) -> Segment:
        last = self._segments[-1] if self._segments else None
        full = last is not None and (
            last.size >= self._segment_bytes or now - last.born > self._max_age_s / SEGMENTS or now < last.born
        )
        if last is not None and not full and self._writer >= 0:
            return last
        self._close_writer()
        segment = Segment(os.path.join(self.folder, f"{seq:020d}{SUFFIX}"), now)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._writer = os.open(segment.path, flags, 0o600)
        except OSError as error:
            raise JournalError(f"{segment.path}: can't be made: {error.strerror}") from None
        self._segments.append(segment)
        return segment

    def _write(self, segment: Segment, record: bytes) -> None:
        try:
            if os.write(self._writer, record) == len(record):
                return
            reason: str | None = "the disk is full"
        except OSError as error:
            reason = error.strerror
        with contextlib.suppress(OSError):
            os.ftruncate(self._writer, segment.size)
        if not segment.size:
            self._remove(segment)
        raise JournalError(f"{segment.path}: can't be written: {reason}")

    def _keep_bounds(self, now: float) -> None:
        oldest = now - self._max_age_s
        while self._segments and (self.size > self._max_bytes or self._segments[0].written < oldest):
            self._drop(self._segments[0])

    def _drop(self, segment: Segment) -> None:
        self.dropped += segment.count
        log.warning("%s: over its bounds: the oldest %d messages were dropped", self.folder, segment.count)
        while self._flight and self._flight[0][1] is segment:
            self._flight.popleft()
        self._remove(segment)

    # reading

    def _read_record(self, segment: Segment) -> Record | None:
        try:
            if self._reader < 0:
                self._reader = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
            os.lseek(self._reader, self._read_at, os.SEEK_SET)
            return _record(
                os.read(self._reader, RECORD.size),
                lambda length: os.read(self._reader, length),
                segment.size - self._read_at,
            )
        except OSError as error:
            log.warning("%s: can't be read: %s", segment.path, error.strerror)
            return None

    def _lose_rest(self, segment: Segment) -> None:
        """Give up what can't be read from the read position to the end of *segment*, and count it."""
        waiting = sum(1 for _, owner, _ in self._flight if owner is segment)
        lost = segment.count - waiting
        log.warning("%s: unreadable from byte %d: %d messages are lost", segment.path, self._read_at, lost)
        self.dropped += lost
        self.pending -= lost
        segment.count = waiting
        if segment is self._segments[-1]:
            self._close_writer()  # nothing may be appended behind what can't be read
        if waiting:
            self.size -= segment.size - self._read_at
            segment.size = self._read_at
        else:
            self._remove(segment)

    def _read_from(self, segment: Segment | None, offset: int) -> None:
        if segment is not self._reading:
            self._close_reader()
        self._reading = segment
        self._read_at = offset
        self._peeked = None

    def _after(self, segment: Segment) -> Segment | None:
        found = False
        for other in self._segments:
            if found:
                return other
            found = other is segment
        return None

    # forgetting

    def _done(self, segment: Segment, end: int) -> None:
        segment.count -= 1
        self.pending -= 1
        if segment.count:
            self._done_to = end
        else:
            self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        """Take *segment* and what is left in it out of the spool."""
        self.pending -= segment.count
        self.size -= segment.size
        if self._reading is segment:
            self._read_from(self._after(segment), 0)
        if segment is self._segments[-1]:
            self._close_writer()
        if segment is self._segments[0]:
            self._done_to = 0
        self._segments.remove(segment)
        self._unlink(segment)

    def _unlink(self, segment: Segment) -> None:
        with contextlib.suppress(OSError):
            os.unlink(segment.path)

    def _close_reader(self) -> None:
        if self._reader >= 0:
            os.close(self._reader)
            self._reader = -1

    def _close_writer(self) -> None:
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1


def _record(header: bytes, read: Callable[[int], bytes], room: int) -> Record | None:
    """Return the record behind *header*, or ``None`` when it isn't whole; *room* is what the file still holds."""
    if len(header) != RECORD.size:
        return None
    length, check, seq = RECORD.unpack(header)
    if length > MAX_RECORD_BYTES or RECORD.size + length > room:
        return None
    frame = read(length)
    if len(frame) != length or crc32(frame, crc32(header[8:])) != check:
        return None
    return Record(seq, frame)
