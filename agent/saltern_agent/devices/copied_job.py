"""A job for many devices is read once: each has a copy."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from saltern_agent.jobs import Job

_HOLDERS = (list, dict)


def copied(job: Job) -> Job:
    """Return a job that is asked of another minion; its functions may change what they are given."""
    return Job(
        job.jid,
        job.fun,
        _own(job.arg),
        _own(job.kwarg),
        user=job.user,
        sees=job.sees,
        isolate=job.isolate,
        timeout_s=job.timeout_s,
        about=job.about,
        ret=job.ret,
    )


def _own(given: Any) -> Any:
    if not given:
        return type(given)()
    values = given.values() if isinstance(given, dict) else given
    return deepcopy(given) if any(isinstance(value, _HOLDERS) for value in values) else given
