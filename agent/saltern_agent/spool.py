"""Messages on disk, in order, until the master has acknowledged them.

A folder of segments (``saltern.segments`` draws them), each named by the sequence number of its first record, and a
cursor::

    spool/00000465784013824000.seg     record, record, …
    spool/cursor                       everything up to this sequence number is done with

    body of a record   sequence u64 | frame                       little-endian
    cursor             sequence u64 | crc32 u32                   little-endian

Records are written with one ``write`` each and never changed, so that a killed agent leaves at worst one torn record
at the end, which is cut when the folder is opened again. The oldest segment goes first when the spool is over its
bounds, and what was in it is counted; so is what damage took.
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

from saltern import segments
from saltern.errors import JournalError, os_errors
from saltern.files import make_folder
from saltern.segments import Hole, Kind
from saltern.set_aside import bound_aside, set_aside
from saltern_agent.said import Said

log = logging.getLogger(__name__)

KIND = Kind(magic=b"SALTSPL", suffix=".seg", old_header=struct.Struct("<II"), old_uncounted=8)
SEQ_BYTES = 8
CURSOR = struct.Struct("<QI")
SEGMENTS = 16  # the bounds are kept to within one part in so many
MAX_SEGMENT_BYTES = 4 * 1024 * 1024


class SpoolTaken(JournalError):
    """Another agent uses the folder."""


class Record(NamedTuple):
    """One message of the spool."""

    seq: int
    frame: bytes


class Segment(segments.Segment):
    """One segment: how many of its records are still needed, and when it was last written."""

    __slots__ = ("born", "count", "last_seq", "written")

    def __init__(self, kind: Kind, path: str) -> None:
        super().__init__(kind, path)
        self.count = 0
        self.last_seq = 0
        self.born = self.written = 0.0


class Spool:
    """The spool in *folder*, bounded by *max_bytes* and by *max_age_s* seconds.

    Records are appended at the end, read from the front with ``peek`` and ``advance``, and forgotten by ``ack``;
    ``rewind`` reads again from the first that wasn't acknowledged. ``dropped`` counts records lost to the bounds or to
    damage, ``unreadable`` segments that were set aside. Raises ``JournalError`` when the folder can't be used,
    ``SpoolTaken`` when another agent uses it. Not safe for several threads.
    """

    def __init__(self, folder: str, max_bytes: int, max_age_s: float, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.dropped = 0
        self.unreadable = 0
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
        self._peeked_end = 0
        self._cursor = -1
        self._said = Said(log)
        try:
            make_folder(folder, 0o700)
            self._cursor = os.open(os.path.join(folder, "cursor"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._cursor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.acked = self._read_cursor()
            self._open_segments()
        except BlockingIOError:
            os.close(self._cursor)
            text = f"{folder}: another agent uses this spool: give each its own cachedir"
            raise SpoolTaken(text, path=folder) from None
        except OSError as error:
            if self._cursor >= 0:
                os.close(self._cursor)  # and with it the lock
            raise JournalError(f"{folder}: can't be used as a spool: {error.strerror or error}", path=folder) from None

    @property
    def highest(self) -> int:
        """The highest number that the folder knows of: what is new must be above it."""
        return max(self.last_seq, self.acked)

    def append(self, seq: int, frame: bytes, *, read: bool = False) -> None:
        """Keep *frame* under *seq*, which must be above all before it.

        *read* says that it was sent already and waits for its acknowledgement; everything before it must have
        been read. Raises ``JournalError`` when it can't be written; the spool is then as before.
        """
        now = self._clock()
        segment = self._segment_for_append(seq, now)
        record = segment.pack([seq.to_bytes(SEQ_BYTES, "little") + frame])
        self._write(segment, record)
        segment.wrote(len(record), 1)
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
            if self._reading is None and self._segments:
                self._read_from(self._segments[0], 0)
            segment = self._reading
            if segment is None:
                return None
            if self._read_at >= segment.size:
                following = self._after(segment)
                if following is None:
                    return None
                self._read_from(following, 0)
                continue
            if not self._look(segment):
                return None
        return self._peeked

    def advance(self) -> None:
        """Go past the record that ``peek`` returned; it is in flight from now on."""
        assert self._peeked is not None
        assert self._reading is not None
        self._read_at = self._peeked_end
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
            self._said.say("cursor", "%s: the cursor can't be written: %s", self.folder, error.strerror)
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
        found, unreadable = Segment.find(KIND, self.folder)
        self.unreadable = len(unreadable)
        self.dropped += len(unreadable)  # at least
        for segment in found.values():
            self._scan(segment)
            if segment.count:
                self._segments.append(segment)
                self.pending += segment.count
                self.size += segment.size
            else:
                self._unlink(segment)
            self.last_seq = max(self.last_seq, segment.last_seq)
        bound_aside(self.folder, self._max_bytes)
        self.rewind()
        self._keep_bounds(self._clock())

    def _scan(self, segment: Segment) -> None:
        """Count what is in *segment*, its torn tail cut; sets where reading starts when it holds done records."""
        segment.born = segment.written = os.stat(segment.path).st_mtime
        lost = 0
        for item in segment.recover():
            if isinstance(item, Hole):
                lost += item.records if item.new else 0
                continue
            segment.last_seq = int.from_bytes(item.body[:SEQ_BYTES], "little")
            if segment.last_seq > self.acked:
                segment.count += 1
            else:
                lost = 0  # it was done with
                if not self._segments:
                    self._done_to = item.end
        self.dropped += lost
        if not segment.count:
            self._done_to = 0

    # appending

    def _segment_for_append(self, seq: int, now: float) -> Segment:
        last = self._segments[-1] if self._segments else None
        full = last is not None and (
            last.size >= self._segment_bytes or now - last.born > self._max_age_s / SEGMENTS or now < last.born
        )
        if last is not None and not full and self._writer >= 0:
            return last
        self._close_writer()
        segment = Segment(KIND, os.path.join(self.folder, f"{seq:020d}{KIND.suffix}"))
        segment.born = segment.written = now
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os_errors(JournalError, segment.path, "can't be made"):
            if os.path.lexists(segment.path):
                set_aside(segment.path, "it is in the way")
            self._writer = os.open(segment.path, flags, 0o600)
        self._segments.append(segment)
        return segment

    def _write(self, segment: Segment, record: bytearray) -> None:
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
        raise JournalError(f"{segment.path}: can't be written: {reason}", path=segment.path)

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

    def _look(self, segment: Segment) -> bool:
        """Look at the record at the read position, or go past the damage there; ``False``: try again later."""
        try:
            if self._reader < 0:
                self._reader = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            log.warning("%s: can't be read: %s", segment.path, error.strerror)
            if not isinstance(error, FileNotFoundError):
                return False
            self._lose(segment, Hole(self._read_at, segment.size, 0, True))
            return True
        try:
            record = segment.record(self._reader, self._read_at)
            if record is not None:
                self._peeked = Record(int.from_bytes(record.body[:SEQ_BYTES], "little"), record.body[SEQ_BYTES:])
                self._peeked_end = record.end
            else:
                self._lose(segment, segment.hole(self._reader, self._read_at))
        except OSError as error:
            with contextlib.suppress(OSError):
                set_aside(segment.path, f"can't be read: {error.strerror}")
            self._lose(segment, Hole(self._read_at, segment.size, 0, True))
        return True

    def _lose(self, segment: Segment, hole: Hole) -> None:
        """Go past *hole*, and count what it took of *segment*."""
        self._read_at = hole.end
        lost = segment.count - sum(1 for _, owner, _ in self._flight if owner is segment)
        if hole.end < segment.size:
            lost = min(lost, hole.records)
        elif segment is self._segments[-1]:
            self._close_writer()  # nothing is appended behind what can't be read
        self.dropped += lost
        self.pending -= lost
        segment.count -= lost
        if not segment.count:
            self._remove(segment)
        with contextlib.suppress(OSError):
            bound_aside(self.folder, self._max_bytes)

    def _read_from(self, segment: Segment | None, offset: int) -> None:
        if segment is not self._reading:
            self._close_reader()
        self._reading = segment
        self._read_at = max(offset, segment.start) if segment else 0
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
