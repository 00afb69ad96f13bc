"""The jobs that run now: started in worker threads, killed, answered for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from saltern.errors import CommandError
from saltern_agent.executor import FAILED
from saltern_agent.jobs import Job, Killed, Outcome
from saltern_agent.loop import Loop
from saltern_agent.returns import Return, pack_return, same_for_all
from saltern_agent.workers import Pool

log = logging.getLogger(__name__)

CONTROL_THREADS = 2
"""Threads beyond the limit, so that an agent whose workers all hang can still be asked about it and freed."""

CONTROL = frozenset(
    {
        "test.ping",
        "saltutil.running",
        "saltutil.is_running",
        "saltutil.find_job",
        "saltutil.signal_job",
        "saltutil.term_job",
        "saltutil.kill_job",
    }
)
TIMEOUT_SIGNAL = 15


class Runner:
    """Runs jobs in up to *threads* workers, and scheduled ones in as many of their own, so that neither starves.

    *execute* runs a job's functions in a worker, *version_of* tells the synced module that a function is from,
    *emit* takes a packed return in the loop's thread. Methods are for the loop's thread unless they say otherwise.
    """

    def __init__(
        self,
        loop: Loop,
        execute: Callable[[Job], Outcome],
        version_of: Callable[[str], dict[str, str | None] | None],
        emit: Callable[[Return], Any],
        *,
        threads: int,
        max_return_bytes: int,
    ) -> None:
        self._loop = loop
        self._execute = execute
        self._version_of = version_of
        self._emit = emit
        self._threads = threads
        self._max_return_bytes = max_return_bytes
        self._pool = Pool("job", threads)
        self._schedule_pool = Pool("schedule", threads)
        self._jobs: dict[str, Job] = {}
        self._over: dict[str, Callable[[], None]] = {}

    def start(self, job: Job) -> None:
        """Run *job*, or answer at once that all workers are busy."""
        if job.jid in self._jobs:
            log.warning("job %s runs already: it came twice", job.jid)
            return
        beyond = CONTROL_THREADS if isinstance(job.fun, str) and job.fun in CONTROL else 0
        if not self._submit(self._pool, job, beyond):
            log.warning("job %s: %s was refused: all %d workers are busy", job.jid, job.fun, self._threads)
            text = f"The minion is busy: all {self._threads} workers run jobs (saltutil.running shows them)"
            self._emit(self._pack(job, same_for_all(job, text, FAILED)))
        elif job.timeout_s:
            self._loop.later(job.timeout_s, partial(self._time_out, job))

    def start_scheduled(self, job: Job, over: Callable[[], None] | None = None) -> bool:
        """Run a scheduled job; return whether there was a worker for it. *over* is called when it has ended."""
        if job.jid in self._jobs or not self._submit(self._schedule_pool, job, 0):
            return False
        if over is not None:
            self._over[job.jid] = over
        return True

    def background(self, call: Callable[[], None]) -> bool:
        """Run *call* in a worker, one beyond the limit if need be; return whether there was one."""

        def run() -> bool:
            call()
            return True

        return self._pool.submit(run, beyond=CONTROL_THREADS)

    def running(self, asker: Job | None) -> list[dict[str, Any]]:
        """Return the running jobs, those of others without their arguments; from any thread."""
        return [job.describe(asker) for job in list(self._jobs.values())]

    def kill_for(self, asker: Job | None, jid: str, signal: int) -> str:
        """End a job as ``kill`` does, when it concerns the job that asks. Raises ``CommandError``."""
        job = self._jobs.get(jid)
        if job is not None and not job.concerns(asker):
            raise CommandError(f"job {jid} is another user's: only {job.user or 'root'}, or who may do all, may end it")
        return self.kill(jid, signal)

    def among(self, jids: list[str]) -> list[str]:
        """Return those of *jids* that run here."""
        return [jid for jid in jids if jid in self._jobs]

    def kill(self, jid: str, signal: int) -> str:
        """End a job; return what was done. Takes seconds, so it is for workers only. Raises ``CommandError``."""
        job = self._jobs.get(jid)
        if job is None:
            raise CommandError(f"there is no running job {jid}")
        if job.thread == threading.get_ident():
            raise CommandError(f"job {jid} can't end itself")
        text = job.kill(signal)
        log.warning("%s", text)
        if job.abandoned:
            self._loop.post(partial(self._abandoned, job, text))
        return text

    def close(self) -> None:
        """Answer for the jobs that still run: the agent is being stopped."""
        for job in list(self._jobs.values()):
            if "schedule" not in job.extra and job.abandon():
                text = "The agent was stopped while the job was running"
                self._emit(self._pack(job, same_for_all(job, text, FAILED)))

    def _submit(self, pool: Pool, job: Job, beyond: int) -> bool:
        self._jobs[job.jid] = job
        if pool.submit(partial(self._work, job), beyond=beyond):
            return True
        del self._jobs[job.jid]
        return False

    def _work(self, job: Job) -> bool:
        """Run *job* in a worker thread; return whether the thread may be used again."""
        job.thread = threading.get_ident()
        try:
            outcome = self._execute(job)
        except BaseException as error:  # a kill between two steps, or a fault of ours: the job is answered
            log.debug("job %s ended by an exception", job.jid, exc_info=True)
            outcome = same_for_all(job, f"The job was ended by {type(error).__name__}: {error}", FAILED)
        while True:
            try:
                wanted = job.close()
                break
            except Killed:  # it came when the function was over; after close none comes any more
                continue
        packed = self._pack(job, outcome) if wanted else None
        self._loop.post(partial(self._finished, job, packed))
        return wanted

    def _finished(self, job: Job, packed: Return | None) -> None:
        if packed is not None:
            self._emit(packed)
        self._forget(job)

    def _abandoned(self, job: Job, text: str) -> None:
        if job.jid in self._jobs:
            pool = self._schedule_pool if "schedule" in job.extra else self._pool
            pool.abandon()
            self._emit(self._pack(job, same_for_all(job, text, FAILED)))
            self._forget(job)

    def _forget(self, job: Job) -> None:
        if self._jobs.get(job.jid) is job:
            del self._jobs[job.jid]
            over = self._over.pop(job.jid, None)
            if over is not None:
                over()

    def _time_out(self, job: Job) -> None:
        if self._jobs.get(job.jid) is job:
            log.warning("job %s: %s ran into its time limit of %g s", job.jid, job.fun, job.timeout_s)
            self.background(lambda: self._end(job))

    def _end(self, job: Job) -> None:
        if not job.done.is_set():
            self.kill(job.jid, TIMEOUT_SIGNAL)

    def _pack(self, job: Job, outcome: Outcome) -> Return:
        version = self._version_of(job.fun) if isinstance(job.fun, str) else None
        return pack_return(job, outcome, version, self._max_return_bytes)
