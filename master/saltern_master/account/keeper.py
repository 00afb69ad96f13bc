"""Keeps the account: reads the journal's notes, with a position of its own that is saved together with the tallies.

Whatever ends the master, the account goes on from there over notes that are still in the journal: nothing counts as
received that isn't there, and nothing that is there is left out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from saltern_master.account.accounting import Accounting
from saltern_master.clock_steps import ClockSteps
from saltern_master.journal import Journal, Position
from saltern_master.record import RUN

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
        self._clock = clock or ClockSteps()
        self._steady = steady
        self._saved_at = steady()
        self._busy = asyncio.Lock()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.catch_up()
            overdue = self._steady() - self._saved_at >= SAVE_EVERY_S
            if self.accounting.loaded and (overdue or self.accounting.changed):
                await self._save()
            await asyncio.sleep(LOOK_EVERY_S)

    async def catch_up(self) -> None:
        """Take in all that is in the journal by now."""
        async with self._busy:
            if not self._loaded():
                return
            while notes := self._notes.read_now(NOTES_A_TURN):
                for note in notes:
                    self.accounting.note(note)
                    if not note[0] & RUN:
                        await asyncio.sleep(0)  # it may be about many slots
                await asyncio.sleep(0)
            self._look_at_clock()

    def close(self) -> None:
        """Take in what is left, and save it."""
        if not self._loaded():
            return
        while notes := self._notes.read_now(NOTES_A_TURN):
            for note in notes:
                self.accounting.note(note)
        rows = [row for some in self.accounting.packed() for row in some]
        self._written(self._notes.at, self.accounting.write(rows, self._notes.at))

    async def _save(self) -> None:
        """Save the account; nothing is taken in meanwhile, so that it is what the notes up to its position make."""
        async with self._busy:
            self.accounting.changed = False
            position = self._notes.at
            rows: list[bytes] = []
            for some in self.accounting.packed():
                rows += some
                await asyncio.sleep(0)
        self._saved_at = self._steady()
        self._written(position, await asyncio.to_thread(self.accounting.write, rows, position))

    def _loaded(self) -> bool:
        """Load the account if that could not be done so far; return whether it is."""
        if not self.accounting.loaded:
            self.accounting.load()
            if self.accounting.loaded:
                self._notes.at = self._notes.done = self.accounting.position
        return self.accounting.loaded

    def _written(self, position: Position, done: bool) -> None:
        if done:
            self._notes.done = position

    def _look_at_clock(self) -> None:
        """Notice that the master's clock was set since the last look."""
        now, set_s = self._clock.look()
        if set_s:
            log.warning("the clock was set by %+.1f s: the account goes on from there", set_s)
            self.accounting.stepped(now - set_s, now)
            self.accounting.changed = True
