"""From the journal into the job store, in batches, off the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from saltern.errors import JournalError, WireError
from saltern_master.deadletters import DeadLetters
from saltern_master.jobs.store import JobLoad, JobReturn, JobStore
from saltern_master.jobs.tracker import Tracker
from saltern_master.journal import Reader
from saltern_master.record import FOR_JOBS, JOB, METRICS, Record, read_record

log = logging.getLogger(__name__)

RETRY_S = 5.0
BATCH_S = 0.2  # returns come in bursts, and a commit costs the disk's time
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
        self._clock = clock
        self._steady = steady
        self._began = clock() - steady()
        self._wanted_flags = JOB | FOR_JOBS | (METRICS if metric_returns else 0)
        self._opened = False
        self.jobs = 0
        self.stored = 0
        self.failures = 0

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "stored": self.jobs,
            "returns_stored": self.stored,
            "store_failures": self.failures,
            "dropped": self._store.dropped,
        }

    async def tell_of_earlier_jobs(self, tracker: Tracker) -> None:
        """Have *tracker* know the jobs from before this start: their returns may be on their way."""
        try:
            tracker.remember(await self._earlier_jobs())
        except JournalError as error:
            log.error("%s: returns to jobs from before this start can't be told from others", error)
            tracker.blind = True

    async def _earlier_jobs(self) -> list[JobLoad]:
        """Return the jobs that were sent, oldest first, stored or only journalled yet. Raises ``JournalError``."""
        await asyncio.to_thread(self._open)
        stored = await asyncio.to_thread(self._store.jobs, MAX_RECENT)
        journalled = []
        while records := self._reader.read_now():
            journalled += [job for record in records if (job := self._readable_job(record))]
        self._reader.rewind()
        return [*reversed(stored), *journalled]

    async def run(self) -> None:
        """Work until cancelled."""
        if not self._opened:
            await self._persist(self._open)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            tasks.create_task(self._purge())

    def _open(self) -> None:
        self._store.open()
        self._opened = True

    async def _keep(self) -> None:
        self._reader.rewind()
        while True:
            await self._reader.more()
            await asyncio.sleep(BATCH_S)
            await self._digest(await self._reader.read())
            self._reader.commit()

    async def _digest(self, records: Sequence[bytes]) -> None:
        """Store *records*, together; when that fails for what is in them, one by one, and set aside those that do."""
        try:
            await self._persist(lambda: self._put(records))
            return
        except Exception as error:
            log.debug("a batch of %d records is taken one by one", len(records), exc_info=error)
        for record in records:
            try:
                await self._persist(partial(self._put, [record]))
            except Exception as error:
                self._dead_letters.put(READER, record, error)

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
                gone = await asyncio.to_thread(self._store.purge, self._now() - self._keep_s)
                if gone:
                    log.info("forgot %d jobs and returns older than %g hours", gone, self._keep_s / 3600)
            except JournalError as error:
                log.warning("%s", error)
            await asyncio.sleep(PURGE_EVERY_S)

    def _now(self) -> float:
        """Return the time; a clock that was set ahead meanwhile makes nothing older than it is."""
        return min(self._clock(), self._began + self._steady())

    async def _persist(self, work: Callable[[], None]) -> None:
        """Do *work* in a thread, again and again until it succeeds: what is in the journal is not lost meanwhile."""
        while True:
            try:
                await asyncio.to_thread(work)
                return
            except JournalError as error:
                self.failures += 1
                log.error("%s: trying again in %g s", error, RETRY_S)
                await asyncio.sleep(RETRY_S)

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
