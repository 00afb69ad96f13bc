"""From the journal into one returner, in batches, in a thread of its own: it waits for nobody, and nobody for it.

::

            ┌──────────────── another position ────────────────┐
            ▼                                                  │
    read a batch ──▶ in step with the database? ──▶ put it, with its end ──▶ commit the position on disk
            │              ▲                          │
      nobody's rows        └──── it failed, a pause ──┤
            ▼                                         └─ a row that it will never take: halves, then a dead letter
          commit
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from saltern.complaints import Trouble
from saltern.errors import JournalError, RecordError, WireError
from saltern_master.ageing import Ageing
from saltern_master.catching_up import catch_up
from saltern_master.deadletters import DeadLetters
from saltern_master.journal import Journal, Reader
from saltern_master.journal.reader import Position
from saltern_master.record import FOR_JOBS, JOB, read_record
from saltern_master.returners.returner import Elsewhere, Returner
from saltern_master.returners.rows import Row, row_of
from saltern_master.sql.database import Lost
from saltern_master.sql.worker import Worker

log = logging.getLogger(__name__)

GATHER_S = 0.2  # returns come in bursts, and a transaction costs a round trip or five
RETRY_MIN_S, RETRY_MAX_S = 0.5, 15.0
BATCH_BYTES = 256 * 1024
BATCH_ROWS = 500
SUSPECT_BYTES = 256 * 1024
LOST_TIMES = 5
"""So often the connection may be lost over the same large rows before they are thought to be why."""
PURGE_EVERY_S = 60.0
STEP_PAUSE_S = 0.05

_Result = TypeVar("_Result")


class _Moved(Exception):  # it is caught here
    """The reader goes on at another position."""


class Item(NamedTuple):
    """A row, and the record that it is made of."""

    row: Row
    record: bytes


class Keep(NamedTuple):
    """How long, and how many bytes of, rows are kept; ``None``: without a bound."""

    age_s: float | None = None
    max_bytes: int | None = None


class Feeder:
    """Feeds *returner*, which is called *name*, from *reader*."""

    def __init__(
        self,
        name: str,
        returner: Returner,
        journal: Journal,
        reader: Reader,
        dead_letters: DeadLetters,
        worker: Worker,
        *,
        keep: Keep = Keep(),  # noqa: B008  # never changed
        wants: int = JOB | FOR_JOBS,
        ageing: Ageing | None = None,
        clock: Callable[[], float] = time.time,
        mentions: bytes = b"",
    ) -> None:
        """*wants*: the flags of the records that are stored; those without the bytes *mentions* are nobody's rows."""
        self.name = name
        self._returner = returner
        self._journal = journal
        self._reader = reader
        self._dead_letters = dead_letters
        self._worker = worker
        self._keep = keep
        self._ageing = ageing or Ageing()
        self._clock = clock
        self._wanted_flags = wants
        self._mentions = mentions
        self._trouble = Trouble(log)
        self._known: Position | None = None
        """Up to where its database has all, when it was asked last."""
        self._in_step = False
        self._oldest: float | None = None
        self._failed_in_a_row = 0
        self.rows = self.set_aside = self.purged = 0

    @property
    def failures(self) -> int:
        """How often something failed since the start."""
        return self._trouble.count

    def metrics(self) -> dict[str, float]:
        """Return the counters, and how far behind it is."""
        return {
            "connected": float(self._in_step),
            "rows": self.rows,
            "failures": self._trouble.count,
            "set_aside": self.set_aside,
            "purged": self.purged,
            "lost": self._reader.lost,
            "behind_bytes": self._reader.behind(),
            "lag_s": max(0.0, self._clock() - self._oldest) if self._oldest is not None else 0.0,
        }

    def catch_up(self, within_s: float) -> bool:
        """Wait in a thread until what was journalled before this call is stored; return whether it is, *within_s*."""
        return catch_up(self._reader, within_s)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed())
            tasks.create_task(self._purge())

    async def _feed(self) -> None:
        self._reader.rewind()
        self._in_step = False
        await self._begin()
        while True:
            await self._reader.more()
            if self._reader.behind() < BATCH_BYTES:
                await asyncio.sleep(GATHER_S)
            read = await self._reader.read(BATCH_BYTES)
            records = [one for one in read if one and one[0] & self._wanted_flags and self._mentions in one]
            items = await self._worker.run(partial(self._items, records)) if records else []
            try:
                await self._store(items, self._reader.at)
            except _Moved:
                continue
            finally:
                self._oldest = None
            self._reader.commit()
            await asyncio.sleep(0)  # there may be a backlog of what is nobody's row

    async def _begin(self) -> None:
        """Get in step before there is anything to store: tables are made, and a database that was put back is seen."""
        while not self._in_step:
            try:
                await self._get_in_step()
            except _Moved:
                return
            except (JournalError, RecordError) as error:
                self._failed(error)
                if self._oldest is None:
                    self._note_oldest(self._reader.read_now(BATCH_BYTES))
                    self._reader.rewind()
                await self._pause()

    def _note_oldest(self, records: Sequence[bytes]) -> None:
        with contextlib.suppress(WireError):
            read = (read_record(record, self._wanted_flags) for record in records)
            self._oldest = next((record.received for record in read if record is not None), None)

    def _items(self, records: Sequence[bytes]) -> list[Item]:
        """Return the rows of *records*: not on the loop, since there may be thousands."""
        items = []
        for record in records:
            try:
                read = read_record(record, self._wanted_flags)
                row = row_of(read) if read is not None else None
            except Exception as error:  # whatever a minion sent, the others' rows go on
                self._put_aside(record, error)
                continue
            if row is not None and read is not None:
                self._oldest = self._oldest or read.received
                items.append(Item(row, record))
        return items

    async def _store(self, items: Sequence[Item], upto: Position) -> None:
        """Store *items*, and that all is up to *upto*. Raises ``_Moved`` when the reader was moved instead."""
        for start in range(0, len(items), BATCH_ROWS):  # none of nobody's rows: then there is nothing to tell either
            some = items[start : start + BATCH_ROWS]
            await self._digest(some, upto if start + BATCH_ROWS >= len(items) else None)

    async def _digest(self, items: Sequence[Item], upto: Position | None) -> None:
        """Store *items*, together; when that fails for what is in them, half by half, and set aside those that do."""
        try:
            self.rows += await self._persist(
                [item.row for item in items], upto, max((len(i.record) for i in items), default=0)
            )
        except _Moved:
            raise
        except Exception as error:
            if len(items) == 1:
                self._put_aside(items[0].record, error)
            else:
                half = len(items) // 2
                await self._digest(items[:half], None)
                await self._digest(items[half:], None)
            if upto is not None:
                await self._persist([], upto, 0)

    async def _persist(self, rows: list[Row], upto: Position | None, largest: int) -> int:
        """Store *rows*, again and again until that succeeds: what is in the journal is not lost meanwhile.

        Raises what says that it never will, and ``_Moved``.
        """
        lost_in_a_row = 0
        while True:
            try:
                await self._get_in_step()
                new = await self._worker.run(partial(self._returner.put, rows, upto))
            except JournalError as error:
                if isinstance(error, Lost) and self._in_step and largest > SUSPECT_BYTES:
                    lost_in_a_row += 1
                    if lost_in_a_row >= LOST_TIMES:
                        raise ValueError(f"{error}, {LOST_TIMES} times in a row") from None
                self._in_step = False
                if not isinstance(error, Elsewhere):
                    self._failed(error)
                await self._pause()
                continue
            self._failed_in_a_row = 0
            self._trouble.over(f"returner {self.name} stores again")
            self._known = upto or self._known
            return new

    async def _get_in_step(self) -> None:
        """Ask the database how far it is, unless that is known, and have the reader be there too.

        Raises ``JournalError``; ``_Moved`` when the reader was moved: what was read is read again.
        """
        if self._in_step:
            return
        at = self._reader.committed
        journal = await self._worker.run(self._journal.identity)
        done = await self._worker.run(partial(self._returner.open, journal, at))
        if self._keep != Keep() and self._ageing.newest is None:
            self._ageing.newest = await self._worker.run(self._returner.newest) or self._ageing.began
        self._in_step = True
        known, self._known = self._known, done
        if done != (at if known is None else known):
            log.info("returner %s: its database has what is in the journal up to %d:%d", self.name, *done)
            self._reader.go_to(done)
            raise _Moved

    async def _purge(self) -> None:
        keep = self._keep
        while keep != Keep():
            try:
                while self._in_step:
                    before = self._ageing.now() - keep.age_s if keep.age_s is not None else None
                    gone = await self._worker.run(partial(self._returner.purge, before, keep.max_bytes))
                    self.purged += gone
                    if not gone:
                        break
                    await asyncio.sleep(STEP_PAUSE_S)
            except (JournalError, RecordError) as error:
                self._trouble.met(f"returner {self.name}: {error}: what is old stays until it can be deleted")
            await asyncio.sleep(PURGE_EVERY_S)

    async def _pause(self) -> None:
        wait_s = min(RETRY_MAX_S, RETRY_MIN_S * 2 ** min(self._failed_in_a_row, 10))
        self._failed_in_a_row += 1
        await asyncio.sleep(wait_s * random.uniform(0.75, 1.25))  # noqa: S311  # jitter, no secret

    def _failed(self, error: Exception) -> None:
        self._trouble.met(f"returner {self.name}: {error}: its rows wait in the journal until it works")

    def _put_aside(self, record: bytes, error: BaseException) -> None:
        self.set_aside += 1
        self._dead_letters.put(self._reader.name, record, error)
