"""The journal: where everything from agents is kept before it is acknowledged.

Segment files of records, appended only::

    record = length : u32 big-endian | crc32 of payload : u32 | payload

A record that was written survives a ``kill -9`` of the master (the kernel has it); a power cut may cost the last
moments that the disk had not seen. Consumers (the job store, the graphite engine) read it each at its own pace
through a ``Reader``, whose position is kept on disk; so a far end that is away for a day costs disk, not points.
Segments that every reader has passed are deleted. Over the bound of bytes or age the oldest goes first, and what
a reader then misses is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import struct
import time
import zlib
from typing import NamedTuple

from saltern.errors import JournalError
from saltern.files import make_folder, write_atomic

log = logging.getLogger(__name__)

HEADER = struct.Struct(">II")
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
        """Records deleted before some reader had read them."""
        self._readers: dict[str, Reader] = {}
        self._buffer = bytearray()
        self._fd = -1
        self._head = self.opened_at = Position(0, 0)
        # opened_at: where the records ended when the journal was opened; no reader was rightly beyond.
        self._sizes: dict[int, int] = {}

    def open(self) -> None:
        """Find what is there, cut a torn tail, and begin to append. Raises ``JournalError``."""
        try:
            make_folder(self.folder, 0o700)
            numbers = sorted(int(name[:-4]) for name in os.listdir(self.folder) if name.endswith(".log"))
            self._sizes = {number: os.path.getsize(self._path(number)) for number in numbers}
            last = numbers[-1] if numbers else 1
            self._sizes.setdefault(last, 0)
            self._fd = os.open(self._path(last), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            whole = self._whole(last)
        except (OSError, ValueError) as error:
            raise JournalError(f"{self.folder}: the journal can't be opened: {error}") from None
        if whole < self._sizes[last]:
            log.warning("%s: cut a torn tail of %d bytes", self._path(last), self._sizes[last] - whole)
            os.ftruncate(self._fd, whole)
            self._sizes[last] = whole
        self._head = self.opened_at = Position(last, whole)

    def close(self) -> None:
        """Write what is buffered, save the readers' positions and close. Raises ``JournalError``."""
        try:
            self.flush()
        finally:
            for reader in self._readers.values():
                reader.save()
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def append(self, payload: bytes) -> None:
        """Buffer a record until ``flush``."""
        self._buffer += HEADER.pack(len(payload), zlib.crc32(payload))
        self._buffer += payload

    def flush(self) -> None:
        """Write the buffered records, all or none. Raises ``JournalError``; they are then forgotten."""
        if not self._buffer:
            return
        data, self._buffer = self._buffer, bytearray()
        if self._head.offset + len(data) > self.segment_bytes and self._head.offset:
            self._rotate()
        try:
            written = os.write(self._fd, data)
            if written < len(data):
                raise OSError(28, "no space left on device")
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._head.offset)
            raise JournalError(f"{self.folder}: can't be written: {error.strerror}") from None
        self._head = Position(self._head.segment, self._head.offset + len(data))
        self._sizes[self._head.segment] = self._head.offset
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
            "bytes": sum(self._sizes.values()),
            "segments": len(self._sizes),
            "dropped": self.dropped,
            **behind,
        }

    def trim(self, now: float | None = None) -> None:
        """Delete the segments that all readers have passed, and the oldest ones over the bounds."""
        passed = min((reader.saved.segment for reader in self._readers.values()), default=0)
        for number in sorted(self._sizes)[:-1]:
            over = sum(self._sizes.values()) > self.max_bytes or self._age(number, now) > self.max_age_s
            if number >= passed and not over:
                break
            if number >= passed:
                self._count_lost(number)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(number))
            del self._sizes[number]
            for reader in self._readers.values():
                reader.skip_to(number + 1)

    # What a reader needs.

    def read(self, position: Position, limit: int) -> tuple[list[bytes], Position]:
        """Return whole records from *position* on, about *limit* bytes, and the position after them."""
        while True:
            end = self._sizes.get(position.segment)
            if end is None or position.offset >= end:
                following = min((n for n in self._sizes if n > position.segment), default=None)
                if following is None:
                    return [], position
                position = Position(following, 0)
                continue
            with open(self._path(position.segment), "rb") as stream:
                stream.seek(position.offset)
                data = stream.read(min(limit, end - position.offset))
                records, used = _records(data)
                if not used and end - position.offset > len(data):  # one record larger than the limit
                    data += stream.read(end - position.offset - len(data))
                    records, used = _records(data)
            if used:
                return records, Position(position.segment, position.offset + used)
            log.error(
                "%s: a damaged record at %d: the rest is passed over", self._path(position.segment), position.offset
            )
            self.dropped += 1
            position = Position(position.segment, end)

    def bytes_after(self, position: Position) -> int:
        """Return how many bytes lie beyond *position*."""
        later = sum(size for number, size in self._sizes.items() if number > position.segment)
        return later + max(0, self._sizes.get(position.segment, 0) - position.offset)

    def _path(self, number: int) -> str:
        return os.path.join(self.folder, f"{number:012d}.log")

    def _age(self, number: int, now: float | None) -> float:
        try:
            return (now or time.time()) - os.stat(self._path(number)).st_mtime
        except OSError:
            return 0.0

    def _whole(self, number: int) -> int:
        """Return how many bytes of a segment are whole records."""
        with open(self._path(number), "rb") as stream:
            return _records(stream.read())[1]

    def _count_lost(self, number: int) -> None:
        with contextlib.suppress(OSError), open(self._path(number), "rb") as stream:
            lost = len(_records(stream.read())[0])
            self.dropped += lost
            log.error("the journal is over its bound: %d unread returns of segment %d are dropped", lost, number)

    def _rotate(self) -> None:
        number = self._head.segment + 1
        try:
            fd = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{self._path(number)}: can't be made: {error.strerror}") from None
        os.close(self._fd)
        self._fd = fd
        self._head = Position(number, 0)
        self._sizes[number] = 0
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
        """Write the committed position to disk now; what is committed since would be read again after a kill."""
        self._saved_at = time.monotonic()
        try:
            write_atomic(self._path, f"{self.committed.segment} {self.committed.offset}\n".encode(), 0o600)
            self.saved = self.committed
        except OSError as error:
            log.warning("%s: can't be written: %s", self._path, error.strerror)

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


def _records(data: bytes) -> tuple[list[bytes], int]:
    """Return the whole records at the start of *data*, and how many bytes they take."""
    records = []
    offset = 0
    while offset + HEADER.size <= len(data):
        length, crc = HEADER.unpack_from(data, offset)
        payload = data[offset + HEADER.size : offset + HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload) != crc:
            break
        records.append(payload)
        offset += HEADER.size + length
    return records, offset
