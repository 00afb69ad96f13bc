"""What readers of the journal lose: counted for each, and for the account written down whose slots they were."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.complaints import Complaints
from saltern.segments import Segment
from saltern_master.journal.notes import Notes
from saltern_master.journal.reader import Reader
from saltern_master.record import RUN, Lost, lost_record

log = logging.getLogger(__name__)

ANY = 0xFF
"""What a reader wants that is for all records."""

OVER_BOUND, DAMAGED, GONE = "over_bound", "damaged", "gone"
"""Causes: the journal was too large or too old, bytes were damaged, a segment was deleted or can't be read."""

_WHY = {
    OVER_BOUND: "the journal was over its bound (journal_max_bytes, journal_max_hours)",
    DAMAGED: "they were damaged",
    GONE: "the segment is gone, or can't be read",
}


class Missing(NamedTuple):
    """Bytes of a segment, and how many records they held at least, that were not there when it was opened."""

    number: int
    start: int
    end: int
    records: int
    cause: str


class Losses:
    """The losses in the journal in *folder*; *notes* and *segments* are its own, of now."""

    def __init__(self, folder: str, notes: Notes, segments: Mapping[int, Segment]) -> None:
        self.untold: list[tuple[bytes, bytes]] = []
        """Records, and their notes, that say what was lost and are not written yet."""
        self._folder = folder
        self._notes = notes
        self._segments = segments
        self._said = Complaints(log)

    def lose(self, reader: Reader, missing: Missing) -> None:
        """Count what *reader* lost with bytes that it had not read, and write down whose slots they were."""
        number, start, end, records, cause = missing
        lost: Lost = {}
        runs = others = seen = 0
        if reader.committed.segment == number:
            start = max(start, reader.committed.offset)
        for note in self._noted_at(number, start, end):
            seen += 1
            if reader.wants != ANY and not note[0] & reader.wants:
                continue
            if note[0] & RUN:
                _, minion_id, _, schedule, slot, _ = note
                lost.setdefault(str(minion_id), {}).setdefault(str(schedule), []).append(slot)
                runs += 1
            else:
                others += 1
        count = runs + others + max(0, records - seen)
        if not count:
            return
        reader.lost += count
        if lost and reader.ships:
            self.untold.append(lost_record(cause, lost))
        text = "%s: %s has lost %d records of segment %d (%d of them scheduled runs): %s"
        self._said.say(f"{reader.name} {cause}", text, self._folder, reader.name, count, number, runs, _WHY[cause])

    def _noted_at(self, number: int, start: int, end: int) -> Iterator[Sequence[Any]]:
        """Yield the notes of the records at *start* … *end* of a segment, as far as they can be read."""
        try:
            for noted in self._notes.of(number, self._segments.get(number), start):
                for one in noted:
                    if one.start >= end:
                        return
                    yield one.note
        except OSError as error:
            log.error("%s: whose records are lost can't be read: %s", error.filename, error.strerror)

    def look(self, unreadable: list[int], known: Sequence[Missing]) -> Iterator[Missing]:
        """Yield what was written once and is not there any more, but for what is *known*. Raises ``OSError``."""
        numbers = {*self._segments, *unreadable, *self._notes.numbers}
        for number in range(min(numbers), max(numbers) + 1) if numbers else ():
            segment = self._segments.get(number)
            noted = self._notes.end(number)
            if segment is None:
                yield Missing(number, 0, max(noted, 1), 1, GONE)
            elif noted > segment.size and not any(one.number == number for one in known):
                yield Missing(number, segment.size, noted, 1, DAMAGED)
