"""Commands all the while, and what must have come of each: whoever did it is in the job store with the right answer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from chaos.finding import JOBS, Finding
from chaos.history import History
from chaos.points import MAKING_S, NO_DISK
from chaos.stack import MASTER, Stack
from saltern.errors import SalternError

EVERY_S = 2.0
SIZES = 10, 300, 20_000
"""Characters of an answer, in turns."""
QUIET_S = 15.0
"""With no fault for so long before and after, everybody does a job."""
DAMAGING = "flip", "deleted", "away"


class Accepted(NamedTuple):
    """A job that the master took, *at* (epoch s); *there*: the minions that it was sent to."""

    jid: str
    number: int
    at: float
    there: frozenset[str]


class Jobs:
    """Starts a job for all minions every so often, until ``stop``."""

    def __init__(self, stack: Stack) -> None:
        self.accepted: list[Accepted] = []
        self.refused = 0
        """Attempts that the master didn't answer, or answered with an error."""
        self._stack = stack
        self._number = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more."""
        self._stopped.set()
        self._thread.join()

    def one(self) -> Accepted | None:
        """Start one job; return ``None`` when the master didn't take it."""
        self._number += 1
        number, at = self._number, time.time()
        try:
            arguments = [str(self._stack.truth.folder), number, _size(number)]
            answer = self._stack.call("job.publish", tgt="*", fun="ground.echo", arg=arguments)
        except SalternError:
            self.refused += 1
            return None
        there = frozenset(answer["minions"]) - frozenset(answer["missing"])
        job = Accepted(answer["jid"], number, at, there)
        self.accepted.append(job)
        return job

    def results(self, job: Accepted) -> dict[str, str]:
        """Return what the job store has of a job, by minion. Raises ``SalternError``."""
        found: dict[str, str] = self._stack.call("runner.jobs.lookup_jid", job.jid)
        return found

    def compared(self, history: History) -> Iterator[Finding]:
        """Yield what is wrong with the job store. Raises ``SalternError``."""
        done = {minion: self._stack.truth.jobs(minion) for minion in self._stack.minions}
        for minion, runs in done.items():
            for jid, times in Counter(run.jid for run in runs).items():
                if times > 1:
                    yield Finding(JOBS, minion, f"job {jid} ran {times} times")
        ran_at = {(minion, run.jid): run.really for minion, runs in done.items() for run in runs}
        for job in self.accepted:
            found = self.results(job)
            for minion in self._stack.minions:
                at = ran_at.get((minion, job.jid))
                faults = history.around(at or job.at, minion)
                if at is None:
                    if minion in found:
                        yield Finding(JOBS, minion, f"job {job.number}, {job.jid}: an answer without a run", faults)
                    elif minion in job.there and history.quiet(job.at - QUIET_S, job.at + QUIET_S):
                        yield Finding(JOBS, minion, f"job {job.number}, {job.jid}: not done, without any fault", faults)
                elif minion not in found:
                    if not self._explained(minion, at, history):
                        yield Finding(JOBS, minion, f"job {job.number}, {job.jid}: done, and no answer is kept", faults)
                elif found[minion] != text_of(job.number):
                    yield Finding(JOBS, minion, f"job {job.number}, {job.jid}: {found[minion]!r:.60}", faults)

    def _explained(self, minion: str, at: float, history: History) -> bool:
        """Tell whether a kill, or damage to what waited, may have taken an answer that was made then."""
        program = self._stack.programs[minion]
        kills = program.ended_at + [end.at for end in program.ends]
        if any(at - 0.1 <= kill <= at + MAKING_S for kill in kills):
            return True
        if any(spell.ended >= at - 1 for spell in history.of(DAMAGING, [minion, MASTER])):
            return True
        return any(
            spell.began - MAKING_S <= kill <= spell.ended + 6 and at <= kill
            for spell in history.of(NO_DISK, [minion])
            for kill in kills
        )

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            with contextlib.suppress(SalternError):
                self.one()


def text_of(number: int) -> str:
    """Return what a minion answers to the job *number*."""
    return f"{number}:".ljust(_size(number), "x")


def _size(number: int) -> int:
    return SIZES[number % len(SIZES)]
