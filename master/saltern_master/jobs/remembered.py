"""The jobs that are remembered, for as long as there is room.

Each takes room for the minions that it went to. Over the bound the oldest job goes of the principal whose jobs take
the most, so that one who starts a lot of jobs pushes out nobody else's.
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
        self._by_owner: dict[str, dict[str, TrackedJob]] = {}
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
        self._by_owner.setdefault(job.owner, {})[job.jid] = job
        self._pairs_of[job.owner] += _pairs(job)
        while self._pairs_of.total() > self._max_pairs:
            most = max(self._pairs_of, key=self._pairs_of.__getitem__)
            oldest = next(iter(self._by_owner[most].values()))
            if oldest is job:
                break
            gone.append(self._forget(oldest))
        return gone

    def _forget(self, job: TrackedJob) -> TrackedJob:
        del self._jobs[job.jid]
        del self._by_owner[job.owner][job.jid]
        self._pairs_of[job.owner] -= _pairs(job)
        if not self._by_owner[job.owner]:
            del self._by_owner[job.owner], self._pairs_of[job.owner]
        return job


def _pairs(job: TrackedJob) -> int:
    return len(job.minions) + 1
