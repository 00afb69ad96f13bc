"""The jobs that run now, or wait for a worker: started in worker threads, killed, answered for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from saltern.complaints import Complaints
from saltern.errors import CommandError
from saltern_agent.executor import FAILED
from saltern_agent.job_queue import JobQueue
from saltern_agent.jobs import Job, Killed, Outcome
from saltern_agent.loop import Loop, Timer
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
STALLED_S = 60.0
"""No worker has become free for this long: whoever waits is told so."""

TIMEOUT_AGAIN_S = 1.0  # after no worker was free to end a job that ran into its time limit


class Runner:
    """Runs jobs in up to *threads* workers, and scheduled ones in as many of their own, so that neither starves.

    More jobs than that wait, in a queue that is fair among users (``saltern_agent.job_queue``); ``refused`` counts
    those for which there was no place in it, or no worker in the end.

    *execute* runs a job's functions in a worker, *version_of* tells the synced module that a function is from, *emit*
    takes a packed return in the loop's thread, *over* is called in the worker after each job. Methods are for the
    loop's thread unless they say otherwise.
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
        over: Callable[[], None] = lambda: None,
    ) -> None:
        self._loop = loop
        self._execute = execute
        self._version_of = version_of
        self._emit = emit
        self._threads = threads
        self._max_return_bytes = max_return_bytes
        self.refused = 0
        self._pool = Pool("job", threads, over=over, freed=self._freed)
        self._schedule_pool = Pool("schedule", threads, over=over)
        self._jobs: dict[str, Job] = {}
        self._over: dict[str, Callable[[], None]] = {}
        self._limits: dict[str, Timer] = {}
        self._control = JobQueue()
        self._waiting = JobQueue()
        self._stall_timer: Timer | None = None
        self._moved_at = 0.0
        self._complaints = Complaints(log)

    @property
    def waiting(self) -> int:
        """Jobs that wait for a worker."""
        return len(self._waiting) + len(self._control)

    def start(self, job: Job) -> None:
        """Run *job* as soon as there is a worker; or answer at once that too many wait."""
        if job.jid in self._jobs:
            self._complaints.say("twice", f"job {job.jid} runs already: it came twice", level=logging.WARNING)
            return
        self._jobs[job.jid] = job
        control = isinstance(job.fun, str) and job.fun in CONTROL
        queue, beyond = (self._control, CONTROL_THREADS) if control else (self._waiting, 0)
        if job.timeout_s:
            self._limits[job.jid] = self._loop.later(job.timeout_s, partial(self._time_out, job))
        if not queue and self._pool.submit(partial(self._work, job), beyond=beyond):
            return
        for out in queue.put(job):
            self._refuse(out, f"and {self.waiting} more wait (saltutil.running shows them)")
        self._begin_waiting()

    def start_scheduled(self, job: Job, over: Callable[[], None] | None = None) -> bool:
        """Run a scheduled job; return whether there was a worker for it. *over* is called when it has ended."""
        if job.jid in self._jobs:
            return False
        self._jobs[job.jid] = job
        if not self._schedule_pool.submit(partial(self._work, job)):
            del self._jobs[job.jid]
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
        """Return the running jobs, those of others without their arguments; from any thread.

        ``waiting`` says of one that it hasn't begun.
        """
        return [
            {**job.describe(asker), "waiting": job in self._waiting or job in self._control}
            for job in list(self._jobs.values())
        ]

    def kill_for(self, asker: Job | None, jid: str, signal: int) -> str:
        """End a job as ``kill`` does, when it concerns the job that asks. Raises ``CommandError``."""
        job = self._jobs.get(jid)
        if job is not None and not job.concerns(asker):
            raise CommandError(f"job {jid} is another user's: only {job.user or 'root'}, or who may do all, may end it")
        return self.kill(jid, signal)

    def among(self, jids: list[str]) -> list[str]:
        """Return those of *jids* that run, or wait, here."""
        return [jid for jid in jids if jid in self._jobs]

    def asked_for(self) -> dict[str, int]:
        """Return the jobs that run, or wait, here, but for the schedule's: jids, and the processes that do them."""
        return {jid: job.pid for jid, job in list(self._jobs.items()) if "schedule" not in job.extra}

    def kill(self, jid: str, signal: int) -> str:
        """End a job; return what was done. Takes seconds, so it is for workers only. Raises ``CommandError``."""
        job = self._jobs.get(jid)
        if job is None:
            raise CommandError(f"there is no running job {jid}")
        if job.thread == threading.get_ident():
            raise CommandError(f"job {jid} can't end itself")
        said = f"The job was ended by signal {int(signal)} before it began"
        if not job.thread and self._loop.ask(partial(self._withdraw, job, said)):
            return f"job {jid} was ended: it was waiting for a worker"
        text = job.kill(signal)
        log.warning("%s", text)
        if job.abandoned:
            self._loop.post(partial(self._abandoned, job, text))
        return text

    def close(self) -> None:
        """Answer for the jobs that still run: the agent is being stopped."""
        for job in list(self._jobs.values()):
            if "schedule" not in job.extra and job.abandon():
                waited = self._control.remove(job) or self._waiting.remove(job)
                text = f"The agent was stopped {'before the job began' if waited else 'while the job was running'}"
                self._emit(self._pack(job, same_for_all(job, text, FAILED)))

    # waiting

    def _freed(self) -> None:
        """A worker is free; called there."""
        if self._control or self._waiting:
            self._loop.post(self._begin_waiting)

    def _begin_waiting(self) -> None:
        """Start whom there is a worker for; those that control jobs have two more."""
        for queue, beyond in ((self._control, CONTROL_THREADS), (self._waiting, 0)):
            while (job := queue.peek()) is not None and self._pool.submit(partial(self._work, job), beyond=beyond):
                queue.get()
                self._moved_at = time.monotonic()
        if self.waiting and self._stall_timer is None:
            self._moved_at = time.monotonic()
            self._stall_timer = self._loop.later(STALLED_S, self._look_for_stall)

    def _look_for_stall(self) -> None:
        """Answer for those that wait when no worker has become free for a long time."""
        self._stall_timer = None
        if not self.waiting:
            return
        left_s = self._moved_at + STALLED_S - time.monotonic()
        if left_s > 0:
            self._stall_timer = self._loop.later(left_s, self._look_for_stall)
            return
        for queue in (self._control, self._waiting):
            while (job := queue.get()) is not None:
                self._refuse(job, f"and none has become free for {STALLED_S:g} s (saltutil.running shows them)")

    def _refuse(self, job: Job, why: str) -> None:
        self.refused += 1
        text = f"The minion is busy: all {self._threads} workers run jobs, {why}"
        line = f"job {job.jid}: {job.fun} for {job.user} was refused: {text}"
        self._complaints.say("busy", line, level=logging.WARNING)
        self._answer(job, text)

    def _withdraw(self, job: Job, text: str) -> bool:
        """Answer *text* for *job* if it waits; return whether it did."""
        if not (self._control.remove(job) or self._waiting.remove(job)):
            return False
        self._answer(job, text)
        return True

    def _answer(self, job: Job, text: str) -> None:
        """Return that *job* failed, and be done with it."""
        self._emit(self._pack(job, same_for_all(job, text, FAILED)))
        self._forget(job)

    # running

    def _work(self, job: Job) -> bool:
        """Run *job* in a worker thread; return whether the thread may be used again."""
        job.thread = threading.get_ident()
        try:
            outcome = self._execute(job) if not job.killed_by else _killed(job)
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
        elif self._jobs.get(job.jid) is job:  # it was given up, and ended before that was answered
            self._answer(job, f"The job was given up by signal {int(job.killed_by)}, and ended just then")
        self._forget(job)

    def _abandoned(self, job: Job, text: str) -> None:
        if job.jid in self._jobs:
            pool = self._schedule_pool if "schedule" in job.extra else self._pool
            pool.abandon()
            self._answer(job, text)
            self._begin_waiting()

    def _forget(self, job: Job) -> None:
        if self._jobs.get(job.jid) is job:
            del self._jobs[job.jid]
            limit = self._limits.pop(job.jid, None)
            if limit is not None:
                limit.cancel()
            over = self._over.pop(job.jid, None)
            if over is not None:
                over()

    def _time_out(self, job: Job) -> None:
        if self._jobs.get(job.jid) is not job:
            return
        limit = f"its time limit of {job.timeout_s:g} s"
        if self._withdraw(job, f"The job waited for a worker until {limit} was over: all {self._threads} run jobs"):
            log.warning("job %s: %s did not begin within %s", job.jid, job.fun, limit)
        elif self.background(lambda: self._end(job)):
            log.warning("job %s: %s ran into %s", job.jid, job.fun, limit)
        else:
            self._limits[job.jid] = self._loop.later(TIMEOUT_AGAIN_S, partial(self._time_out, job))

    def _end(self, job: Job) -> None:
        if not job.done.is_set():
            self.kill(job.jid, TIMEOUT_SIGNAL)

    def _pack(self, job: Job, outcome: Outcome) -> Return:
        version = self._version_of(job.fun) if isinstance(job.fun, str) else None
        return pack_return(job, outcome, version, self._max_return_bytes)


def _killed(job: Job) -> Outcome:
    return same_for_all(job, f"The job was killed by signal {int(job.killed_by)}", FAILED)
