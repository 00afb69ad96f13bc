"""What a returner does. Drivers: ``drivers/salt_tables.py`` and a file for each kind of database; in memory (tests).

**Once.** The journal delivers at least once. How far its records are stored is in a table of ours beside Salt's,
written in the same transaction as the rows. Each transaction first locks that row: one that a killed master left
behind is over before the next begins, and what it did is seen. Within it, a return that is there already, by jid and
minion, isn't stored again: agents send one again when they didn't hear that it was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from saltern.errors import JournalError
from saltern_master.jobs.query import Page, Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners.rows import EventRow, Row


class Elsewhere(JournalError):
    """The database is done up to another position than was thought: ask it again."""


class Returner(Protocol):
    """Stores rows; all methods may block, and are called from one thread but for ``query``.

    They raise ``JournalError`` when trying again may help, ``RecordError`` when it won't.
    """

    def open(self, journal: str, at: Position) -> Position:
        """Make ready, and return up to where in *journal* all is stored: as the database has it, else *at*."""

    def close(self) -> None:
        """Let go of the connections."""

    def put(self, rows: Sequence[Row], upto: Position | None) -> int:
        """Store *rows* in one transaction, and with them that all is up to *upto*, unless it is ``None``.

        Return how many of them were new. Raises ``Elsewhere``.
        """

    def put_events(self, rows: Sequence[EventRow], number: int) -> None:
        """Store events in one transaction, unless that was done: *number* goes up with each batch since the start."""

    def newest(self) -> float | None:
        """Return when the last return that is stored came, in epoch seconds."""

    def purge(self, before: float | None, max_bytes: int | None) -> int:
        """Delete some of what is older than *before*, or over *max_bytes*: one small step; return how many rows.

        Nothing is to be deleted when that is 0.
        """

    def query(self, wanted: Wanted) -> Page:
        """Return the returns that are *wanted*, within its bounds."""
