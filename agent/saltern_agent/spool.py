"""Messages on disk, in order, until the master has acknowledged them.

A folder of segments (``saltern.segments`` draws them, ``spool_record.py`` what is in them), each named by the sequence
number of the first record that was ever in it, and a cursor::

    spool/00000465784013824000.seg     record, record, …
    spool/cursor                       everything up to this sequence number is done with

    cursor             sequence u64 | crc32 u32                            little-endian

Records are written with one ``write`` each and never changed, so that a killed agent leaves at worst one torn record
at the end, which is cut when the folder is opened again. The oldest segment goes first when the spool is over its
bounds, and what was in it is counted, for its schedules before it goes; so is what damage took, as far as it can be
told. The newest message is kept however large it is. What is how old is told by a clock that nobody sets.

A folder that can't be used is no end: ``append`` says so each time, until ``open`` succeeds. One that was removed, or
another disk was mounted over, is made again.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Sequence

from saltern.complaints import Complaint
from saltern.errors import JournalError, os_errors
from saltern.segments import HEAD, RECORD, Hole
from saltern.set_aside import bound_aside, of_the_file, set_aside
from saltern.steady import steady_s
from saltern_agent.origin import Origin
from saltern_agent.spool_ahead import Ahead, ReadAhead
from saltern_agent.spool_appender import Appender
from saltern_agent.spool_cursor import Cursor, SpoolInUse
from saltern_agent.spool_notes import Notes
from saltern_agent.spool_record import KIND, SEQ_BYTES, Former, Read, Record, Segment, pack_body, unpack_body
from saltern_agent.spool_recovery import Recovery

log = logging.getLogger(__name__)

SEGMENTS = 16  # the bounds are kept to within one part in so many
MAX_SEGMENT_BYTES = 4 * 1024 * 1024
MAX_WRITE_BYTES = 1024 * 1024  # of several records at once


class Spool:
    """The spool in *folder*, bounded by *max_bytes* and by *max_age_s* seconds, which the agent has run since.

    Records are appended at the end, read from the front with ``peek`` and ``advance``, and forgotten by ``ack``;
    ``rewind`` reads again from the first that wasn't acknowledged. ``dropped`` counts records lost to the bounds or to
    damage, ``unreadable`` segments that were set aside; *lost* is told the origins of those that are about to go.
    *notes* is the file beside the folder that tells what was in it (``spool_notes.py``), by default none.
    Raises ``JournalError`` when another agent uses the folder. Not safe for several threads.
    """

    def __init__(
        self,
        folder: str,
        max_bytes: int,
        max_age_s: float,
        steady: Callable[[], float] = steady_s,
        lost: Callable[[list[Origin]], object] = lambda origins: None,
        notes: str = "",
    ) -> None:
        self.folder = folder
        self.dropped = 0
        self.unreadable = 0
        self.pending = 0
        self.size = 0
        self.acked = 0
        self.last_seq = 0
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._steady = steady
        self._lost = lost
        self._segment_bytes = min(MAX_SEGMENT_BYTES, max_bytes // SEGMENTS)
        self._segments: deque[Segment] = deque()
        self._flight: deque[Read] = deque()
        self._done_to = 0  # offset in the first segment before which everything is acknowledged
        self._done_number = 0  # of the record there, in its segment
        self._uncounted_to = 0  # the last that was done with when the folder was opened: no segment counts it
        self._reading: Segment | None = None
        self._read_at = 0
        self._read_number = 0
        self._reader = -1
        self._appender = Appender()
        self._cursor: Cursor | None = None
        self._former = Former()
        self._ahead = ReadAhead()
        self._notes = Notes(notes)
        self._peeked: Record | None = None
        self._peeked_end = 0
        self._peeked_next = 0
        self._dropping = Complaint(log, logging.WARNING)
        self._not_read = Complaint(log, logging.WARNING)
        self._not_known = Complaint(log)
        try:
            self.open()
        except SpoolInUse:
            raise
        except JournalError as error:
            log.error("%s: returns stay in memory until it can", error)

    @property
    def usable(self) -> bool:
        """Whether the folder could be opened."""
        return self._cursor is not None

    def open(self) -> None:
        """Take up what is in the folder. Raises ``JournalError`` when it can't be used, ``SpoolInUse`` by whom."""
        with os_errors(JournalError, self.folder, "can't be used as a spool"):
            cursor = Cursor(self.folder)
            try:
                self.acked = cursor.seq
                self._open_segments()
            except BaseException:
                self._segments.clear()
                self.pending = self.size = 0
                cursor.close()
                raise
            self._cursor = cursor

    def append(self, seq: int, frame: bytes, origin: Origin | None = None, *, read: bool = False) -> None:
        """Keep *frame* under *seq*, which must be above all before it; see ``append_some``."""
        self.append_some([Record(seq, frame, origin)], read=read)

    def append_some(self, records: Sequence[Record], *, read: bool = False) -> int:
        """Keep the first of *records*, whose numbers must be above all before them; return how many were kept.

        *read* says that they were sent already and wait for their acknowledgement; everything before them must have
        been read. Raises ``JournalError`` when they can't be written; the spool is then as before.
        """
        if self._cursor is None:
            raise JournalError(f"{self.folder}: can't be used as a spool", path=self.folder)
        now = self._steady()
        segment = self._segment_for_append(self._cursor, records[0].seq, now)
        former = self._former.copy()
        bodies: list[bytes] = []
        room = min(self._segment_bytes - segment.size, MAX_WRITE_BYTES)
        for record in records:
            if bodies and room <= 0:
                break
            bodies.append(pack_body(record.seq, record.frame, record.origin, former.told()))
            former.add(record.seq, record.origin)
            room -= len(bodies[-1]) + RECORD.size
        packed = segment.pack(bodies)
        at, number = segment.size or HEAD.size, segment.next_number
        try:
            self._appender.write(segment.path, packed, segment.size)
        except JournalError:
            if not segment.size:
                self._remove(segment)
            raise
        segment.wrote(len(packed), len(bodies))
        self._former = former
        segment.written = now
        self.size += len(packed)
        self.pending += len(bodies)
        kept = records[: len(bodies)]
        self._notes.keep([(record.seq, record.origin) for record in kept])
        segment.last_seq = self.last_seq = kept[-1].seq
        for record, body in zip(kept, bodies, strict=True):
            end = at + RECORD.size + len(body)
            segment.counted(record.origin, 1)
            if read:
                self._flight.append(Read(record.seq, segment, end, number + 1, record.origin))
            else:
                if self._reading is None:
                    self._read_from(segment, at, number)
                if len(kept) > 1 or not self._ahead:
                    self._ahead.add(Ahead(record, segment, at, end, number), self._reading, self._read_at)
            at, number = end, number + 1
        if read:
            self._read_from(segment, at, number)
        self._keep_bounds(now)
        return len(kept)

    @property
    def exhausted(self) -> bool:
        """Whether ``peek`` returned ``None`` because all was read, rather than that something can't be read now."""
        if self._peeked is not None:
            return False
        reading = self._reading
        return not self._segments or (reading is self._segments[-1] and self._read_at >= reading.size)

    def spooled(self, name: str) -> int:
        """Return how many returns are here of the schedule that goes by *name*, ``Origin.name``."""
        return sum(segment.schedules.get(name, 0) for segment in self._segments)

    def peek(self) -> Record | None:
        """Return the next record to read, or ``None`` at the end; the same until ``advance``."""
        while self._peeked is None:
            if self._reading is None and self._segments:
                self._read_from(self._segments[0], 0, 0)
            segment = self._reading
            if segment is None:
                return None
            if self._read_at >= segment.size:
                following = self._after(segment)
                if following is None:
                    return None
                self._read_from(following, 0, 0)
                continue
            ahead = self._ahead.take(segment, self._read_at)
            if ahead is not None:
                self._peeked, self._peeked_end, self._peeked_next = ahead.record, ahead.end, ahead.number + 1
            elif not self._look(segment):
                return None
        return self._peeked

    def advance(self) -> None:
        """Go past the record that ``peek`` returned; it is in flight from now on."""
        assert self._peeked is not None
        assert self._reading is not None
        peeked = self._peeked
        self._read_at, self._read_number = self._peeked_end, self._peeked_next
        self._flight.append(Read(peeked.seq, self._reading, self._read_at, self._read_number, peeked.origin))
        self._peeked = None

    def rewind(self) -> None:
        """Read again from the first record that wasn't acknowledged."""
        self._flight.clear()
        self._read_from(self._segments[0] if self._segments else None, self._done_to, self._done_number)

    def ack(self, seq: int) -> None:
        """Forget every record up to and including *seq*, and remember that it is done with."""
        if seq <= self.acked or self._cursor is None:
            return
        self.acked = seq
        self._cursor.advance(seq)
        self._forget(seq)
        if self.pending:
            self._notes.done(0, seq)
        else:
            self._notes.empty()

    def _forget(self, seq: int) -> None:
        while True:
            while self._flight and self._flight[0].seq <= seq:
                self._done(self._flight.popleft())
            if self._flight or (record := self.peek()) is None or record.seq > seq:
                return
            self.advance()

    def expire(self) -> None:
        """Drop what is older than the bound."""
        self._keep_bounds(self._steady())

    def close(self) -> None:
        """Give back the descriptors; the spool can't be used after it."""
        self._lose_gone()  # nobody else knows what was in them
        self._notes.close()
        self._close_reader()
        self._appender.close()
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def _open_segments(self) -> None:
        found = Recovery(self.folder, self.acked, self._lost)
        try:
            found.run()
            gone = self._notes.missing(found.seqs, self.acked)
            if gone:
                self._lost([one.origin for one in gone if one.origin is not None])
                found.dropped = max(found.dropped, len(gone))
                log.warning("%s: messages were written, and are not there any more: %d", self.folder, len(gone))
            self._notes.forget(gone)
        finally:
            self.dropped += found.dropped
            self.unreadable = found.unreadable
        self._segments.extend(found.segments)
        self.pending = sum(segment.count for segment in self._segments)
        self.size = sum(segment.size for segment in self._segments)
        self.last_seq = max(self.last_seq, found.last_seq)
        self._uncounted_to = self.acked
        self._done_to, self._done_number = found.done_to, found.done_number
        self._former = found.former
        bound_aside(self.folder, self._max_bytes)
        found.take_ages(self._steady(), self._max_age_s / SEGMENTS)
        self.rewind()
        self._keep_bounds(self._steady())

    # appending

    def _segment_for_append(self, cursor: Cursor, seq: int, now: float) -> Segment:
        last = self._segments[-1] if self._segments else None
        full = last is not None and (last.size >= self._segment_bytes or now - last.born > self._max_age_s / SEGMENTS)
        if last is not None and not full and self._appender.goes_on(last.path):
            return last
        path = os.path.join(self.folder, f"{seq:020d}{KIND.suffix}")
        with os_errors(JournalError, path, "can't be made"):
            if cursor.find():
                self._lose_gone()
            self._notes.find()
            segment = Segment(KIND, self._appender.begin(path))
        segment.born = segment.written = now
        self._segments.append(segment)
        return segment

    def _keep_bounds(self, now: float) -> None:
        oldest = now - self._max_age_s
        while self._segments and (
            (self.size > self._max_bytes and len(self._segments) > 1) or self._segments[0].written < oldest
        ):
            self._drop(self._segments[0], "over its bounds, so the oldest go")

    def _lose_gone(self) -> None:
        """Count what was in files that somebody removed."""
        for segment in [segment for segment in self._segments if segment.is_gone()]:
            self._drop(segment, "files were removed")

    def _drop(self, segment: Segment, why: str) -> None:
        if segment.count:
            self._lost(list(segment.origins()))
            self._dropping.say(f"{self.folder}: {why}: messages dropped: {segment.count}")
            self._notes.done(segment.first_seq, segment.last_seq)
        self.dropped += segment.count
        while self._flight and self._flight[0].segment is segment:
            self._flight.popleft()
        self._remove(segment)

    # reading

    def _look(self, segment: Segment) -> bool:
        """Look at the record at the read position, or go past the damage there; ``False``: try again later."""
        try:
            if self._reader < 0:
                self._reader = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self._not_read.say(f"{segment.path}: can't be read: {error.strerror}")
            if not isinstance(error, FileNotFoundError):
                return False
            self._lose(segment, Hole(self._read_at, segment.size, 0, True), 0)
            return True
        try:
            record = segment.record(self._reader, self._read_at)
            if record is not None:
                self._peeked, self._peeked_end = unpack_body(record.body), record.end
                self._peeked_next = record.number + 1
                if self._peeked is None:
                    self._not_known.say(f"{segment.path}: records of an unknown layout are passed over")
                    done = int.from_bytes(record.body[:SEQ_BYTES], "little") <= self.acked
                    new = self._read_at not in segment.unknown and not done
                    segment.unknown.add(self._read_at)
                    self._lose(segment, Hole(self._read_at, record.end, int(new), new), record.number + 1)
                elif self._peeked.seq <= self._uncounted_to:
                    self._peeked, self._read_at, self._read_number = None, record.end, record.number + 1
            else:
                hole = segment.hole(self._reader, self._read_at)
                following = segment.record(self._reader, hole.end)
                self._lose(segment, hole, following.number if following else self._read_number + hole.records)
        except OSError as error:
            if not of_the_file(error):
                self._not_read.say(f"{segment.path}: can't be read: {error.strerror}")
                return False
            with contextlib.suppress(OSError):
                set_aside(segment.path, f"can't be read: {error.strerror}")
            self._lose(segment, Hole(self._read_at, segment.size, 0, True), 0)
        return True

    def _lose(self, segment: Segment, hole: Hole, following: int) -> None:
        """Go past *hole*, up to the record with the number *following*, and count what it took of *segment*.

        What was read before it was damaged is counted when it has to be read again.
        """
        unread = following - self._read_number
        self._read_at, self._read_number = hole.end, following
        lost = segment.count - sum(1 for read in self._flight if read.segment is segment)
        if hole.end < segment.size:
            uncounted, counted = segment.holes.get(hole.end, (0, 0))
            uncounted += hole.records
            lost = max(0, min(lost, uncounted, unread - counted))
            segment.holes[hole.end] = uncounted - lost, counted + lost
        elif segment is self._segments[-1]:
            self._appender.close()  # nothing is appended behind what can't be read
        if lost:
            self._lose_slots(segment)
        self.dropped += lost
        self.pending -= lost
        segment.count -= lost
        if not segment.count:
            self._remove(segment)
        with contextlib.suppress(OSError):
            bound_aside(self.folder, self._max_bytes)

    def _lose_slots(self, segment: Segment) -> None:
        """Have the loss of what was in *segment* and can't be read there counted for its schedules."""
        here = segment.readable() | {read.origin for read in self._flight if read.segment is segment}
        lost = [origin for origin in segment.origins() if origin not in here]
        if lost:
            self._lost(lost)
            self._notes.forget_origins(lost)
        for origin in lost:
            segment.counted(origin, 0)

    def _read_from(self, segment: Segment | None, offset: int, number: int) -> None:
        if segment is not self._reading:
            self._close_reader()
        self._reading = segment
        self._read_at = max(offset, segment.start) if segment else 0
        self._read_number = number
        self._peeked = None
        self._ahead.clear()

    def _read_behind(self, segment: Segment) -> None:
        """Go on with what comes after *segment*, or stay at the end of what is before it."""
        following = self._after(segment)
        before = None if following or len(self._segments) < 2 else self._segments[-2]
        self._read_from(following or before, *((before.size, before.next_number) if before else (0, 0)))

    def _after(self, segment: Segment) -> Segment | None:
        place = self._segments.index(segment) + 1
        return self._segments[place] if place < len(self._segments) else None

    # forgetting

    def _done(self, read: Read) -> None:
        read.segment.counted(read.origin, -1)
        self.pending -= 1
        if read.segment.count:
            self._done_to, self._done_number = read.end, read.next_number
        else:
            self._remove(read.segment, reuse=True)

    def _remove(self, segment: Segment, *, reuse: bool = False) -> None:
        """Take *segment* and what is left in it out of the spool; *reuse* its file, if it is the last."""
        self.pending -= segment.count
        self.size -= segment.size
        if self._reading is segment:
            self._read_behind(segment)
        last = segment is self._segments[-1]
        if segment is self._segments[0]:
            self._done_to = self._done_number = 0
        self._segments.remove(segment)
        if last and reuse and not self._segments and self._appender.empty(segment.path):
            return
        if last:
            self._appender.close()
        with contextlib.suppress(OSError):
            os.unlink(segment.path)

    def _close_reader(self) -> None:
        if self._reader >= 0:
            os.close(self._reader)
            self._reader = -1
