"""The threads in which one process runs the jobs of its minions: asked-for ones, scheduled ones, and its own steps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from saltern_agent.job_queue import JobQueue
from saltern_agent.workers import Pool

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
"""Functions that these threads are for."""


class Pools:
    """Up to *threads* for jobs, and as many for scheduled ones, so that neither starves.

    Who finds no thread for its jobs ``waits`` for one, and is called in its turn, in the thread that has become free.
    It says when its turn is over; there is one at a time. *over* is called in a thread after each job.
    """

    control = CONTROL
    refusal = ""
    limited = False

    def __init__(self, threads: int, over: Callable[[], None] = lambda: None) -> None:
        self.threads = threads
        self.busy = f"all {threads} workers run jobs"
        self.jobs = Pool("job", threads, over=over, freed=self._freed)
        self.scheduled = Pool("schedule", threads, over=over)
        self._lock = threading.Lock()
        self._waiting: OrderedDict[Callable[[], None], None] = OrderedDict()
        self._turn = self._again = False

    def queue(self) -> JobQueue:
        """Return what holds jobs of one minion that wait for a thread."""
        return JobQueue()

    def wait(self, freed: Callable[[], None], *, first: bool = False) -> None:
        """Call *freed*, once, when a thread is free and others before it had theirs; *first*: before all others."""
        with self._lock:
            self._waiting.setdefault(freed)
            if first:
                self._waiting.move_to_end(freed, last=False)

    def leave(self, freed: Callable[[], None]) -> None:
        """Don't call *freed*."""
        with self._lock:
            self._waiting.pop(freed, None)

    def turn_over(self, *, found: bool) -> None:
        """End a turn; *found*: there was a thread, or no need for one, so that there may be one for the next."""
        with self._lock:
            self._turn = False
            again, self._again = found or self._again, False
        if again:
            self._freed()

    def _freed(self) -> None:
        """Call who is next: a thread is free."""
        if not self._waiting:
            return
        with self._lock:
            self._again = self._turn
            if self._turn or not self._waiting:
                return
            self._turn = True
            freed, _ = self._waiting.popitem(last=False)
        freed()

    def background(self, call: Callable[[], None]) -> bool:
        """Run *call* in a thread, one beyond the limit if need be; return whether there was one."""

        def run() -> bool:
            call()
            return True

        return self.jobs.submit(run, beyond=CONTROL_THREADS)
