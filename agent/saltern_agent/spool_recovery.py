"""What is found in the folder of a spool when that is opened, and what damage has taken of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from saltern.file_ages import ages_of
from saltern.segments import Hole
from saltern.set_aside import of_the_file, set_aside
from saltern_agent.origin import Origin
from saltern_agent.ranges import Ranges
from saltern_agent.spool_record import KIND, SEQ_BYTES, Former, Record, Segment, unpack_body


class Recovery:
    """The segments in *folder* that hold something beyond *acked*; *lost* is told the origins of damaged records."""

    def __init__(self, folder: str, acked: int, lost: Callable[[list[Origin]], object]) -> None:
        self.segments: list[Segment] = []
        self.dropped = 0
        """Records that damage took now."""
        self.unreadable = 0
        """Files set aside."""
        self.last_seq = 0
        self.done_to = self.done_number = 0
        """Where reading starts in the first segment: an offset, and the number of the record there."""
        self.former = Former()
        self.seqs = Ranges()
        """The numbers of what is there."""
        self._folder = folder
        self._acked = acked
        self._lost = lost
        self._whole = 0  # the last record that is not damaged
        self._damaged = False  # whether those behind it are

    def run(self) -> None:
        """Read all of it, torn tails cut, what can't be read set aside. Raises ``OSError`` when that passes."""
        found, unreadable = Segment.find(KIND, self._folder)
        self.unreadable = self.dropped = len(unreadable)  # at least
        for number, segment in found.items():
            try:
                if unreadable and min(unreadable) < number:
                    self._damaged = True
                    unreadable = [other for other in unreadable if other > number]
                self._scan(segment)
            except OSError as error:
                if not of_the_file(error):
                    raise
                set_aside(segment.path, f"can't be read: {error.strerror}")
                self.unreadable += 1
                self.dropped += 1
                self._damaged = True
                continue
            if segment.count:
                self.segments.append(segment)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(segment.path)
            self.last_seq = max(self.last_seq, segment.last_seq)

    def take_ages(self, now: float, most_apart_s: float) -> None:
        """Have what was found be as old *now*, by a steady clock, as it was when the last of it was written."""
        ages = ages_of([segment.modified for segment in self.segments], most_apart_s)
        for segment, age in zip(self.segments, ages, strict=True):
            segment.born = segment.written = now - age

    def _scan(self, segment: Segment) -> None:
        """Count what is in *segment*, and find where reading starts when it holds done records."""
        segment.modified = os.stat(segment.path).st_mtime
        lost = taken = done_to = done_number = 0
        for item in segment.recover():
            if isinstance(item, Hole):
                taken = item.records if item.new else 0
                lost += taken
                self._damaged = item.new
                continue
            segment.last_seq = int.from_bytes(item.body[:SEQ_BYTES], "little")
            if segment.last_seq > self._acked:
                self.seqs.add(segment.last_seq)
                record = unpack_body(item.body)
                segment.counted(record.origin if record else None, 1)
                if self._damaged and record is not None:
                    lost -= max(0, taken - self._lose_before(record, taken))
                self.former.add(segment.last_seq, record.origin if record else None)
            else:
                lost = 0  # it was done with
                done_to, done_number = item.end, item.number + 1
            self._whole, self._damaged = segment.last_seq, False
        self.dropped += lost
        if not self.segments:
            self.done_to, self.done_number = (done_to, done_number) if segment.count else (0, 0)

    def _lose_before(self, record: Record, taken: int) -> int:
        """Have the loss of *taken* records before *record* counted for their schedules, as far as that tells.

        Return how many are lost: others had been acknowledged.
        """
        found: list[Origin] = []
        for before in record.former():
            if before.seq <= self._whole:
                break
            if before.seq <= self._acked:  # and all those before it
                taken = len(found)
                break
            found.append(before.origin)
        if found:
            self._lost(found)
        return taken
