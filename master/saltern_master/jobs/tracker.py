"""Which job waits for whom.

The master knows to whom each job went, and with which key. It takes their returns, tells whoever follows the job,
and asks agents itself whether they still work on it, so that nobody has to guess from silence::

    sent ──return──▶ returned
      │ ▲
      │ └─"working"── asked ──"not working", no answer, or gone──▶ lost  (a return that comes all the same counts)
      └─away when it was sent──▶ lost

A job may be held for some, whose turn comes when whoever follows it says so; when he goes, it never does.

A job is done when it waits for nobody. What it went to is remembered for as long as there is room, so that a return
from a minion that never had the job is known for what it is; a job that is forgotten before it was done ends then.

Questions are numbered, and an agent's answer bears its question's number: it says nothing of a job that was asked
about later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from saltern.wire import pack
from saltern_master.bus import Event, EventBus
from saltern_master.jobs.follower import Follower
from saltern_master.jobs.remembered import MAX_PAIRS, RememberedJobs
from saltern_master.jobs.store import JobLoad
from saltern_master.jobs.survey import FIRST_NUMBER, Survey
from saltern_master.jobs.tracked_job import NOT_CONNECTED, TrackedJob

LOOK_EVERY_S = 0.25
ANSWER_WITHIN_S = 5.0
PROGRESS_AFTER_S, PROGRESS_EVERY_S = 2.0, 1.0
MINIONS_A_TURN = 100  # asked, or given up, before others have the loop

NO_RESPONSE = "Minion did not return. [No response]"
NOT_STARTED = "Minion did not return. [Its turn never came]"
TAKEN_AWAY = "Minion did not return. [No host may speak for it any more]"
FORGOTTEN = "Minion did not return. [The master tracks too many jobs]"


class AtWork(NamedTuple):
    """A job that minions work on: *running* are their ids with the process that does it.

    *returned* are those that have answered; ``None`` where that isn't known, of a job from before the start.
    """

    fun: str | list[str]
    user: str
    owner: str
    running: dict[str, int | None]
    returned: list[str] | None


class Taken(Enum):
    """What a return is to the master."""

    NEW = "new"
    AGAIN = "again"
    """It came before: an acknowledgement was lost."""
    UNSOLICITED = "unsolicited"


class Tracker:
    """All jobs that are remembered.

    *send* sends a minion a frame, and returns whether it could be sent. *default_quiet_s*: how long a job may be
    silent before its minions are asked whether they work on it. ``blind``: jobs from before the start aren't known,
    so that no return can be called unsolicited.
    """

    def __init__(
        self,
        bus: EventBus,
        send: Callable[[str, bytes], bool],
        default_quiet_s: float,
        clock: Callable[[], float] = time.monotonic,
        max_pairs: int = MAX_PAIRS,
        send_many: Callable[[Sequence[str], bytes], Collection[str]] | None = None,
    ) -> None:
        """*send_many* does so for several, and returns those that it could not be sent to; else each is sent it."""
        self._bus = bus
        self._send_many = send_many or (lambda minions, frame: [one for one in minions if not send(one, frame)])
        self.blind = False
        self._default_quiet_s = default_quiet_s
        self._clock = clock
        self._jobs = RememberedJobs(max_pairs)
        self._active: dict[str, TrackedJob] = {}
        self._questions: dict[str, set[str]] = {}
        """Minions to the jobs that they were asked about."""
        self._asked = 0
        self._survey = Survey(self._send_many)
        self.forgotten = 0
        """Jobs that had to be forgotten before they were done."""
        self.unsolicited = 0
        self.lost = 0

    def begin(self, job: TrackedJob, follower: Follower | None = None) -> None:
        """Expect returns to a *job* that was just sent, and tell *follower* what becomes of it, up to its end."""
        job.quiet_s = job.quiet_s or self._default_quiet_s
        job.started = job.told = self._clock()
        job.check_at = job.started + job.quiet_s
        self._remember(job)
        self._active[job.jid] = job
        if follower is not None:
            job.followers.append(follower)
            for minion_id, why in job.lost.items():
                follower.put(_lost(job, minion_id, why))
        self._finish_if_done(job)

    def remember(self, jobs: Iterable[JobLoad]) -> None:
        """Take up *jobs* from before a restart: their returns were asked for, but nobody waits for them any more."""
        for load in jobs:
            minions = sorted(map(str, load.load.get("minions") or ()))
            job = TrackedJob(load.jid, load.load.get("fun", ""), None, dict.fromkeys(minions, ""))
            job.user, job.owner = (str(load.load.get(name, "")) for name in ("user", "owner"))
            job.holder = load.holder or ""
            job.waiting.clear()
            job.unsure = True
            job.chosen = bool(load.load.get("chosen"))
            self._remember(job)
            self._jobs.done(job)

    def unreachable(self, jid: str, minion_id: str) -> None:
        """Say that the job could not be sent to a minion after all."""
        job = self._active.get(jid)
        if job is not None:
            self._lose(job, minion_id, NOT_CONNECTED)
            self._finish_if_done(job)

    def taken_away(self, minions: Collection[str]) -> None:
        """Wait no more for *minions*, for which nobody speaks any more."""
        for job in list(self._active.values()):
            for minion_id in sorted((job.waiting | job.held).intersection(minions)):
                job.held.discard(minion_id)
                job.waiting.add(minion_id)
                self._lose(job, minion_id, TAKEN_AWAY)
            self._finish_if_done(job)

    def follow(
        self, jid: str, follower: Follower, quiet_s: float | None = None, answer_s: float | None = None
    ) -> TrackedJob | None:
        """Tell *follower* of what becomes of a job from now on; return the job, ``None`` for one that isn't remembered.

        *quiet_s*, *answer_s*: how long the follower lets it be silent, and minions have to answer when they are asked.
        """
        job = self._jobs.get(jid)
        if job is not None and jid in self._active:
            job.followers.append(follower)
            job.answer_s = answer_s or job.answer_s
            if quiet_s is not None and quiet_s < job.quiet_s:
                job.quiet_s = quiet_s
                job.check_at = min(job.check_at, self._clock() + quiet_s)
        return job

    def unfollow(self, jid: str, follower: Follower) -> None:
        """Forget a follower."""
        job = self._active.get(jid)
        if job is not None and follower in job.followers:
            job.followers.remove(follower)
            if not job.followers:
                self._let_go(job, NOT_STARTED)
                self._finish_if_done(job)

    def held(self, jid: str, holder: str) -> TrackedJob | None:
        """Return a job of *holder*'s that is held for somebody, ``None`` when *jid* is none."""
        job = self._active.get(jid)
        return job if job is not None and job.held and job.holder == holder else None

    def release(self, job: TrackedJob, there: Mapping[str, str], missing: Iterable[str]) -> None:
        """Expect returns from some that a job was held for: *there*, with their keys; not from the *missing* ones."""
        for minion_id, key in there.items():
            job.held.discard(minion_id)
            job.sent(minion_id, key)
        for minion_id in missing:
            job.held.discard(minion_id)
            job.waiting.add(minion_id)
            self._lose(job, minion_id, NOT_CONNECTED)
        job.check_at = self._clock() + job.quiet_s
        self._finish_if_done(job)

    def owner(self, jid: str) -> str | None:
        """Return who started a job (``Caller.holder``), ``None`` for a job that isn't remembered."""
        job = self._jobs.get(jid)
        return job.holder if job else None

    def user(self, jid: str) -> str | None:
        """Return the name of who started a job, ``None`` for a job that isn't remembered."""
        job = self._jobs.get(jid)
        return job.user if job else None

    def went_to(self, jid: str, minion_id: str, key: str) -> bool:
        """Return whether a job is remembered that went to a minion with this *key*."""
        job = self._jobs.get(jid)
        return job is not None and job.key_of(minion_id) == key

    def knows(self, jid: str) -> bool:
        """Return whether *jid* is a job that is remembered."""
        return self._jobs.get(jid) is not None

    def gave(self, jid: str) -> bool:
        """Return whether *jid* is a job that is remembered and got its jid here: no scheduled run has it."""
        job = self._jobs.get(jid)
        return job is not None and not job.chosen

    def take(self, jid: str, minion_id: str, key: str) -> Taken:
        """Say what a return from a minion (by its *key*) is; nothing is noted yet."""
        job = self._jobs.get(jid)
        if job is None and self.blind:
            return Taken.NEW
        if job is None or job.key_of(minion_id) not in (key, ""):
            self.unsolicited += 1
            return Taken.UNSOLICITED
        awaited = job.unsure or minion_id in job.waiting or minion_id in job.lost
        return Taken.NEW if awaited else Taken.AGAIN

    def returned(self, jid: str, minion_id: str, event: Event, *, success: bool) -> None:
        """Note a return that was asked for, and hand its event to the followers."""
        job = self._jobs.get(jid)
        if job is None:
            return
        job.waiting.discard(minion_id)
        job.lost.pop(minion_id, None)
        self._answered(job, minion_id)
        job.failed += not success
        job.check_at = self._clock() + job.quiet_s
        for follower in job.followers:
            follower.put(event)
        self._finish_if_done(job)

    def working(
        self,
        minion_id: str,
        question: int,
        jids: list[str],
        *,
        more_to_come: bool,
        pids: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Take an agent's answer to a *question*: the jobs that it works on, by which of its processes (where it says
        so), and whether it has returns that it could not send yet.
        """
        if question >= FIRST_NUMBER:
            self._survey.answered(question, minion_id, jids, pids)
            return
        now = self._clock()
        at_work = frozenset(jids)
        for jid in list(self._questions.get(minion_id, ())):
            job = self._active[jid]
            if job.question > question:
                continue
            if jid in at_work:
                self._answered(job, minion_id)
                job.check_at = now + job.quiet_s
            elif more_to_come:
                job.asked_at = now
            else:
                self._lose(job, minion_id, NO_RESPONSE)
                self._finish_if_done(job)

    def running(self) -> dict[str, dict[str, Any]]:
        """Return the jobs that wait for minions, by jid: ``fun``, ``user``, ``running`` (ids), ``done`` …."""
        return {
            job.jid: {**job.numbers(), "fun": job.fun, "user": job.user, "running": sorted(job.waiting)}
            for job in self._active.values()
        }

    async def at_work(self, minions: Iterable[str]) -> dict[str, AtWork]:
        """Return the jobs that *minions* say now that they work on, by jid."""
        shown: dict[str, AtWork] = {}
        for jid, found in sorted((await self._survey.ask(minions)).items()):
            job = self._jobs.get(jid)
            at_work = {minion_id: pid for minion_id, pid in found.items() if job and job.key_of(minion_id) is not None}
            if job is not None and at_work:
                shown[jid] = AtWork(job.fun, job.user, job.holder, at_work, None if job.unsure else job.returned())
        return shown

    def metrics(self) -> dict[str, float]:
        """Return the tracker's counters and gauges."""
        return {
            "active": len(self._active),
            "remembered": len(self._jobs),
            "forgotten": self.forgotten,
            "unsolicited": self.unsolicited,
            "lost": self.lost,
        }

    async def run(self) -> None:
        """Ask after silent jobs until cancelled, a whole fleet in turns of the loop."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for _ in self._looking():
                await asyncio.sleep(0)

    def look(self) -> None:
        """Ask the minions of jobs that have been silent, and give up those that don't answer either."""
        for _ in self._looking():
            pass

    def _looking(self) -> Iterator[None]:
        """Look, with a pause after each of so many minions; what happens in one counts."""
        now = self._clock()
        questions: dict[str, list[str]] = {}
        for job in list(self._active.values()):
            if now - job.started > PROGRESS_AFTER_S and now - job.told >= PROGRESS_EVERY_S:
                job.told = now
                self._bus.publish(f"salt/job/{job.jid}/progress", {"jid": job.jid, **job.numbers()})
            if job.asked and now - job.asked_at >= (job.answer_s or ANSWER_WITHIN_S):
                for number, minion_id in enumerate(sorted(job.asked), 1):
                    if minion_id in job.asked:
                        self._lose(job, minion_id, NO_RESPONSE)
                    if number % MINIONS_A_TURN == 0:
                        yield
            if job.waiting and now >= job.check_at and not job.asked:
                job.asked = set(job.waiting)
                job.question = self._asked + 1
                job.asked_at = now
                job.check_at = now + job.quiet_s
                for minion_id in job.asked:
                    questions.setdefault(minion_id, []).append(job.jid)
                    self._questions.setdefault(minion_id, set()).add(job.jid)
            self._finish_if_done(job)
        self._asked += bool(questions)
        asked = iter(questions.items())
        while some := list(islice(asked, MINIONS_A_TURN)):
            self._ask(some)
            if len(some) == MINIONS_A_TURN:
                yield

    def _ask(self, questions: Iterable[tuple[str, list[str]]]) -> None:
        """Ask minions whether they work on some jobs, all of which wait for them still."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for minion_id, asked in questions:
            jids = tuple(jid for jid in asked if jid in self._questions.get(minion_id, ()))
            if jids:
                alike.setdefault(jids, []).append(minion_id)
        for jids, minions in alike.items():
            for minion_id in self._send_many(minions, pack("working", self._asked, {"jids": list(jids)})):
                for jid in jids:
                    job = self._active.get(jid)
                    if job is not None:
                        self._lose(job, minion_id, NOT_CONNECTED)
                        self._finish_if_done(job)

    def _answered(self, job: TrackedJob, minion_id: str) -> None:
        """Note that a minion needn't be waited for with a question about a job any more."""
        if minion_id in job.asked:
            job.asked.discard(minion_id)
            questions = self._questions[minion_id]
            questions.discard(job.jid)
            if not questions:
                del self._questions[minion_id]

    def _lose(self, job: TrackedJob, minion_id: str, why: str) -> None:
        self._answered(job, minion_id)
        if minion_id in job.waiting:
            job.waiting.discard(minion_id)
            job.lost[minion_id] = why
            self.lost += 1
            for follower in job.followers:
                follower.put(_lost(job, minion_id, why))

    def _let_go(self, job: TrackedJob, why: str) -> None:
        """Say of all that a job is held for that they don't return."""
        for minion_id in sorted(job.held):
            job.waiting.add(minion_id)
            self._lose(job, minion_id, why)
        job.held.clear()

    def _finish_if_done(self, job: TrackedJob) -> None:
        if job.waiting or job.held or self._active.pop(job.jid, None) is None:
            return
        self._jobs.done(job)
        numbers = job.numbers()
        data = {"jid": job.jid, "fun": job.fun, "user": job.user, **numbers, "missing": sorted(job.lost)[:1000]}
        self._bus.publish(f"salt/job/{job.jid}/done", data)
        for follower in job.followers:
            follower.end()
        job.followers.clear()

    def _remember(self, job: TrackedJob) -> None:
        for gone in self._jobs.put(job):
            if gone.jid in self._active:
                self.forgotten += 1
                self._let_go(gone, FORGOTTEN)
                for minion_id in sorted(gone.waiting):
                    self._lose(gone, minion_id, FORGOTTEN)
                self._finish_if_done(gone)


def _lost(job: TrackedJob, minion_id: str, why: str) -> Event:
    """Return what followers are told of a minion that doesn't return."""
    return Event(f"salt/job/{job.jid}/lost/{minion_id}", {"id": minion_id, "failed": why})
