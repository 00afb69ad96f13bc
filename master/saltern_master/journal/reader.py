"""Readers of the journal: each is somewhere in it, and remembers on disk how far it is done."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from saltern.files import make_folder
from saltern.segments import Hole, Segment

if TYPE_CHECKING:
    from saltern_master.journal.journal import Journal

log = logging.getLogger(__name__)

READ_BYTES = 1024 * 1024
SAVE_POSITION_EVERY_S = 1.0


class Position(NamedTuple):
    """A place between two records: segment number, offset in bytes."""

    segment: int
    offset: int


class Reader:
    """A named place in the journal. Read, do the work, ``commit``: at least once, across restarts."""

    def __init__(self, journal: Journal, name: str, wants: int, ships: bool) -> None:
        self.name = name
        self.wants = wants
        self.ships = ships
        self.lost = 0
        """Records that it wanted and that were gone before it had read them, since the start."""
        self.at = self.committed = self.saved = Position(0, 0)
        self._journal = journal
        self._path = os.path.join(journal.notes_folder, f"{name}.position")
        self._wake = asyncio.Event()
        self._wake.set()
        self._saved_at = time.monotonic()
        self._farthest_hole = Position(0, 0)
        self._held: list[tuple[int, int, int]] = []
        # Read and not committed, of segments that were deleted since: number, start, end.
        self._fd = -1

    def load(self) -> None:
        """Go to where it was when it was last saved."""
        self.at = self.committed = self.saved = self._read_position()
        self._wake.set()

    def fit(self, head: Position, first: int) -> None:
        """Fit into a journal that begins with segment *first* and ends at *head*.

        A position beyond the end tells nothing of what is there: all is read again. That is written at once: after a
        kill the journal may have come to where it was.
        """
        if self.committed > head:
            log.warning("%s: beyond the journal's end: starting from the oldest record", self._path)
            self.at = self.committed = self.saved = Position(first, 0)
            self._write_position()

    async def more(self) -> None:
        """Wait until there may be records that were not read."""
        if not self._journal.bytes_after(self.at):
            self._wake.clear()
            await self._wake.wait()

    async def read(self, limit: int = READ_BYTES) -> list[bytes]:
        """Wait for records after those read last and return about *limit* bytes of them."""
        while True:
            self._wake.clear()
            records = self._journal.read(self, limit)
            if records:
                return records
            await self._wake.wait()

    def read_now(self, limit: int = READ_BYTES) -> list[bytes]:
        """Return the records after those read last, none when there are none yet."""
        return self._journal.read(self, limit)

    def rewind(self) -> None:
        """Go back to what is not committed: whoever read it did not finish."""
        self.at = self.committed
        held, self._held = self._held, []
        for number, start, end in held:
            self._journal.lose_read(self, number, start, end)
        self._wake.set()

    def go_to(self, position: Position) -> None:
        """Go to *position*, up to which all is done as whoever keeps that says: back, as far as it is still there."""
        if position >= self.at:
            self._held.clear()
        self.rewind()
        self.at = self.committed = max(position, Position(self._journal.first, 0))
        self.fit(self._journal.head, self._journal.first)

    def commit(self) -> None:
        """Everything read so far is done with."""
        self.committed = self.at
        self._held.clear()
        if time.monotonic() - self._saved_at > SAVE_POSITION_EVERY_S:
            self.save()
            self._journal.trim()

    def save(self) -> None:
        """Write the committed position to disk now; what is committed since would be read again after a kill.

        It is written in place, always as many bytes: quick, whole or not at all, and possible on a full disk. What was
        lost before it is written down first, and while that can't be, neither is the position: a kill would make the
        loss forgotten. To wait for the next record instead would leave what is shipped where it can still be lost.
        """
        if self.ships and not self._journal.tell():
            return
        self._write_position()

    def close(self) -> None:
        """Write the position, and give the file back."""
        self.save()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def behind(self) -> int:
        """Return how many bytes are not committed yet."""
        return self._journal.bytes_after(self.committed)

    def end(self) -> Position:
        """Return where the journal ends now."""
        return self._journal.head

    def wake(self) -> None:
        """Tell the reader that there is more."""
        self._wake.set()

    def first_time_at(self, hole: Position) -> bool:
        """Whether it never came to *hole* before, and remember that it did."""
        if hole < self._farthest_hole:
            return False
        self._farthest_hole = Position(hole.segment, hole.offset + 1)
        return True

    def leave(self, number: int, size: int) -> int | None:
        """Leave a segment of *size* bytes that is being deleted; return from where on it was not read, if it wasn't."""
        if self.committed.segment > number:
            return None
        done = self.committed.offset if self.committed.segment == number else 0
        read = self.at.offset if self.at.segment == number else size if self.at.segment > number else 0
        if read > done:
            self._held.append((number, done, read))
        self.at = max(self.at, Position(number + 1, 0))
        return read if read < size else None

    def _write_position(self) -> None:
        self._saved_at = time.monotonic()
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
                os.close(self._fd)
                self._fd = -1
            if self._fd < 0:
                make_folder(os.path.dirname(self._path), 0o700)
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            os.pwrite(self._fd, f"{self.committed.segment:20d} {self.committed.offset:20d}\n".encode(), 0)
            self.saved = self.committed
        except OSError as error:
            log.warning("%s: can't be written: %s", self._path, error.strerror)

    def _read_position(self) -> Position:
        try:
            with open(self._path, encoding="ascii") as stream:
                segment, offset = stream.read().split()
                return Position(int(segment), int(offset))
        except FileNotFoundError:
            return Position(0, 0)
        except (OSError, ValueError):
            log.warning("%s: can't be read: starting from the oldest record", self._path)
            return Position(0, 0)


class NotesReader:
    """The one reader of all notes: where it is done is kept elsewhere, with what was made of them."""

    def __init__(self, journal: Journal, done: Position) -> None:
        self.at = self.done = done
        self._journal = journal

    def go_to(self, done: Position) -> None:
        """Go to where whoever keeps that is done, in the journal as it was found."""
        self.at = self.done = done
        self.fit(self._journal.found_to)

    def fit(self, head: Position) -> None:
        """Fit into a journal that was found to end at *head*; one that isn't open has no segment.

        A position beyond the end (a power cut, or another journal) tells nothing: all are read again. That is seen
        before anything is written, as the journal may then come to that position, and whoever keeps it is not done.
        """
        if head.segment and self.at > head:
            text = "%s: ends before what was in it once: of what was not delivered nobody can say whose it was"
            log.error(text, self._journal.folder)
            self._journal.cut_short += 1
            self.at = self.done = Position(0, 0)

    def read_now(self, most: int) -> list[Sequence[Any]]:
        """Return the notes after those read last, about *most* of them; none when there are none yet."""
        notes, self.at = self._journal.notes(self.at, most)
        return notes


def read_records(segment: Segment, at: int, limit: int) -> tuple[list[bytes], int, Hole]:
    """Return whole records from *at* on, about *limit* bytes, and where they end, or a hole. Raises ``OSError``."""
    none = Hole(at, at, 0, False)
    with open(segment.path, "rb", buffering=0) as stream:
        fd = stream.fileno()
        with contextlib.suppress(OSError):  # some of it can't be read: the first record may be
            records, used = segment.bodies(os.pread(fd, min(limit, segment.size - at), at))
            if used:
                return records, at + used, none
        whole = segment.record(fd, at)
        if whole is not None:  # one record larger than the limit
            return [whole.body], whole.end, none
        return [], at, segment.hole(fd, at)
