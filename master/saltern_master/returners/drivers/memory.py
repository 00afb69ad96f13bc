"""A returner in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from saltern_master.jobs.query import Page, Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners.returner import Elsewhere
from saltern_master.returners.rows import EventRow, ReturnRow, Row


class MemoryReturner:
    """See ``Returner``."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.events: list[EventRow] = []
        self.done: dict[str, Position] = {}
        self._journal = ""
        self._known: Position | None = None
        self._events_done = 0

    def open(self, journal: str, at: Position) -> Position:
        """Return how far it is."""
        self._journal = journal
        self._known = self.done.setdefault(journal, at)
        return self._known

    def close(self) -> None:
        """Nothing to do."""

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        """Store rows."""
        if self._known is None or self.done[self._journal] != self._known:
            raise Elsewhere("it is elsewhere")
        there = {_key(row) for row in self.rows}
        new = list({_key(row): row for row in rows if _key(row) not in there}.values())
        self.rows += new
        if upto is not None:
            self.done[self._journal] = self._known = upto
        return len(new)

    def put_events(self, rows: Sequence[EventRow], number: int) -> None:
        """Store events."""
        if number > self._events_done:
            self.events += rows
            self._events_done = number

    def newest(self) -> float | None:
        """Return when the last return came."""
        return max((row.received for row in self.rows if isinstance(row, ReturnRow)), default=None)

    def purge(self, before: float | None, max_bytes: int | None) -> int:
        """Delete what is too old."""
        old = [row for row in self.rows if isinstance(row, ReturnRow) and before is not None and row.received < before]
        for row in old:
            self.rows.remove(row)
        return len(old)

    def query(self, wanted: Wanted) -> Page:
        """Return nothing: commands are tested with a real one."""
        return Page([], more=False)


def _key(row: Row) -> tuple[str, ...]:
    return (row.jid, row.minion_id) if isinstance(row, ReturnRow) else (row.jid,)
