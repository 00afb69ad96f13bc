"""What the records of all segments are about: from their indexes, and what these lack from the log itself."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from saltern.segments import HEAD, Segment
from saltern.set_aside import of_the_file
from saltern_master.journal.index import KIND, Index, Noted, record_bytes
from saltern_master.record import note_of

log = logging.getLogger(__name__)


class Notes:
    """The indexes in one folder, by the numbers of their segments."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._indexes: dict[int, Index] = {}

    @property
    def numbers(self) -> Collection[int]:
        """The segments that there is an index of."""
        return self._indexes.keys()

    def adopt(self, folder: str) -> None:
        """Take in what a former version kept in *folder*, beside the segments. Raises ``OSError``."""
        if folder == self._folder:
            return
        for name in os.listdir(folder):
            if name.endswith((KIND.suffix, ".position")) and not os.path.lexists(os.path.join(self._folder, name)):
                try:
                    os.rename(os.path.join(folder, name), os.path.join(self._folder, name))
                except OSError as error:  # on another disk: what it tells is in the segments, or read once more
                    log.warning("%s: %s can't be moved here: %s", self._folder, name, error.strerror)

    def find(self) -> None:
        """Find what is there. Raises ``OSError``."""
        found, _ = Segment.find(KIND, self._folder)
        self._indexes = {number: Index(segment) for number, segment in found.items()}

    def end(self, number: int) -> int:
        """Return how far into its log the index of a segment goes. Raises ``OSError``."""
        return self._indexes[number].end() if number in self._indexes else 0

    def recover(self, number: int) -> None:
        """Bring the index of a segment in order, which will be appended to."""
        if number in self._indexes:
            self._indexes[number].recover()

    def append(self, number: int, segment: Segment, payloads: Sequence[bytes], notes: Sequence[bytes]) -> None:
        """Keep the packed notes of records that were written at the end of *segment*, which doesn't know it yet."""
        if number not in self._indexes:
            path = os.path.join(self._folder, f"{number:012d}{KIND.suffix}")
            self._indexes[number] = Index(Segment(KIND, path))
        sizes = [record_bytes(payload) for payload in payloads]
        self._indexes[number].append(segment.size or HEAD.size, sizes, notes)

    def of(self, number: int, segment: Segment | None, offset: int) -> Iterator[list[Noted]]:
        """Yield the notes of a segment's records that end beyond *offset*; *segment* is ``None`` where it is gone.

        Raises ``OSError`` where they can't be read just now.
        """
        if number in self._indexes:
            for noted in self._indexes[number].read(offset):
                if noted[0].start > offset and segment is not None:
                    yield from _read(segment, offset, noted[0].start)
                yield noted
                offset = noted[-1].end
        if segment is not None:
            yield from _read(segment, offset, segment.size)

    def beyond(self, position: tuple[int, int], segments: Mapping[int, Segment]) -> Iterator[tuple[list[Noted], int]]:
        """Yield the notes of all records beyond *position*, some at a time, with the number of their segment.

        Raises ``OSError`` where they can't be read just now.
        """
        number: int | None
        number, offset = position
        while number is not None:
            for noted in self.of(number, segments.get(number), offset):
                yield noted, number
            number, offset = min((n for n in (*segments, *self._indexes) if n > number), default=None), 0

    def start_after(self, number: int, at: int, default: int) -> int:
        """Return where the next record behind *at* begins in its log, when that can't be read; *default*: unknown."""
        with contextlib.suppress(OSError):
            for noted in self.of(number, None, at):
                for one in noted:
                    if one.start > at:
                        return one.start
        return default

    def close(self, number: int) -> None:
        """Nothing more is written to a segment."""
        if number in self._indexes:
            self._indexes[number].close()

    def trim(self, keep: Collection[int], done: int, head: int, max_bytes: int) -> None:
        """Delete indexes of segments before *done* not in *keep*, and over the bound the oldest before *head*."""
        size = sum(index.size for index in self._indexes.values())
        for number in sorted(self._indexes):
            needed = number in keep or number >= done
            if number == head or (needed and size <= max_bytes):
                continue
            size -= self._indexes[number].size
            self._indexes.pop(number).unlink()


def _read(segment: Segment, at: int, end: int) -> Iterator[list[Noted]]:
    """Yield the notes of the records at *at* … *end*, one by one."""
    at = max(at, segment.start)
    if at >= end:
        return
    try:
        with open(segment.path, "rb") as stream:
            while at < end:
                record = segment.record(stream.fileno(), at)
                if record is None:
                    at = segment.behind_damage(stream.fileno(), at)  # who reads the records counts it
                    continue
                yield [Noted(record.start, record.end, note_of(record.body))]
                at = record.end
    except OSError as error:
        if not of_the_file(error) and not isinstance(error, FileNotFoundError):
            raise
