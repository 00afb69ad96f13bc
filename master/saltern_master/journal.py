"""The journal: where everything from agents is kept before it is acknowledged.

Segment files of records (``saltern.segments`` draws them), appended only; a position between two records is the
number of a segment and an offset in bytes::

    000000000001.log    the records of segment 1
    jobs.position       "1 4711": up to there the reader ``jobs`` is done

A record that was written survives a ``kill -9`` of the master (the kernel has it); a power cut may cost the last
moments that the disk had not seen. Consumers (the job store, the graphite engine) read it each at its own pace
through a ``Reader``, whose position is kept on disk; so a far end that is away for a day costs disk, not points.
Segments that every reader has passed are deleted. Over the bound of bytes or age the oldest goes first, and what
a reader then misses is counted, and so is what damage took.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import struct
import time
from typing import NamedTuple

from saltern.errors import JournalError, os_errors
from saltern.files import make_folder
from saltern.segments import Hole, Kind, Segment
from saltern.set_aside import bound_aside

log = logging.getLogger(__name__)

KIND = Kind(magic=b"SALTJRN", suffix=".log", old_header=struct.Struct(">II"), old_uncounted=0)
SEGMENT_BYTES = 16 * 1024 * 1024
READ_BYTES = 1024 * 1024
SAVE_POSITION_EVERY_S = 1.0


class Position(NamedTuple):
    """A place between two records: segment number, offset in bytes."""

    segment: int
    offset: int


class Journal:
    """The segments in one folder, with one writer (this process) and named readers."""

    def __init__(self, folder: str, max_bytes: int, max_age_s: float, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.max_age_s = max_age_s
        self.segment_bytes = min(segment_bytes, max(max_bytes // 4, 4096))
        self.dropped = 0
        """Records deleted before some reader had read them, or lost to damage."""
        self.unreadable = 0
        """Segments set aside when the journal was opened."""
        self._readers: dict[str, Reader] = {}
        self._buffer: list[bytes] = []
        self._fd = -1
        self._head = self.opened_at = Position(0, 0)
        # opened_at: where the records ended when the journal was opened; no reader was rightly beyond.
        self._segments: dict[int, Segment] = {}

    def open(self) -> None:
        """Find what is there, cut a torn tail, set aside what can't be read, and begin to append.

        Raises ``JournalError``.
        """
        try:
            make_folder(self.folder, 0o700)
            self._segments, unreadable = Segment.find(KIND, self.folder)
            self.unreadable = len(unreadable)
            self.dropped += len(unreadable)  # at least
            last = max((*self._segments, *unreadable), default=0)
            if last not in self._segments or not self._recover(self._segments[last]):
                last += 1
                self._segments[last] = Segment(KIND, self._path(last))
            self._fd = os.open(self._path(last), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            bound_aside(self.folder, self.max_bytes)
        except OSError as error:
            raise JournalError(f"{self.folder}: the journal can't be opened: {error}", path=self.folder) from None
        self._head = self.opened_at = Position(last, self._segments[last].size)

    def close(self) -> None:
        """Write what is buffered, save the readers' positions and close. Raises ``JournalError``."""
        try:
            self.flush()
        finally:
            for reader in self._readers.values():
                reader.close()
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def append(self, payload: bytes) -> None:
        """Buffer a record until ``flush``."""
        self._buffer.append(payload)

    def flush(self) -> None:
        """Write the buffered records, all or none. Raises ``JournalError``; they are then forgotten."""
        if not self._buffer:
            return
        payloads, self._buffer = self._buffer, []
        data = self._segments[self._head.segment].pack(payloads)
        if self._head.offset + len(data) > self.segment_bytes and self._head.offset:
            self._rotate()
            data = self._segments[self._head.segment].pack(payloads)
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                raise OSError(28, "no space left on device")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._head.offset)
            raise JournalError(f"{self.folder}: can't be written: {error.strerror}", path=self.folder) from None
        segment = self._segments[self._head.segment]
        segment.wrote(len(data), len(payloads))
        self._head = Position(self._head.segment, segment.size)
        for reader in self._readers.values():
            reader.wake()

    def reader(self, name: str) -> Reader:
        """Return the reader *name*, at the position where it was when it was last saved (at first: the start)."""
        if name not in self._readers:
            self._readers[name] = Reader(self, name)
        return self._readers[name]

    def metrics(self) -> dict[str, float]:
        """Return sizes and losses: bytes, segments, dropped, and how far behind each reader is in bytes."""
        behind = {f"{name}.behind_bytes": reader.behind() for name, reader in self._readers.items()}
        return {
            "bytes": self._bytes(),
            "segments": len(self._segments),
            "dropped": self.dropped,
            "unreadable": self.unreadable,
            **behind,
        }

    def trim(self, now: float | None = None) -> None:
        """Delete the segments that all readers have passed, and the oldest ones over the bounds."""
        passed = min((reader.saved.segment for reader in self._readers.values()), default=0)
        for number in sorted(self._segments)[:-1]:
            over = self._bytes() > self.max_bytes or self._age(number, now) > self.max_age_s
            if number >= passed and not over:
                break
            if number >= passed:
                self._count_lost(number)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(number))
            del self._segments[number]
            for reader in self._readers.values():
                reader.skip_to(number + 1)

    # What a reader needs.

    def read(self, position: Position, limit: int) -> tuple[list[bytes], Position]:
        """Return whole records from *position* on, about *limit* bytes, and the position after them."""
        while True:
            segment = self._segments.get(position.segment)
            at = max(position.offset, segment.start) if segment else 0
            if segment is None or at >= segment.size:
                following = min((n for n in self._segments if n > position.segment), default=None)
                if following is None:
                    return [], position
                position = Position(following, 0)
                continue
            with open(segment.path, "rb") as stream:
                fd = stream.fileno()
                records, used = segment.bodies(os.pread(fd, min(limit, segment.size - at), at))
                if used:
                    return records, Position(position.segment, at + used)
                whole = segment.record(fd, at)
                if whole is not None:  # one record larger than the limit
                    return [whole.body], Position(position.segment, whole.end)
                hole = segment.hole(fd, at)
            self._count(hole)
            position = Position(position.segment, hole.end)

    def bytes_after(self, position: Position) -> int:
        """Return how many bytes lie beyond *position*."""
        later = sum(segment.size for number, segment in self._segments.items() if number > position.segment)
        segment = self._segments.get(position.segment)
        return later + (max(0, segment.size - max(position.offset, segment.start)) if segment else 0)

    def _path(self, number: int) -> str:
        return os.path.join(self.folder, f"{number:012d}.log")

    def _age(self, number: int, now: float | None) -> float:
        try:
            return (now or time.time()) - os.stat(self._path(number)).st_mtime
        except OSError:
            return 0.0

    def _bytes(self) -> int:
        return sum(segment.size for segment in self._segments.values())

    def _recover(self, segment: Segment) -> bool:
        """Bring the last segment in order; return whether records may be appended to it."""
        for item in segment.recover():
            if isinstance(item, Hole):
                self._count(item)
        return segment.appendable

    def _count(self, hole: Hole) -> None:
        if hole.new:
            self.dropped += hole.records
            with contextlib.suppress(OSError):
                bound_aside(self.folder, self.max_bytes)

    def _count_lost(self, number: int) -> None:
        with contextlib.suppress(OSError):
            lost = self._segments[number].records_left()
            self.dropped += lost
            log.error("the journal is over its bound: %d unread returns of segment %d are dropped", lost, number)

    def _rotate(self) -> None:
        number = self._head.segment + 1
        with os_errors(JournalError, self._path(number), "can't be made"):
            fd = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.close(self._fd)
        self._fd = fd
        self._head = Position(number, 0)
        self._segments[number] = Segment(KIND, self._path(number))
        self.trim()


