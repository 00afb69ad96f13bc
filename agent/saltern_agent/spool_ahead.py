"""Records that were just appended, kept in memory until their turn to be read comes, which is at once as a rule.

One that is alone, or some that were written at once; what comes while others wait is read from the disk.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from saltern.named import NamedTuple

if TYPE_CHECKING:
    from saltern_agent.spool_record import Record, Segment

MAX_BYTES = 1024 * 1024
"""Of frames; what is beyond is read from the disk."""


class Ahead(NamedTuple):
    """A *record* in its *segment*, from *start* to *end*, and the *number* that it has there."""

    record: Record
    segment: Segment
    start: int
    end: int
    number: int


class ReadAhead:
    """The records that follow one another up to the spool's end."""

    __slots__ = ("_bytes", "_records")

    def __init__(self) -> None:
        self._records: deque[Ahead] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, one: Ahead, segment: Segment | None, at: int) -> None:
        """Keep *one* if it is the next to be read, which is at *at* in *segment*, or follows what is kept."""
        last = self._records[-1] if self._records else None
        place = (segment, at) if last is None else (last.segment, last.end)
        if place == (one.segment, one.start) and self._bytes + len(one.record.frame) <= MAX_BYTES:
            self._records.append(one)
            self._bytes += len(one.record.frame)

    def take(self, segment: Segment, at: int) -> Ahead | None:
        """Return, and keep no longer, the record at *at* in *segment*; others than that one are forgotten."""
        if not self._records:
            return None
        one = self._records.popleft()
        if one.segment is segment and one.start == at:
            self._bytes -= len(one.record.frame)
            return one
        self.clear()
        return None

    def clear(self) -> None:
        """Keep none."""
        self._records.clear()
        self._bytes = 0
