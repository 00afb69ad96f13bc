"""One run: the faults of a plan over a stack at work, then the comparison."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from chaos import account
from chaos.finding import PROGRAMS, Finding
from chaos.history import History, Spell
from chaos.jobs import Jobs
from chaos.plan import Planned
from chaos.points import Points, Stored
from chaos.settling import Settling
from chaos.stack import SCHEDULE, Stack
from saltern.errors import SalternError

Say = Callable[[str], None]
TICK_S = 0.1
SAY_EVERY_S = 5.0
QUIET_S = 3.0
"""Before the first fault."""
COMPARED_WITHIN_S = 40.0
CLOCKS_WITHIN_S = 70.0
"""After a clock was wrong: a minute is promised."""
COMPARED_EVERY_S = 2.0
MARGIN_S = 2 * 3600
"""Before and after the run, for what a stepped clock stored."""


class _On(NamedTuple):
    """A fault that is on: when it ends (s after the plan's start), the rest of what it does."""

    ends: float
    rest: Iterator[None]
    spell: Spell


@dataclass
class Result:
    """What came of a run."""

    findings: list[Finding] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)
    accounts: dict[str, dict[str, float]] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    jobs: int = 0
    jobs_refused: int = 0


class Run:
    """Runs the faults *planned* over *stack*; *say* is told a line now and then."""

    def __init__(self, stack: Stack, planned: list[Planned], heal_within_s: float, say: Say) -> None:
        self._stack = stack
        self._planned = planned
        self._say = say
        self._history = History()
        self._jobs = Jobs(stack)
        self._settling = Settling(stack, self._jobs, heal_within_s, say)
        self._on: list[_On] = []
        self._began_at = time.time()

    def run(self, seconds: float) -> Result:
        """Start the stack, let faults happen for so many *seconds*, heal, compare. The stack is left running."""
        self._stack.start()
        self._settling.begin()
        self._jobs.start()
        self._at_work(seconds)
        self._say("healed; waiting for what waits")
        self._settling.settle()
        return self._compared()

    def _at_work(self, seconds: float) -> None:
        began, said = time.monotonic() + QUIET_S, time.monotonic()
        todo = list(self._planned)
        while (at := time.monotonic() - began) < seconds:
            self._stack.supervise()
            for on in [on for on in self._on if on.ends <= at]:
                self._end(on)
            while todo and todo[0].at <= at:
                self._begin(todo.pop(0))
            if time.monotonic() - said >= SAY_EVERY_S:
                said = time.monotonic()
                self._say(self._progress(at))
            time.sleep(TICK_S)
        for on in list(self._on):
            self._end(on)

    def _begin(self, fault: Planned) -> None:
        things = fault.kind.on.split()
        # What began late, on a slow machine, may still be on.
        for on in [on for on in self._on if on.spell.target == fault.target and on.spell.on & set(things)]:
            self._end(on)
        self._say(f"{fault.kind.name} {fault.target}, {fault.seconds:.1f} s")
        rest = fault.kind.happens(self._stack, fault.target, random.Random(fault.seed))
        spell = self._history.begin(fault.kind.name, fault.target, frozenset(things))
        next(rest)
        self._on.append(_On(fault.at + fault.seconds, rest, spell))

    def _end(self, on: _On) -> None:
        self._on.remove(on)
        next(on.rest, None)
        on.spell.ended = time.time()

    def _progress(self, at: float) -> str:
        counts = ", ".join(f"{m} {len(self._stack.truth.samples(m))}" for m in self._stack.minions)
        on = ", ".join(str(one.spell) for one in self._on) or "nothing"
        faults, jobs = len(self._history.spells), len(self._jobs.accepted)
        return f"{at:.0f} s: {faults} faults, {jobs} jobs, samples {counts}; on: {on}"

    def _compared(self) -> Result:
        """Compare until all holds, but no longer than it may take until everything is in files."""
        within_s = CLOCKS_WITHIN_S if self._history.counts()["clock"] else COMPARED_WITHIN_S
        deadline = time.monotonic() + within_s
        while True:
            self._stack.supervise()
            result = self._compare()
            if not result.findings or time.monotonic() > deadline:
                break
            time.sleep(COMPARED_EVERY_S)
        result.findings += [*self._settling.findings, *self._programs()]
        return result

    def _compare(self) -> Result:
        result = Result(faults=dict(self._history.counts()))
        result.jobs, result.jobs_refused = len(self._jobs.accepted), self._jobs.refused
        points = Points(self._stack, self._history, self._began_at - MARGIN_S, time.time() + MARGIN_S)
        told_at = time.time()
        try:
            told = self._stack.call("runner.metrics.account")
            told_at = time.time()
            result.findings += self._jobs.compared(self._history)
        except SalternError as error:
            told = {}
            result.findings.append(Finding(PROGRAMS, "master", f"it doesn't answer: {error}"))
        for minion in self._stack.minions:
            stored = result.stored[minion] = points.look(minion)
            result.accounts[minion] = told.get(minion, {}).get(SCHEDULE, {})
            result.findings += stored.findings
            result.findings += account.compared(stored, result.accounts[minion], told_at, self._history)
        return result

    def _programs(self) -> Iterator[Finding]:
        for name, program in self._stack.programs.items():
            for end in program.ends:
                yield Finding(PROGRAMS, name, f"it ended by itself with {end.code}", self._history.around(end.at, name))
            traces = Path(program.log).read_text(errors="replace").count("Traceback (most recent call last)")
            if traces:
                yield Finding(PROGRAMS, name, f"{traces} tracebacks in {program.log}")