class Reader:
    """A named place in the journal. Read, do the work, ``commit``: at least once, across restarts."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self._path = os.path.join(journal.folder, f"{name}.position")
        self._wake = asyncio.Event()
        self._wake.set()
        # A power cut may have taken the end of what was read: what comes there next is new.
        self._next = self.committed = self.saved = min(self._load(), journal.opened_at)
        self._saved_at = time.monotonic()
        self._fd = -1

    async def more(self) -> None:
        """Wait until there may be records that were not read."""
        if not self._journal.bytes_after(self._next):
            self._wake.clear()
            await self._wake.wait()

    async def read(self, limit: int = READ_BYTES) -> list[bytes]:
        """Wait for records after those read last and return about *limit* bytes of them."""
        while True:
            self._wake.clear()
            records, self._next = self._journal.read(self._next, limit)
            if records:
                return records
            await self._wake.wait()

    def read_now(self, limit: int = READ_BYTES) -> list[bytes]:
        """Return the records after those read last, none when there are none yet."""
        records, self._next = self._journal.read(self._next, limit)
        return records

    def rewind(self) -> None:
        """Go back to what is not committed: whoever read it did not finish."""
        self._next = self.committed
        self._wake.set()

    def commit(self) -> None:
        """Everything read so far is done with."""
        self.committed = self._next
        if time.monotonic() - self._saved_at > SAVE_POSITION_EVERY_S:
            self.save()
            self._journal.trim()

    def save(self) -> None:
        """Write the committed position to disk now; what is committed since would be read again after a kill.

        It is written in place, always as many bytes: quick, whole or not at all, and possible on a full disk.
        """
        self._saved_at = time.monotonic()
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            os.pwrite(self._fd, f"{self.committed.segment:20d} {self.committed.offset:20d}\n".encode(), 0)
            self.saved = self.committed
        except OSError as error:
            log.warning("%s: can't be written: %s", self._path, error.strerror)

    def close(self) -> None:
        """Write the position, and give the file back."""
        self.save()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def behind(self) -> int:
        """Return how many bytes are not committed yet."""
        return self._journal.bytes_after(self.committed)

    def wake(self) -> None:
        """Tell the reader that there is more."""
        self._wake.set()

    def skip_to(self, segment: int) -> None:
        """Move over segments that were deleted."""
        start = Position(segment, 0)
        self._next, self.committed = max(self._next, start), max(self.committed, start)
        self.saved = max(self.saved, start)

    def _load(self) -> Position:
        try:
            with open(self._path, encoding="ascii") as stream:
                segment, offset = stream.read().split()
                return Position(int(segment), int(offset))
        except FileNotFoundError:
            return Position(0, 0)
        except (OSError, ValueError):
            log.warning("%s: can't be read: starting from the oldest record", self._path)
            return Position(0, 0)
