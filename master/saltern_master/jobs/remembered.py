"""The jobs that are remembered, for as long as there is room.

Each takes room for the minions that it went to. Over the bound the oldest job goes of the principal whose jobs take
the most, those that are done first, so that one who starts a lot of jobs pushes out nobody else's.
"""

from __future__ import annotations

from collections import Counter

from saltern_master.jobs.tracked_job import TrackedJob

MAX_PAIRS = 2_000_000
"""Pairs of job and minion, some 20 bytes each."""


class RememberedJobs:
    """Jobs by jid."""

    def __init__(self, max_pairs: int) -> None:
        self._max_pairs = max_pairs
        self._jobs: dict[str, TrackedJob] = {}
        self._running: dict[str, dict[str, TrackedJob]] = {}
        self._done: dict[str, dict[str, TrackedJob]] = {}
        """Principals to their jobs, oldest first."""
        self._pairs_of: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._jobs)

    def get(self, jid: str) -> TrackedJob | None:
        """Return a job, or ``None``."""
        return self._jobs.get(jid)

    def put(self, job: TrackedJob) -> list[TrackedJob]:
        """Remember *job*, in the place of one with its jid; return the jobs that are forgotten for it."""
        earlier = self._jobs.get(job.jid)
        gone = [] if earlier is None else [self._forget(earlier)]
        self._jobs[job.jid] = job
        self._running.setdefault(job.owner, {})[job.jid] = job
        self._pairs_of[job.owner] += _pairs(job)
        while self._pairs_of.total() > self._max_pairs:
            most = max(self._pairs_of, key=self._pairs_of.__getitem__)
            oldest = next(iter((self._done.get(most) or self._running[most]).values()))
            if oldest is job:
                break
            gone.append(self._forget(oldest))
        return gone

    def done(self, job: TrackedJob) -> None:
        """Note that a job is done: it is the first to be forgotten now."""
        if _take(self._running, job):
            self._done.setdefault(job.owner, {})[job.jid] = job

    def _forget(self, job: TrackedJob) -> TrackedJob:
        del self._jobs[job.jid]
        _ = _take(self._running, job) or _take(self._done, job)
        self._pairs_of[job.owner] -= _pairs(job)
        if not self._pairs_of[job.owner]:
            del self._pairs_of[job.owner]
        return job


def _take(jobs: dict[str, dict[str, TrackedJob]], job: TrackedJob) -> bool:
    """Take *job* out of *jobs* by owner; return whether it was there."""
    own = jobs.get(job.owner, {})
    there = own.pop(job.jid, None) is not None
    if there and not own:
        del jobs[job.owner]
    return there


def _pairs(job: TrackedJob) -> int:
    return len(job.minions) + 1
