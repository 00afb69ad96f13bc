"""The log's segments of earlier runs: found, read back, and missed where they are gone."""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from saltern.segments import Segment
from saltern.set_aside import of_the_file, set_aside
from saltern_graphite.store.wal.mark import Mark, Place
from saltern_graphite.store.wal.old import MAGIC as OLD_MAGIC
from saltern_graphite.store.wal.old import read_points
from saltern_graphite.store.wal.record import KIND
from saltern_graphite.store.wal.segment import Points, read_segment

_NO_MEANS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""With these nothing else can be opened either."""
_NUMBER = re.compile(r"[0-9]{10}|[1-9][0-9]{10,}")  # as segment_path writes it
log = logging.getLogger(__name__)


def segment_path(folder: str, number: int) -> str:
    """Return where the segment with this number is."""
    return os.path.join(folder, f"{number:010d}{KIND.suffix}")


class Replayed(NamedTuple):
    """*points* read back from *place*; they are to be written, unless they are late ones, which have *widths*."""

    place: Place
    points: Points


@dataclass(slots=True)
class Closed:
    """A segment that is written no more. *keep*: some of it could not be read, and lies nowhere else."""

    path: str
    size: int
    keep: str = ""

    def remove(self) -> None:
        """Delete it, or set it aside. Raises ``OSError``."""
        try:
            if self.keep:
                set_aside(self.path, self.keep)
            else:
                os.unlink(self.path)
        except FileNotFoundError:
            return


class Replay:
    """Reads segments in *folder*; *closed*, which is its owner's, is filled with those found."""

    def __init__(self, folder: str, closed: dict[int, Closed]) -> None:
        self._folder = folder
        self._closed = closed
        self._mark: Mark | None = None
        self._found: dict[int, Segment] = {}  # those of this version
        self._to_look_at: set[int] = set()  # those that could not be opened when they were found
        self._read_to: dict[int, int] = {}  # of segments that could be read in part: the first record to be yielded
        self._losses: dict[int, dict[int, int]] = {}  # of segments: records, and how many points they held
        self._known = 0  # points read back that the mark knew of
        self._damaged = 0
        self.unread: set[int] = set()
        """The numbers of segments that are to be read."""
        self.why = ""
        """Why the first of them can't be read just now."""
        self.lost = 0
        """Points that could not be read and were in no file, as far as that can be told."""
        self.gone = 0
        """Segments that should be there and are not."""

    def look(self, mark: Mark | None) -> int:
        """Find what is there that wasn't known; return the number that a new segment may have. Raises ``OSError``."""
        numbers, aside, met = set[int](), set[int](), list[int]()
        for name in os.listdir(self._folder):
            stem, suffix, rest = name.partition(KIND.suffix)
            if not suffix or not _NUMBER.fullmatch(stem):
                continue
            if rest:
                aside.add(int(stem))
                continue
            numbers.add(int(stem))
            if int(stem) not in self._closed:
                met.append(int(stem))
        self._meet_all(met)
        self._mark = mark
        last = max(numbers, default=0)
        if mark is not None and mark.end.record:
            last = max(last, mark.end.segment)
        first = mark.written.segment if mark is not None and mark.trusted else min(numbers, default=last)
        first = max(first, 1)
        there = sorted(number for number in numbers | aside if first <= number <= last)
        gone = max(0, last + 1 - first - len(there))  # a stray file may have any number: they can't be listed
        if gone:
            number = next((at for at, found in enumerate(there, first) if at != found), first + len(there))
            name = os.path.basename(segment_path("", number))
            log.error("log in %s: segments are gone: %d, the first is %s", self._folder, gone, name)
        self.gone += gone
        return last + 1

    def read(self) -> Iterator[Replayed]:
        """Yield what is in the segments not read yet, but no points that are in files.

        One that can't be read just now ends it, and is read the next time, with those behind it.
        """
        mark = self._mark
        start = mark.written if mark is not None and mark.trusted else Place(0, 0)
        for number in sorted(self.unread):
            for points in self._read(number):
                if points.record < self._read_to.get(number, 0):
                    continue
                self._read_to[number] = points.record + 1
                place = Place(number, points.record)
                if points.widths is None:
                    if place < start:
                        continue
                    if mark is not None and place < mark.end:
                        self._known += len(points.places)
                yield Replayed(place, points)
            if self.why:
                return
            losses = self._losses.pop(number, {})
            self._damaged += sum(count for record, count in losses.items() if Place(number, record) >= start)
            self._read_to.pop(number, None)
            self.unread.discard(number)
        expected = mark.waiting if mark is not None and mark.trusted else 0
        lost = max(self._damaged, expected - self._known)
        self._known = self._damaged = 0
        if lost > 0:
            self.lost += lost
            log.error("log in %s: %d points are lost, in segments that are damaged or gone", self._folder, lost)
        self._mark = None

    def kept(self) -> Iterator[tuple[int, list[Points]]]:
        """Yield the late points kept in each segment not read yet, with its number; :meth:`read` goes on as it would.

        Segments of the version before kept none. One that can't be read just now is left out.
        """
        for number in sorted(self.unread):
            if (segment := self._found.get(number)) is not None:
                losses = self._losses.setdefault(number, {})
                with suppress(OSError):
                    yield number, [one for one in read_segment(segment, losses.__setitem__) if one.widths is not None]

    def read_again(self, number: int) -> None:
        """Have the closed segment *number*, one of this run, read too, the next time. Raises ``OSError``."""
        with suppress(FileNotFoundError):
            if self._looked_at(number):
                self.unread.add(number)
                return
        del self._closed[number]

    def _meet_all(self, numbers: list[int]) -> None:
        """Meet all of them or none, so that none is read before the others. Raises ``OSError``."""
        try:
            for number in numbers:
                self._meet(number)
        except OSError:
            for number in numbers:
                self._closed.pop(number, None)
                self._found.pop(number, None)
                self.unread.discard(number)
                self._to_look_at.discard(number)
            raise

    def _meet(self, number: int) -> None:
        path = segment_path(self._folder, number)
        try:
            size = os.path.getsize(path)
            if not self._looked_at(number):
                return
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in _NO_MEANS:
                raise
            if of_the_file(error):
                with suppress(OSError):
                    set_aside(path, f"it can't be read: {error.strerror}")
                return
            self._to_look_at.add(number)
        self._closed[number] = Closed(path, size)
        self.unread.add(number)

    def _looked_at(self, number: int) -> bool:
        """Find out what a segment is; return whether it can be read, or was set aside. Raises ``OSError``."""
        path = segment_path(self._folder, number)
        with open(path, "rb") as file:
            head = file.read(len(OLD_MAGIC))
        if head == OLD_MAGIC:
            return True
        segment = Segment.look(KIND, path)
        if segment is not None:
            self._found[number] = segment
        return segment is not None

    def _read(self, number: int) -> Iterator[Points]:
        """Yield the points of a segment; ``why`` says when it can't be read on just now."""
        closed = self._closed[number]
        losses = self._losses.setdefault(number, {})
        self.why = ""
        try:
            if number in self._to_look_at:
                there = self._looked_at(number)
                self._to_look_at.discard(number)
                if not there:
                    del self._closed[number]
                    return
            segment = self._found.get(number)
            if segment is None:
                yield from self._read_old(closed)
                return
            yield from read_segment(segment, losses.__setitem__)
            closed.size = segment.size
            if losses and not segment.appendable:  # what was damaged could not be copied
                closed.keep = "it is damaged"
        except OSError as error:
            if not of_the_file(error):
                self.why = f"log segment {closed.path} can't be read just now: {error.strerror}"
                return
            closed.keep = f"it can't be read: {error.strerror}"
            log.error("log segment %s can't be read: %s", closed.path, error.strerror)
        self._found.pop(number, None)

    def _read_old(self, closed: Closed) -> Iterator[Points]:
        with open(closed.path, "rb") as file:
            data = file.read()
        end = len(OLD_MAGIC)
        for behind, points in read_points(data):
            end = behind
            yield points
        if any(data[end:]):
            closed.keep = f"{len(data) - end} bytes from byte {end} on are damaged"
            log.error(
                "log segment %s: %s; it is kept once the points before them are in files", closed.path, closed.keep
            )
