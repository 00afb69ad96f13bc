"""From the journal into the job store, in batches, off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from saltern.complaints import Trouble
from saltern.config import MasterOptions
from saltern.errors import JournalError, RecordError, WireError
from saltern_master.ageing import Ageing
from saltern_master.catching_up import catch_up
from saltern_master.deadletters import DeadLetters
from saltern_master.jobs.store import JobLoad, JobReturn, JobStore
from saltern_master.jobs.tracker import Tracker
from saltern_master.journal import Journal, Reader
from saltern_master.record import FOR_JOBS, JOB, METRICS, Record, read_record

log = logging.getLogger(__name__)

RETRY_S = 5.0
GATHER_S = 0.2  # returns come in bursts, and a commit costs the disk's time
BURST_S = 1.0
"""How long a burst is waited for: until it is over whoever sent the job waits for what the loop does."""
BATCH_BYTES = 8 * 1024 * 1024
"""Of records that are stored together; meanwhile they take about four times that."""
BATCH_RECORDS = 2000
"""In one transaction. What they become is garbage at once, and the loop waits while that is looked through."""
PURGE_EVERY_S = 600.0
MAX_RECENT = 5000
READER = "jobs"


class JobKeeper:
    """Stores jobs and what they return, and forgets both after ``keep_jobs_hours``."""

    def __init__(
        self,
        store: JobStore,
        reader: Reader,
        dead_letters: DeadLetters,
        keep_s: float,
        *,
        metric_returns: bool,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """*metric_returns*: whether scheduled metric returns are stored too. *steady*, in seconds, is never set."""
        self._store = store
        self._reader = reader
        self._dead_letters = dead_letters
        self._keep_s = keep_s
        self._ageing = Ageing(clock, steady)
        self._wanted_flags = JOB | FOR_JOBS | (METRICS if metric_returns else 0)
        self._trouble = Trouble(log)
        self._asked_at = float(
            "-inf"
        )  # when somebody last wanted what is journalled to be stored, on no clock that is set
        self.jobs = 0
        self.stored = 0

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "stored": self.jobs,
            "returns_stored": self.stored,
            "store_failures": self._trouble.count,
            "store_set_aside": self._store.set_aside,
            "dropped": self._store.dropped,
        }

    async def tell_of_earlier_jobs(self, tracker: Tracker) -> None:
        """Have *tracker* know the jobs from before this start: their returns may be on their way."""
        try:
            tracker.remember(await self._earlier_jobs())
        except JournalError as error:
            self._failed(error)
            tracker.blind = True  # returns to jobs from before this start can't be told from others
        if self._store.begun_anew and self._reader.committed.segment:
            tracker.blind = True  # there were jobs, and they are gone

    async def _earlier_jobs(self) -> list[JobLoad]:
        """Return the jobs that were sent, oldest first, stored or only journalled yet. Raises ``JournalError``."""
        await asyncio.to_thread(self._store.open)
        stored = await asyncio.to_thread(self._store.jobs, MAX_RECENT)
        journalled = []
        while records := self._reader.read_now():
            journalled += [job for record in records if (job := self._readable_job(record))]
        self._reader.rewind()
        return [*reversed(stored), *journalled]

    def catch_up(self, within_s: float) -> bool:
        """Wait in a thread until what was journalled before this call is stored; return whether it is, *within_s*.

        Who has seen a job's answer finds it in the store then.
        """
        self._asked_at = time.monotonic()
        return catch_up(self._reader, within_s)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            tasks.create_task(self._purge())

    async def _keep(self) -> None:
        self._reader.rewind()
        await self._persist(self._store.open)
        while True:
            await self._reader.more()
            await self._gather()
            records = await self._batch()
            for start in range(0, len(records), BATCH_RECORDS):
                await self._digest(records[start : start + BATCH_RECORDS])
            self._reader.commit()

    async def _gather(self) -> None:
        """Wait while more comes, for a while, unless there is enough or somebody wants it stored."""
        began = time.monotonic()
        end = None
        while self._reader.behind() < BATCH_BYTES and end != self._reader.end():
            end = self._reader.end()
            await asyncio.sleep(GATHER_S)
            if self._asked_at >= began or time.monotonic() >= began + BURST_S:
                return

    async def _batch(self) -> list[bytes]:
        """Return the records to be stored together, read in turns that keep nobody from the loop."""
        records: list[bytes] = []
        read = await self._reader.read()
        left = BATCH_BYTES
        while read:
            left -= sum(map(len, read))
            records += [record for record in read if record and record[0] & self._wanted_flags]
            if left <= 0:
                break
            await asyncio.sleep(0)
            read = self._reader.read_now()
        return records

    async def _digest(self, records: Sequence[bytes]) -> None:
        """Store *records*, together; when that fails for what is in them, half by half, and set aside those that do."""
        try:
            await self._persist(partial(self._put, records))
        except Exception as error:
            if len(records) == 1:
                self._dead_letters.put(READER, records[0], error)
                return
            log.debug("a batch of %d records is taken in two", len(records), exc_info=error)
            half = len(records) // 2
            await self._digest(records[:half])
            await self._digest(records[half:])

    def _put(self, records: Sequence[bytes]) -> None:
        items = [item for record in records if (item := read_record(record, self._wanted_flags))]
        jobs = [self._job(item) for item in items if item.flags & JOB]
        returns = [self._return(item) for item in items if not item.flags & JOB]
        if jobs:
            self._store.put_jobs(jobs)
        if returns:
            self._store.put_returns(returns)
        self.jobs += len(jobs)
        self.stored += len(returns)

    async def _purge(self) -> None:
        while True:
            try:
                ageing = self._ageing
                if ageing.newest is None:
                    ageing.newest = await asyncio.to_thread(self._store.newest, ageing.began) or ageing.began
                gone = await asyncio.to_thread(self._store.purge, ageing.now() - self._keep_s)
                if gone:
                    log.info("forgot %d jobs and returns older than %g hours", gone, self._keep_s / 3600)
            except (JournalError, RecordError) as error:
                self._failed(error)
            await asyncio.sleep(PURGE_EVERY_S)

    async def _persist(self, work: Callable[[], None]) -> None:
        """Do *work* in a thread, again and again until it succeeds: what is in the journal is not lost meanwhile."""
        while True:
            try:
                await asyncio.to_thread(work)
                self._trouble.over("the job store works again")
                return
            except JournalError as error:
                self._failed(error)
            await asyncio.sleep(RETRY_S)
            with contextlib.suppress(JournalError):
                await asyncio.to_thread(self._store.open)

    def _failed(self, error: Exception) -> None:
        self._trouble.met(f"{error}: jobs and returns wait in the journal until it works")

    def _readable_job(self, record: bytes) -> JobLoad | None:
        try:
            item = read_record(record, JOB)
            return self._job(item) if item else None
        except (WireError, KeyError):
            return None  # it is set aside when its turn comes

    @staticmethod
    def _job(item: Record) -> JobLoad:
        return JobLoad(str(item.body["jid"]), item.received, item.body)

    @staticmethod
    def _return(item: Record) -> JobReturn:
        body: dict[str, Any] = item.body
        fun = body["fun"]
        return JobReturn(
            jid=str(body["jid"]),
            minion_id=item.minion_id,
            fun=fun if isinstance(fun, str) else ",".join(map(str, fun)),
            success=body.get("success") is True,
            received=item.received,
            data={**body, "id": item.minion_id},
        )


def configured_keeper(
    options: MasterOptions, store: JobStore, journal: Journal, dead_letters: DeadLetters
) -> JobKeeper:
    """Return the keeper that *options* ask for."""
    reader = journal.reader(READER, JOB | FOR_JOBS)
    keep_s = options["keep_jobs_hours"] * 3600
    return JobKeeper(store, reader, dead_letters, keep_s, metric_returns=options["store_metric_returns"])
