"""The jobs of one minion that run now, or wait for a worker: started in worker threads, killed, answered for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from saltern.complaints import Complaints
from saltern.errors import CommandError
from saltern_agent.executor import FAILED
from saltern_agent.jobs import CHILD_GRACE_S, Job, Killed, Outcome
from saltern_agent.loop import Loop, Timer
from saltern_agent.pools import CONTROL_THREADS
from saltern_agent.returns import Return, pack_return, same_for_all

if TYPE_CHECKING:
    from saltern_agent.worker_pools import Workers

log = logging.getLogger(__name__)

TIMEOUT_SIGNAL = 15
STALLED_S = 60.0
"""No worker has become free for this long: whoever waits is told so."""

TIMEOUT_AGAIN_S = 1.0  # after no worker was free to end a job that ran into its time limit


class Runner:
    """Runs jobs in the workers of *pools*, which are the process's, or one device's.

    Jobs for which there is none wait, in a queue that is fair among users (``saltern_agent.job_queue``); ``refused``
    counts those for which there was no place in it, or no worker in the end.

    *execute* runs a job's functions in a worker, *version_of* tells the synced module that a function is from, *emit*
    takes a packed return in the loop's thread. Methods are for the loop's thread unless they say otherwise.
    """

    def __init__(
        self,
        loop: Loop,
        execute: Callable[[Job], Outcome | Coroutine[Any, Any, Outcome]],
        version_of: Callable[[str], dict[str, str | None] | None],
        emit: Callable[[Return], Any],
        *,
        pools: Workers,
        max_return_bytes: int,
    ) -> None:
        self._loop = loop
        self._pools = pools
        self._execute = execute
        self._version_of = version_of
        self._emit = emit
        self._max_return_bytes = max_return_bytes
        self.refused = 0
        self._jobs: dict[str, Job] = {}
        self._over: dict[str, Callable[[], None]] = {}
        self._limits: dict[str, Timer] = {}
        self._control = pools.queue()
        self._waiting = pools.queue()
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
        control = isinstance(job.fun, str) and job.fun in self._pools.control
        queue, beyond = (self._control, CONTROL_THREADS) if control else (self._waiting, 0)
        if job.timeout_s:
            self._limits[job.jid] = self._loop.later(job.timeout_s, partial(self._time_out, job))
        if not queue and self._submit(job, beyond):
            return
        if not control and (why := self._pools.refusal):
            self._refuse(job, why)
            return
        for out in queue.put(job):
            self._refuse(out, self._busy(f"and {self.waiting} more wait (saltutil.running shows them)"))
        self._begin_waiting()

    def start_scheduled(self, job: Job, over: Callable[[], None] | None = None) -> bool:
        """Run a scheduled job; return whether there was a worker for it. *over* is called when it has ended."""
        if job.jid in self._jobs:
            return False
        self._jobs[job.jid] = job
        if not self._pools.scheduled.submit(partial(self._work, job), failed=partial(self._failed, job)):
            del self._jobs[job.jid]
            return False
        if over is not None:
            self._over[job.jid] = over
        return True

    def running(self, asker: Job | None) -> list[dict[str, Any]]:
        """Return the running jobs, those of others without their arguments; from any thread.

        ``waiting`` says of one that it hasn't begun.
        """
        return [{**job.describe(asker), "waiting": not job.begun} for job in list(self._jobs.values())]

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
        if not job.begun and self._loop.ask(partial(self._withdraw, job, said)):
            return f"job {jid} was ended: it was waiting for a worker"
        text = job.kill(signal)
        log.warning("%s", text)
        if job.abandoned:
            self._loop.post(partial(self._abandoned, job, text))
        return text

    def leave_out(self, why: str) -> None:
        """Answer *why* for the jobs that have not begun; those that run go on."""
        for job in list(self._jobs.values()):
            if "schedule" not in job.extra:
                self._withdraw(job, f"{why} before the job began")

    def close(self, why: str = "The agent was stopped") -> None:
        """Answer *why* for the jobs that still run, or wait: their minion, or the agent, ends."""
        for job in list(self._jobs.values()):
            if "schedule" not in job.extra and job.abandon():
                waited = self._control.remove(job) or self._waiting.remove(job)
                text = f"{why} {'before the job began' if waited else 'while the job was running'}"
                self._emit(self._pack(job, same_for_all(job, text, FAILED)))

    # waiting

    def _freed(self) -> None:
        """A worker is free, and it is this one's turn; called there."""
        self._loop.post(self._take_turn)

    def _take_turn(self) -> None:
        """Start one job, if there still is a worker for it; then others have their turn."""
        if self._waiting and (why := self._pools.refusal):
            while (job := self._waiting.get()) is not None:
                self._refuse(job, why)
        self._pools.wait(self._freed, first=True)  # before it is tried: a worker may become free just then
        found = not self.waiting or self._begin_one()
        if found:
            self._pools.leave(self._freed)
            if self.waiting:
                self._pools.wait(self._freed)
        self._pools.turn_over(found=found)

    def _begin_waiting(self) -> None:
        """Start whom there is a worker for."""
        self._pools.wait(self._freed)
        while self._begin_one():
            pass
        if not self.waiting:
            self._pools.leave(self._freed)
        elif self._stall_timer is None:
            self._moved_at = time.monotonic()
            self._stall_timer = self._loop.later(STALLED_S, self._look_for_stall)

    def _begin_one(self) -> bool:
        """Start who is next; those that control jobs have two threads more. Return whether there was one for it."""
        for queue, beyond in ((self._control, CONTROL_THREADS), (self._waiting, 0)):
            job = queue.peek()
            if job is not None and self._submit(job, beyond):
                queue.get()
                self._moved_at = time.monotonic()
                return True
        return False

    def _submit(self, job: Job, beyond: int) -> bool:
        """Run *job* if there is a worker; return whether there is."""
        limit_s = job.timeout_s and max(0.0, job.timeout_s - (time.time() - job.started))
        return self._pools.jobs.submit(
            partial(self._work, job), beyond=beyond, limit_s=limit_s, failed=partial(self._failed, job)
        )

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
                why = f"and none has become free for {STALLED_S:g} s (saltutil.running shows them)"
                self._refuse(job, self._busy(why))

    def _busy(self, why: str) -> str:
        return f"The minion is busy: {self._pools.busy}, {why}"

    def _refuse(self, job: Job, text: str) -> None:
        self.refused += 1
        line = f"job {job.jid}: {job.fun} for {job.user} was refused: {text}"
        self._complaints.say("busy", line, level=logging.WARNING)
        self._answer(job, text)

    def _withdraw(self, job: Job, text: str) -> bool:
        """Answer *text* for *job* if it hasn't begun; return whether that is so."""
        if not job.withdraw():
            return False
        if not self._control.remove(job):
            self._waiting.remove(job)
        self._answer(job, text)
        return True

    def _answer(self, job: Job, text: str) -> None:
        """Return that *job* failed, and be done with it."""
        self._emit(self._pack(job, same_for_all(job, text, FAILED)))
        self._forget(job)

    # running

    def _work(self, job: Job) -> Any:
        """Run *job* in a worker thread, or as much as needs one; return what ``worker_pools.Work`` says."""
        if not job.begin():
            return True
        try:
            outcome = self._execute(job) if not job.killed_by else _killed(job)
        except Killed:  # between two steps
            outcome = _killed(job)
        except BaseException as error:  # a fault of ours: the job is answered
            log.debug("job %s ended by an exception", job.jid, exc_info=True)
            outcome = _ended(job, error)
        if isinstance(outcome, Outcome):
            return self._close(job, outcome)
        job.go_on()
        return self._go_on(job, outcome)

    async def _go_on(self, job: Job, coming: Coroutine[Any, Any, Outcome]) -> bool:
        """Await, in the loop of coroutines, what the functions of *job* come to."""
        from saltern_agent.coroutines import canceller

        job.cancelled_by(canceller())
        try:
            outcome = await coming
        except BaseException as error:
            outcome = _killed(job) if job.killed_by else _ended(job, error)
        return self._close(job, outcome)

    def _close(self, job: Job, outcome: Outcome) -> bool:
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

    def _failed(self, job: Job, why: str) -> None:
        """Answer *why* for a job that its pool never began, or has just ended; from any thread."""
        if job.withdraw() or job.end(TIMEOUT_SIGNAL):
            self._loop.post(partial(self._given_up, job, why))

    def _given_up(self, job: Job, why: str) -> None:
        if self._jobs.get(job.jid) is job:
            line = f"job {job.jid}: {job.fun} was given up: {why}"
            self._complaints.say("given up", line, level=logging.WARNING)
            self._answer(job, why)
        if job.children:
            self._loop.later(CHILD_GRACE_S, partial(job.signal, SIGKILL))

    def _abandoned(self, job: Job, text: str) -> None:
        if job.jid in self._jobs:
            pool = self._pools.scheduled if "schedule" in job.extra else self._pools.jobs
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
        if self._withdraw(job, f"The job waited for a worker until {limit} was over: {self._pools.busy}"):
            log.warning("job %s: %s did not begin within %s", job.jid, job.fun, limit)
        elif self._pools.limited:
            return
        elif self._pools.background(lambda: self._end(job)):
            log.warning("job %s: %s ran into %s", job.jid, job.fun, limit)
        else:
            self._limits[job.jid] = self._loop.later(TIMEOUT_AGAIN_S, partial(self._time_out, job))

    def _end(self, job: Job) -> None:
        if not job.over:
            self.kill(job.jid, TIMEOUT_SIGNAL)

    def _pack(self, job: Job, outcome: Outcome) -> Return:
        version = self._version_of(job.fun) if isinstance(job.fun, str) else None
        return pack_return(job, outcome, version, self._max_return_bytes)


def _ended(job: Job, error: BaseException) -> Outcome:
    return same_for_all(job, f"The job was ended by {type(error).__name__}: {error}", FAILED)


def _killed(job: Job) -> Outcome:
    return same_for_all(job, f"The job was killed by signal {int(job.killed_by)}", FAILED)
