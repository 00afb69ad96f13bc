"""Keeps the account: reads the journal's notes, with a position of its own that is saved together with the tallies.

Whatever ends the master, the account goes on from there over notes that are still in the journal: nothing counts as
received that isn't there, and nothing that is there is left out.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from saltern_master.account.accounting import Accounting
from saltern_master.clock_steps import ClockSteps
from saltern_master.journal import Journal, Position
from saltern_master.record import ABSENCES, LOST

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
SAVE_EVERY_S = 15.0
NOTES_A_TURN = 200


class AccountKeeper:
    """Brings the account up to date every second, and whenever somebody wants to see it."""

    def __init__(
        self,
        accounting: Accounting,
        journal: Journal,
        clock: ClockSteps | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """*accounting* is loaded, and *journal* open, or they will be."""
        self.accounting = accounting
        self._notes = journal.notes_reader(accounting.position)
        self._read: deque[Sequence[Any]] = deque()  # and not taken in yet, as whoever did that may be cancelled
        self._clock = clock or ClockSteps()
        self._steady = steady
        self._saved_at = steady()
        self._busy = asyncio.Lock()
        self._writing = threading.Lock()
        self._closed = False

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.catch_up()
            if self.accounting.loaded and self._to_be_saved():
                await self._save()
            await asyncio.sleep(LOOK_EVERY_S)

    async def catch_up(self) -> None:
        """Take in all that is in the journal by now."""
        async with self._busy:
            if not self._loaded():
                return
            await self._take_in()
            self._look_at_clock()

    def close(self) -> None:
        """Take in what is left, and save it."""
        if not self._loaded():
            return
        for note in self._new_notes():
            self.accounting.note(note)
        rows = [row for some in self.accounting.packed() for row in some]
        with self._writing:  # what is being written now is older: no such thing may come after this
            self._closed = True
            self._written(self._notes.at, self.accounting.write(rows, self._notes.at))

    async def _take_in(self) -> None:
        for note in self._new_notes():
            self.accounting.note(note)
            if note[0] & (ABSENCES | LOST) or not self._read:
                await asyncio.sleep(0)  # it may be about many slots, or there were many

    def _new_notes(self) -> Iterator[Sequence[Any]]:
        """Yield each note once, whoever asks, and whatever became of who asked before: it is to be taken in at once."""
        while self._read or self._read_more():
            yield self._read.popleft()

    def _read_more(self) -> bool:
        self._read.extend(self._notes.read_now(NOTES_A_TURN))
        return bool(self._read)

    def _to_be_saved(self) -> bool:
        overdue = self._steady() - self._saved_at >= SAVE_EVERY_S
        given_up = self._notes.done < self.accounting.position  # the journal may come to where it was before a kill
        return overdue or given_up or self.accounting.changed

    async def _save(self) -> None:
        """Save the account; nothing is taken in meanwhile, so that it is what the notes up to its position make."""
        async with self._busy:
            await self._take_in()  # what has been read is before the position
            self.accounting.changed = False
            position = self._notes.at
            rows: list[bytes] = []
            for some in self.accounting.packed():
                rows += some
                await asyncio.sleep(0)
        self._saved_at = self._steady()
        self._written(position, await asyncio.to_thread(self._write, rows, position))

    def _write(self, rows: Sequence[bytes], position: Position) -> bool:
        with self._writing:
            return not self._closed and self.accounting.write(rows, position)

    def _loaded(self) -> bool:
        """Load the account if that could not be done so far; return whether it is."""
        if not self.accounting.loaded:
            self.accounting.load()
            if self.accounting.loaded:
                self._notes.go_to(self.accounting.position)
        return self.accounting.loaded

    def _written(self, position: Position, done: bool) -> None:
        if done:
            self._notes.done = self.accounting.position = position

    def _look_at_clock(self) -> None:
        """Notice that the master's clock was set since the last look."""
        now, set_s = self._clock.look()
        if set_s:
            log.warning("the clock was set by %+.1f s: the account goes on from there", set_s)
            self.accounting.stepped(now - set_s, now)
            self.accounting.changed = True
