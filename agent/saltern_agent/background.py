"""What the agent itself does in a worker: it is done as soon as there is one, and failing is no end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from saltern.complaints import Complaints
from saltern.errors import SalternError
from saltern_agent.loop import Loop

log = logging.getLogger(__name__)

WORKER_AGAIN_S = 2.0  # after no worker was free


class Background:
    """*start* starts a call in a worker and returns whether there was one."""

    def __init__(self, loop: Loop, start: Callable[[Callable[[], None]], bool]) -> None:
        self._loop = loop
        self._start = start
        self._complaints = Complaints(log)

    def do(
        self,
        failure: str,
        work: Callable[[], object],
        then: Callable[[], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Do *work*; *then* is called in the loop's thread whatever came of it, *failed* after a failure.

        *failure* says what did not happen then; the log has it, once.
        """

        def run() -> None:
            after = [then]
            try:
                work()
                self._complaints.over(failure, f"{failure}: it is over")
            except Exception as error:  # a disk, a master that is away, a fault of ours: the agent goes on
                reason = str(error) if isinstance(error, SalternError) else f"{type(error).__name__}: {error}"
                self._complaints.say(failure, f"{failure}: {reason}")
                after.append(failed)
            for call in after:
                if call is not None:
                    self._loop.post(call)

        if not self._start(run):
            self._complaints.say("workers", f"{failure} yet: all workers are busy", level=logging.WARNING)
            self._loop.later(WORKER_AGAIN_S, partial(self.do, failure, work, then, failed))
