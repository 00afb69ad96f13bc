"""From the journal into the job store, in batches, off the event loop."""

from __future__ import annotations

import asyncio
import logging
import time

from saltern.errors import JournalError
from saltern_master.jobs.store import JobLoad, JobReturn, JobStore
from saltern_master.journal import Reader
from saltern_master.record import FOR_JOBS, METRICS, read_record

log = logging.getLogger(__name__)

RETRY_S = 5.0
BATCH_S = 0.2  # returns come in bursts, and a commit costs the disk's time
PURGE_EVERY_S = 600.0
MAX_WAITING_JOBS = 10_000


class JobKeeper:
    """Stores what jobs return, and forgets it after ``keep_jobs_hours``."""

    def __init__(self, store: JobStore, reader: Reader, keep_s: float, *, metric_returns: bool) -> None:
        """*metric_returns*: whether scheduled metric returns are stored too."""
        self._store = store
        self._reader = reader
        self._keep_s = keep_s
        self._wanted_flags = FOR_JOBS | METRICS if metric_returns else FOR_JOBS
        self._waiting: list[JobLoad] = []
        self.stored = 0
        self.failures = 0
        self.dropped = 0

    def put_job(self, job: JobLoad) -> None:
        """Store a job soon, before its returns; too many at once are counted and left out."""
        if len(self._waiting) < MAX_WAITING_JOBS:
            self._waiting.append(job)
        else:
            self.dropped += 1

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {"returns_stored": self.stored, "store_failures": self.failures, "dropped": self.dropped}

    async def run(self) -> None:
        """Work until cancelled."""
        await self._persist(self._store.open)
        await asyncio.gather(self._keep(), self._store_jobs(), self._purge())

    async def _keep(self) -> None:
        self._reader.rewind()
        while True:
            await self._reader.more()
            await asyncio.sleep(BATCH_S)
            records = await self._reader.read()
            returns = [item for record in records if (item := self._wanted(record))]
            if returns:
                await self._persist(lambda returns=returns: self._store.put_returns(returns))
                self.stored += len(returns)
            self._reader.commit()

    async def _store_jobs(self) -> None:
        while True:
            if self._waiting:
                jobs, self._waiting = self._waiting, []
                await self._persist(lambda jobs=jobs: self._store.put_jobs(jobs))
            await asyncio.sleep(0.2)

    async def _purge(self) -> None:
        while True:
            try:
                gone = await asyncio.to_thread(self._store.purge, time.time() - self._keep_s)
                if gone:
                    log.info("forgot %d jobs and returns older than %g hours", gone, self._keep_s / 3600)
            except JournalError as error:
                log.warning("%s", error)
            await asyncio.sleep(PURGE_EVERY_S)

    async def _persist(self, work: object) -> None:
        """Do *work* in a thread, again and again until it succeeds: what is in the journal is not lost meanwhile."""
        assert callable(work)
        while True:
            try:
                await asyncio.to_thread(work)
                return
            except JournalError as error:
                self.failures += 1
                log.error("%s: trying again in %g s", error, RETRY_S)
                await asyncio.sleep(RETRY_S)

    def _wanted(self, record: bytes) -> JobReturn | None:
        item = read_record(record, self._wanted_flags)
        if item is None:
            return None
        body = item.body
        fun = body.get("fun")
        return JobReturn(
            jid=str(body["jid"]),
            minion_id=item.minion_id,
            fun=fun if isinstance(fun, str) else ",".join(map(str, fun or [])),
            success=body.get("success") is True,
            received=item.received,
            data={**body, "id": item.minion_id},
        )
