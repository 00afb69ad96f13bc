"""A job for many devices is read once: each has a copy."""

from __future__ import annotations

from saltern_agent.jobs import Job
from saltern_agent.own_values import own


def copied(job: Job) -> Job:
    """Return a job that is asked of another minion; its functions may change what they are given."""
    return Job(
        job.jid,
        job.fun,
        own(job.arg),
        own(job.kwarg),
        user=job.user,
        sees=job.sees,
        isolate=job.isolate,
        timeout_s=job.timeout_s,
        about=job.about,
        ret=job.ret,
        alike=job.alike,
    )
