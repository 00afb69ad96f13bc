"""What an agent sends of a finished job: docs/protocol.md, "A return"."""

from __future__ import annotations

from typing import Any

from saltern.errors import MessageTooLarge
from saltern.wire import pack_any
from saltern_agent.executor import FAILED
from saltern_agent.jobs import Job, Outcome


def pack_return(job: Job, outcome: Outcome, version: dict[str, str | None] | None, max_bytes: int) -> bytes:
    """Return the frame of a job's return, numbered 0.

    *version* is the digest and commit of the synced module that the function is from. A return over *max_bytes* is
    replaced by one that says so, and is marked under ``plain``.
    """
    body: dict[str, Any] = {
        "jid": job.jid,
        "fun": job.fun,
        "fun_args": job.fun_args(),
        "return": outcome.value,
        "retcode": outcome.retcode,
        "success": outcome.success,
        "duration_ms": outcome.duration_ms,
        **job.extra,
    }
    if version is not None:
        body["module"] = version
    if outcome.marks:
        body["plain"] = outcome.marks
    try:
        return pack_any("ret", 0, body, limit=max_bytes)
    except MessageTooLarge as error:
        failed = same_for_all(job, f"The return of {job.fun} is too large: {error} (max_return_bytes)", FAILED)
        body |= {"return": failed.value, "retcode": failed.retcode, "success": failed.success, "fun_args": []}
        body["plain"] = ["$: replaced, it was too large"]
        return pack_any("ret", 0, body)


def same_for_all(job: Job, text: str, retcode: int) -> Outcome:
    """Return the outcome of a job that failed as a whole: *text* for its function, or for each of several."""
    if isinstance(job.fun, str):
        return Outcome(text, retcode, False, 0.0)
    names = job.fun
    return Outcome(dict.fromkeys(names, text), dict.fromkeys(names, retcode), dict.fromkeys(names, False), 0.0)
