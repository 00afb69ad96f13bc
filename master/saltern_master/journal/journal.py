"""The journal: where everything from agents is kept before it is acknowledged.

Segment files of records (``saltern.segments`` draws them), appended only; a position between two records is the
number of a segment and an offset in bytes::

    journal/000000000001.log          the records of segment 1
    journal-notes/000000000001.index  what they are about (``index.py``)
    journal-notes/jobs.position       "1 4711": up to there the reader ``jobs`` is done

Whoever deletes the first folder takes no more than what had not been shipped, and from the second it is known whose
that was.

A record that was written survives a ``kill -9`` of the master (the kernel has it); a power cut may cost the last
moments that the disk had not seen. Consumers (the job store, the graphite engine) read it each at its own pace
through a ``Reader``, whose position is kept on disk; so a far end that is away for a day costs disk, not points.
Segments that every reader has passed are deleted. Over the bound of bytes or age the oldest goes first. What a reader
misses by that, by damage, or because a segment is gone, is counted for it; and of scheduled runs the slots are
written down in the journal itself, for the account.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from saltern.complaints import Trouble
from saltern.errors import JournalError, os_errors
from saltern.files import make_folder
from saltern.segments import Hole, Kind, Segment
from saltern.set_aside import bound_aside, of_the_file
from saltern.wire import pack_value
from saltern_master.journal.ages import Ages
from saltern_master.journal.identity import Identity
from saltern_master.journal.index import record_bytes
from saltern_master.journal.losses import ANY, DAMAGED, GONE, OVER_BOUND, Losses, Missing
from saltern_master.journal.notes import Notes
from saltern_master.journal.reader import NotesReader, Position, Reader, read_records
from saltern_master.journal.written_file import WrittenFile
from saltern_master.record import note_of

log = logging.getLogger(__name__)

KIND = Kind(magic=b"SALTJRN", suffix=".log", old_header=struct.Struct(">II"), old_uncounted=0)
SEGMENT_BYTES = 4 * 1024 * 1024
OPEN_AGAIN_S = 5.0


class Journal:
    """The segments in one folder, with one writer (this process) and named readers."""

    def __init__(
        self,
        folder: str,
        max_bytes: int,
        max_age_s: float,
        segment_bytes: int = SEGMENT_BYTES,
        steady: Callable[[], float] = time.monotonic,
        notes_folder: str = "",
    ) -> None:
        """*notes_folder*: where indexes and positions are, by default beside the segments."""
        self.folder = folder
        self.max_bytes = max_bytes
        self.segment_bytes = min(segment_bytes, max(max_bytes // 4, 4096))
        self.unreadable = 0
        """Segments set aside when the journal was opened."""
        self.cut_short = 0
        """Times that it was found to end before what the account has of it."""
        self._readers: dict[str, Reader] = {}
        self._notes_reader: NotesReader | None = None
        self.buffered_bytes = 0
        """Of records that ``flush`` has yet to write."""
        self._buffer: list[bytes] = []
        self._buffered_notes: list[bytes] = []
        self._file = WrittenFile()
        self._opened_at = float("-inf")
        self._ages = Ages(max_age_s, steady)
        self.head = self.found_to = Position(0, 0)
        """The end; and where it was when the journal was opened."""
        self._segments: dict[int, Segment] = {}
        self.notes_folder = notes_folder or folder
        self._notes = Notes(self.notes_folder)
        self._missing: list[Missing] = []
        self._holes: dict[Position, int] = {}  # how many records each took, as far as can be told
        self._losses = Losses(folder, self._notes, self._segments)
        self._not_read = Trouble(log)
        self._identity = Identity(self.notes_folder)

    @property
    def first(self) -> int:
        """The number of the oldest segment that is there."""
        return min(self._segments, default=0)

    def identity(self) -> str:
        """Return what tells this journal's positions from those of any other; any thread may ask.

        Raises ``JournalError``.
        """
        return self._identity.word()

    @property
    def dropped(self) -> int:
        """Records that some reader lost: over the bound, to damage, or with a segment that is gone."""
        return sum(reader.lost for reader in self._readers.values())

    def open(self) -> None:
        """Find what is there, cut a torn tail, set aside what can't be read, and begin to append.

        Raises ``JournalError``; then ``flush`` tries it again.
        """
        self._opened_at = time.monotonic()
        try:
            make_folder(self.folder, 0o700)
            make_folder(self.notes_folder, 0o700)
            self._notes.adopt(self.folder)
            found, unreadable = Segment.find(KIND, self.folder)
            self._segments.clear()
            self._segments.update(found)
            self.unreadable += len(unreadable)
            self._missing = []
            self._notes.find()
            last = max((*self._segments, *unreadable, *self._notes.numbers), default=0)
            once = self._notes.end(last)
            appendable = last in self._segments and self._recover(last)
            self._missing += self._losses.look(unreadable, self._missing)
            if not appendable or once > self._segments[last].size:  # whose notes those were stays known
                last += 1
                self._segments[last] = Segment(KIND, self._path(last))
            self._ages.find({number: self._path(number) for number in sorted(found)})
            if last not in found:
                self._ages.wrote(last)
            bound_aside(self.folder, self.max_bytes)
            self._file.open(self._path(last))
        except OSError as error:
            raise JournalError(f"{self.folder}: the journal can't be opened: {error}", path=self.folder) from None
        self.head = self.found_to = Position(last, self._segments[last].size)
        for reader in self._readers.values():
            self._take_up(reader)
        if self._notes_reader is not None:
            self._notes_reader.fit(self.found_to)

    def try_to_open(self) -> None:
        """Open it if that can be done; else say so: nothing that comes is kept, nor acknowledged, until it can be."""
        try:
            self.open()
        except JournalError as error:
            log.error("%s: agents keep what they have until it can be written", error)

    def close(self) -> None:
        """Write what is buffered, save the readers' positions and close. Raises ``JournalError``."""
        try:
            self.flush()
        finally:
            for reader in self._readers.values():
                reader.close()
            self._notes.close(self.head.segment)
            self._file.close()

    def append(self, payload: bytes, note: bytes = b"") -> None:
        """Buffer a record, and its packed note (by default that of what nobody's account is about), until ``flush``."""
        self.buffered_bytes += len(payload)
        self._buffer.append(payload)
        self._buffered_notes.append(note or pack_value(note_of(payload)))

    def flush(self) -> None:
        """Write the buffered records, all or none. Raises ``JournalError``; they are then forgotten."""
        if not self._buffer and not self._losses.untold:
            return
        self.buffered_bytes = 0
        payloads, self._buffer = self._buffer, []
        notes, self._buffered_notes = self._buffered_notes, []
        with os_errors(JournalError, self.folder, "can't be written"):
            if not self._file.is_open:
                self._open_again()
        self._write_with_losses(payloads, notes)

    def tell(self) -> bool:
        """Write down what was lost so far, and nothing that is buffered; return whether all of it is.

        What is buffered may fail to be written, which only who calls ``flush`` for it would know what to do about.
        """
        with contextlib.suppress(JournalError):
            while self._losses.untold and self._file.is_open:  # that itself may take an old segment, over the bound
                self._write_with_losses([], [])
        return not self._losses.untold

    def _write_with_losses(self, payloads: list[bytes], notes: list[bytes]) -> None:
        """Write records and, behind them, what was lost. Raises ``JournalError``."""
        with os_errors(JournalError, self.folder, "can't be written"):
            self._check_file()
            losses = self._losses.untold.copy()  # with what is found to be gone
            self._write(payloads + [payload for payload, _ in losses], notes + [note for _, note in losses])
        del self._losses.untold[: len(losses)]

    def _write(self, payloads: list[bytes], notes: list[bytes]) -> None:
        if self.head.offset and self.head.offset + sum(map(record_bytes, payloads)) > self.segment_bytes:
            self._rotate()
        data = self._segments[self.head.segment].pack(payloads)
        try:
            self._file.write(data, self.head.offset)
        except OSError as error:
            raise JournalError(f"{self.folder}: can't be written: {error.strerror}", path=self.folder) from None
        number = self.head.segment
        segment = self._segments[number]
        self._notes.append(number, segment, payloads, notes)
        segment.wrote(len(data), len(payloads))
        self._ages.wrote(number)
        self.head = Position(number, segment.size)
        for reader in self._readers.values():
            reader.wake()

    def reader(self, name: str, wants: int = ANY, *, ships: bool = False) -> Reader:
        """Return the reader *name*, at the position where it was when it was last saved (at first: the start).

        *wants*: the flags of the records that it is for; what it loses of others is no loss. *ships*: what it loses
        of scheduled runs is lost for good, and the account is told.
        """
        if name not in self._readers:
            self._readers[name] = Reader(self, name, wants, ships)
            if self._file.is_open:
                self._take_up(self._readers[name])
        return self._readers[name]

    def notes_reader(self, done: Position) -> NotesReader:
        """Return the reader of all notes, from *done* on; notes stay until it is done with them."""
        self._notes_reader = NotesReader(self, done)
        self._notes_reader.fit(self.found_to)
        return self._notes_reader

    def metrics(self) -> dict[str, float]:
        """Return sizes and losses: bytes, segments, dropped, and of each reader what it lost and is behind."""
        numbers: dict[str, float] = {
            "bytes": self._bytes(),
            "segments": len(self._segments),
            "dropped": self.dropped,
            "unreadable": self.unreadable,
            "cut_short": self.cut_short,
        }
        for name, reader in self._readers.items():
            numbers[f"{name}.behind_bytes"] = reader.behind()
            numbers[f"{name}.lost"] = reader.lost
        return numbers

    def trim(self) -> None:
        """Delete the segments that all readers have passed, and the oldest ones over the bounds."""
        passed = min((reader.saved.segment for reader in self._readers.values()), default=0)
        for number in sorted(self._segments)[:-1]:
            over = self._bytes() > self.max_bytes or self._ages.too_old(number)
            if number >= passed and not over:
                break
            self._give_up(number, OVER_BOUND)
            try:
                os.unlink(self._path(number))
            except FileNotFoundError:
                pass
            except OSError as error:
                log.error("%s: can't be deleted: %s", self._path(number), error.strerror)
        if self._readers:
            done = min(reader.saved.segment for reader in self._readers.values())
            if self._notes_reader is not None:
                done = min(done, self._notes_reader.done.segment)
            self._notes.trim(self._segments, done, self.head.segment, self.max_bytes)

    # What readers need.

    def read(self, reader: Reader, limit: int) -> list[bytes]:
        """Return whole records from where *reader* is on, about *limit* bytes, and move it behind them."""
        while True:
            number, offset = reader.at
            segment = self._segments.get(number)
            at = max(offset, segment.start) if segment else 0
            if segment is None or at >= segment.size:
                following = min((n for n in self._segments if n > number), default=None)
                if following is None:
                    return []
                reader.at = Position(following, 0)
                continue
            try:
                records, end, hole = read_records(segment, at, limit)
            except FileNotFoundError:
                if number == self.head.segment or self._away:
                    return []
                self._give_up(number, GONE)
                continue
            except OSError as error:
                if not of_the_file(error):
                    self._not_read.met(f"{segment.path}: can't be read just now: {error.strerror}")
                    return []
                log.error("%s: can't be read at byte %d: %s", segment.path, at, error.strerror)
                records, end = [], self._notes.start_after(number, at, segment.size)
                hole = Hole(at, end, 1, False)
            self._not_read.over(f"{self.folder}: can be read again")
            if records:
                reader.at = Position(number, end)
                return records
            here = Position(number, at)
            self._holes[here] = max(hole.records, self._holes.get(here, 0))
            if reader.first_time_at(here):
                self._losses.lose(reader, Missing(number, at, hole.end, self._holes[here], DAMAGED))
            if hole.new:
                with contextlib.suppress(OSError):
                    bound_aside(self.folder, self.max_bytes)
            reader.at = Position(number, hole.end)

    @property
    def _away(self) -> bool:
        """Whether all files are away for a while, or are made again with the next record that is written."""
        return not self._file.is_at(self._path(self.head.segment))

    def notes(self, position: Position, most: int) -> tuple[list[Sequence[Any]], Position]:
        """Return about *most* notes of records beyond *position*, and the position after them: none at the end.

        None either where they can't be read just now.
        """
        notes: list[Sequence[Any]] = []
        try:
            for noted, number in self._notes.beyond(position, self._segments):
                if number != position.segment and self._away:
                    break
                notes += [one.note for one in noted]
                position = Position(number, noted[-1].end)
                if len(notes) >= most:
                    break
        except OSError as error:
            self._not_read.met(f"{error.filename}: can't be read just now: {error.strerror}")
        return notes, position

    def bytes_after(self, position: Position) -> int:
        """Return how many bytes lie beyond *position*."""
        segments = tuple(self._segments.items())  # at once: threads ask too
        later = sum(segment.size for number, segment in segments if number > position.segment)
        segment = self._segments.get(position.segment)
        return later + (max(0, segment.size - max(position.offset, segment.start)) if segment else 0)

    # Losses.

    def lose_read(self, reader: Reader, number: int, start: int, end: int) -> None:
        """Count what *reader* had read of a segment that was deleted since, and will not read again."""
        self._losses.lose(reader, Missing(number, start, end, 0, OVER_BOUND))

    def _give_up(self, number: int, cause: str) -> None:
        """Have all readers leave a segment that goes, or is gone."""
        segment = self._segments[number]
        for reader in self._readers.values():
            start = reader.leave(number, segment.size)
            if start is not None:
                records = segment.next_number if start <= segment.start else 1
                self._losses.lose(reader, Missing(number, start, segment.size, records, cause))
        del self._segments[number]
        self._ages.forget(number)

    def _take_up(self, reader: Reader) -> None:
        """Have *reader* go on where it was, less what is missing since."""
        reader.load()
        for missing in self._missing:
            if Position(missing.number, missing.end) > reader.committed:
                self._losses.lose(reader, missing)
        reader.fit(self.found_to, min(self._segments))

    # Files.

    def _path(self, number: int) -> str:
        return os.path.join(self.folder, f"{number:012d}.log")

    def _bytes(self) -> int:
        return sum(segment.size for segment in self._segments.values())

    def _open_again(self) -> None:
        if time.monotonic() - self._opened_at < OPEN_AGAIN_S:
            raise JournalError(f"{self.folder}: the journal is not open", path=self.folder)
        self.open()
        log.info("%s: the journal is open again", self.folder)

    def _check_file(self) -> None:
        """See that what is written next is found again, whatever somebody did to the file. Raises ``OSError``."""
        state = self._file.state()
        if state.deleted:
            self._make_again()
        elif state.size != self.head.offset:
            text = "%s: has %d bytes and should have %d: what comes goes to another segment"
            log.error(text, self._path(self.head.segment), state.size, self.head.offset)
            self._rotate()

    def _make_again(self) -> None:
        """Make the folder again, which somebody deleted, with what can still be read of it. Raises ``JournalError``.

        That is the segment which is being written. Whatever a reader had not read of the others is lost.
        """
        number = self.head.segment
        log.error("%s: the journal was deleted while it was written: it is made again", self.folder)
        with os_errors(JournalError, self._path(number), "can't be made again"):
            self._file.make_again(self._path(number), self.head.offset)
        for other in [other for other in self._segments if not os.path.exists(self._path(other))]:
            self._give_up(other, GONE)

    def _recover(self, number: int) -> bool:
        """Bring the last segment in order; return whether records may be appended to it."""
        segment = self._segments[number]
        for item in segment.recover():
            if not isinstance(item, Hole):
                continue
            self._holes[Position(number, item.start)] = item.records
            if item.start >= segment.size and item.new:  # it was cut: no reader will come to it
                self._missing.append(Missing(number, item.start, item.end, item.records, DAMAGED))
        self._notes.recover(number)
        return segment.appendable

    def _rotate(self) -> None:
        number = self.head.segment + 1
        with os_errors(JournalError, self._path(number), "can't be made"):
            self._file.open(self._path(number))
        self._notes.close(self.head.segment)
        self.head = Position(number, 0)
        self._segments[number] = Segment(KIND, self._path(number))
        self._ages.wrote(number)
        self.trim()
