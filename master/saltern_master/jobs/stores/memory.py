"""A job store in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from saltern_master.jobs.query import Found, Page, Wanted
from saltern_master.jobs.store import JobLoad, JobReturn


class MemoryJobStore:
    """See ``JobStore``."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobLoad] = {}
        self.dropped = self.set_aside = 0
        self.begun_anew = False
        self._returns: dict[tuple[str, str], JobReturn] = {}

    def open(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs."""
        self._jobs.update((job.jid, job) for job in jobs)

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns."""
        self._returns.update(((item.jid, item.minion_id), item) for item in returns)

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``."""
        return self._jobs.get(jid)

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion."""
        return [item for _, item in sorted(self._returns.items()) if item.jid == jid]

    def some_returns(self, jid: str, minions: Sequence[str], max_bytes: int) -> list[JobReturn]:
        """Return what some *minions* returned to a job."""
        return [item for item in self.returns(jid) if item.minion_id in minions]

    def jobs(self, limit: int) -> list[JobLoad]:
        """Return the latest jobs, newest first."""
        return sorted(self._jobs.values(), key=lambda job: job.jid, reverse=True)[:limit]

    def jobs_between(self, first: str, before: str, limit: int, max_bytes: int) -> list[JobLoad]:
        """Return the latest jobs of a range of jids, newest first."""
        found = [job for job in self.jobs(len(self._jobs)) if first <= job.jid < before]
        return [job._replace(size=len(repr(job.load))) for job in found[:limit]]

    def newest(self, before: float) -> float | None:
        """Return when the last of the jobs and returns from before an instant came."""
        times = [*(job.created for job in self._jobs.values()), *(item.received for item in self._returns.values())]
        return max((at for at in times if at < before), default=None)

    def query(self, wanted: Wanted) -> Page:
        """Return the returns that are wanted; what they take isn't looked at."""
        found = []
        for key, item in sorted(self._returns.items(), reverse=True):
            if (
                wanted.minion in (None, item.minion_id)
                and wanted.fun in (None, item.fun)
                and wanted.jid in (None, item.jid)
                and wanted.success in (None, item.success)
                and (wanted.since is None or item.received >= wanted.since)
                and (wanted.until is None or item.received < wanted.until)
                and (wanted.after is None or key < wanted.after)
            ):
                result = item.data.get("return")
                found.append(Found(*key, item.fun, item.success, item.received, result))
        end = wanted.offset + wanted.limit
        return Page(found[wanted.offset : end], len(found) > end)

    def purge(self, before: float) -> int:
        """Delete what is older than *before*."""
        old = [jid for jid, job in self._jobs.items() if job.created < before]
        for jid in old:
            del self._jobs[jid]
        gone = [key for key, item in self._returns.items() if key[0] in old or item.received < before]
        for key in gone:
            del self._returns[key]
        return len(old) + len(gone)
