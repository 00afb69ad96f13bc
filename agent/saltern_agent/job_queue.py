"""Jobs that wait for a worker: a short queue in which no user can keep the others from having their turn.

First come, first served among the jobs of one user; users take turns. When it is full, whoever has most in it gives
way: his newest job is put out, which is the one that comes when he is alone.
"""

from __future__ import annotations

from collections import deque

from saltern.wire import pack_value
from saltern_agent.jobs import Job

MAX_JOBS = 1000
MAX_BYTES = 8 * 1024 * 1024
"""Of what the waiting jobs are given, as the wire carries it."""


class Quota:
    """What several queues may hold together: up to *max_jobs* jobs of *max_bytes* bytes."""

    __slots__ = ("jobs", "max_bytes", "max_jobs", "size")

    def __init__(self, max_jobs: int, max_bytes: int) -> None:
        self.max_jobs = max_jobs
        self.max_bytes = max_bytes
        self.jobs = self.size = 0

    @property
    def exceeded(self) -> bool:
        """Whether it is more."""
        return self.jobs > self.max_jobs or self.size > self.max_bytes


class JobQueue:
    """Up to *max_jobs* jobs of *max_bytes* bytes together, and with others no more than *quota* says.

    Not safe for several threads.
    """

    def __init__(self, max_jobs: int = MAX_JOBS, max_bytes: int = MAX_BYTES, quota: Quota | None = None) -> None:
        self._quota = quota
        self._max_jobs = max_jobs
        self._max_bytes = max_bytes
        self._users: dict[str, deque[Job]] = {}  # whose turn is next first
        self._bytes: dict[str, int] = {}  # of each user
        self._sizes: dict[Job, int] = {}

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, job: Job) -> bool:
        return job in self._sizes

    @property
    def size(self) -> int:
        """Bytes of the waiting jobs."""
        return sum(self._bytes.values())

    def put(self, job: Job) -> list[Job]:
        """Let *job* wait; return the jobs that had to be put out for it, perhaps itself."""
        size = self._sizes[job] = len(pack_value([job.fun, job.arg, job.kwarg], secrets=True))
        self._users.setdefault(job.user, deque()).append(job)
        self._bytes[job.user] = self._bytes.get(job.user, 0) + size
        if self._quota is not None:
            self._quota.jobs += 1
            self._quota.size += size
        out = []
        while len(self) > self._max_jobs or self.size > self._max_bytes or self._over_quota():
            last = self._users[max(self._users, key=self._share)][-1]
            self.remove(last)
            out.append(last)
        return out

    def peek(self) -> Job | None:
        """Return the job whose turn it is."""
        user = next(iter(self._users), None)
        return None if user is None else self._users[user][0]

    def get(self) -> Job | None:
        """Return the job whose turn it is; it waits no longer."""
        job = self.peek()
        if job is not None:
            self.remove(job)
            if job.user in self._users:
                self._users[job.user] = self._users.pop(job.user)  # to the end
        return job

    def remove(self, job: Job) -> bool:
        """Take *job* out; return whether it waited."""
        if job not in self:
            return False
        jobs = self._users[job.user]
        jobs.remove(job)
        size = self._sizes.pop(job)
        self._bytes[job.user] -= size
        if self._quota is not None:
            self._quota.jobs -= 1
            self._quota.size -= size
        if not jobs:
            del self._users[job.user], self._bytes[job.user]
        return True

    def _over_quota(self) -> bool:
        return self._quota is not None and self._quota.exceeded and bool(self._sizes)

    def _share(self, user: str) -> float:
        """Return which part of the bounds is *user*'s, by number or bytes, whichever is more."""
        return max(len(self._users[user]) / self._max_jobs, self._bytes[user] / self._max_bytes)
