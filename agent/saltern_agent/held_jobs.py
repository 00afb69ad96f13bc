"""Jobs that come before the minion's first pillar: they begin when it is there.

A master that has just started compiles the pillars of its whole fleet; who is welcomed meanwhile has none yet, and a
job that begins then would find nothing where its values ought to be.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from saltern_agent.jobs import Job
from saltern_agent.loop import Loop, Timer

log = logging.getLogger(__name__)

WITHIN_S = 20.0
"""For a pillar to come; then jobs begin without it."""
MAX_HELD = 1000


class HeldJobs:
    """Starts jobs, at once or when the pillar has come. In the loop's thread alone.

    *says*: whether the log has a line when none came in time.
    """

    __slots__ = ("_begin", "_has_pillar", "_jobs", "_loop", "_says", "_timer")

    def __init__(self, loop: Loop, begin: Callable[[Job], None], *, says: bool = True) -> None:
        self._loop = loop
        self._begin = begin
        self._says = says
        self._has_pillar = False
        self._timer: Timer | None = None
        self._jobs: list[Job] = []

    def start(self, job: Job) -> None:
        """Begin a job, or hold it while the pillar is awaited."""
        if self._timer is None or len(self._jobs) >= MAX_HELD:
            self._begin(job)
        else:
            self._jobs.append(job)

    def among(self, jids: list[str]) -> list[str]:
        """Return those of *jids* that are held here."""
        held = {job.jid for job in self._jobs}
        return [jid for jid in jids if jid in held]

    def await_pillar(self) -> None:
        """Hold jobs from now on, unless there is a pillar from before: that will do."""
        if self._timer is None and not self._has_pillar:
            self._timer = self._loop.later(WITHIN_S, self._late)

    def pillar_came(self) -> None:
        """Begin what was held."""
        self._has_pillar = True
        if self._timer is not None:
            self._timer.cancel()
            self._end()

    def taken_out(self) -> list[Job]:
        """Return what is held, which is held no more: its minion ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        jobs, self._jobs = self._jobs, []
        return jobs

    def _late(self) -> None:
        if self._says:
            log.warning("the master has sent no pillar for %g s: jobs begin without it", WITHIN_S)
        self._end()

    def _end(self) -> None:
        self._timer = None
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            self._begin(job)
