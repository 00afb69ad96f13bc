"""Waiting after the faults: until everybody is back, nothing is measured any more, and what waited has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaos.finding import HEALING, Finding
from chaos.jobs import Accepted, Jobs, text_of
from chaos.stack import SCHEDULE, Stack
from saltern.errors import SalternError

Say = Callable[[str], None]
START_WITHIN_S = 180.0
LOOK_EVERY_S = 0.5
SAY_EVERY_S = 5.0


class Settling:
    """Each step waits at most *within_s*; a step that takes longer is a finding, and the next one is tried."""

    def __init__(self, stack: Stack, jobs: Jobs, within_s: float, say: Say) -> None:
        self.findings: list[Finding] = []
        self._stack = stack
        self._jobs = jobs
        self._within_s = within_s
        self._say = say

    def begin(self) -> None:
        """Wait until everybody is there and samples."""
        within_s, self._within_s = self._within_s, START_WITHIN_S
        self.wait("everybody is there", self._all_up)
        self.wait("everybody samples", lambda: all(self._stack.truth.samples(m) for m in self._stack.minions))
        self._within_s = within_s

    def settle(self) -> None:
        """Wait until everybody is back; end the sampling; wait until an answer that was made after it is kept."""
        self.wait("everybody is back", self._all_up)
        self._jobs.stop()
        self.wait("sampling has ended", self._disabled)
        # Agents send in order, so what is there behind all samples says that they are there.
        last: list[Accepted] = []

        def told() -> bool:
            if not last or last[0].there != frozenset(self._stack.minions):
                last[:] = [job for job in [self._jobs.one()] if job is not None]
            return bool(last) and all(
                self._jobs.results(last[0]).get(minion) == text_of(last[0].number) for minion in self._stack.minions
            )

        self.wait("what waited has arrived", told)

    def wait(self, what: str, true: Callable[[], bool]) -> None:
        """Wait until *true*, telling how it goes."""
        began = said = time.monotonic()
        while True:
            self._stack.supervise()
            try:
                if true():
                    break
            except (SalternError, OSError):
                pass
            now = time.monotonic()
            if now - began > self._within_s:
                self.findings.append(Finding(HEALING, "stack", f"not within {self._within_s:g} s: {what}"))
                self._say(f"given up after {self._within_s:g} s: {what}")
                return
            if now - said > SAY_EVERY_S:
                said = now
                self._say(f"waiting until {what}, {now - began:.0f} s")
            time.sleep(LOOK_EVERY_S)
        self._say(f"{what}: after {time.monotonic() - began:.1f} s")

    def _all_up(self) -> bool:
        return sorted(self._stack.call("runner.manage.up")) == self._stack.minions

    def _disabled(self) -> bool:
        asked = self._stack.call("job.publish", tgt="*", fun="schedule.disable_job", arg=[SCHEDULE])
        deadline = time.monotonic() + SAY_EVERY_S
        while time.monotonic() < deadline:
            answers = self._stack.call("runner.jobs.lookup_jid", asked["jid"])
            if sorted(answers) == self._stack.minions:
                return True
            time.sleep(LOOK_EVERY_S)
        return False
