"""What an agent sends of a finished job: docs/protocol.md, "A return"."""

from __future__ import annotations

import math
from typing import Any

from saltern.errors import MessageTooLarge
from saltern.named import NamedTuple
from saltern.plain import MAX_DEPTH
from saltern.visible import visible
from saltern.wire import pack_any
from saltern_agent.executor import FAILED
from saltern_agent.jobs import Job, Outcome
from saltern_agent.origin import Origin
from saltern_agent.return_to import NOWHERE, ReturnTo

MAX_FAILED_CHARACTERS = 300
MAX_QUOTED_CHARACTERS = 100
"""Of what a function returned instead of a number."""


class Return(NamedTuple):
    """A job's return: its frame, numbered 0; of a scheduled one what it is of, why it is no sample; its returners."""

    frame: bytes
    function: str
    origin: Origin | None
    failed: str | None
    to: ReturnTo = NOWHERE


def pack_return(job: Job, outcome: Outcome, version: dict[str, str | None] | None, max_bytes: int) -> Return:
    """Return a job's return.

    *version* is the digest and commit of the synced module that the function is from. A return over *max_bytes* is
    replaced by one that says so, and is marked under ``plain``. A scheduled run that made no sample says why.
    """
    if job.alike is not None and (alike := job.alike.frame(outcome, version)) is not None:
        return Return(alike, str(job.fun), None, None, job.ret)
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
    failed = _why_no_sample(job, outcome)
    if failed is not None:
        body["failed"] = failed
    if outcome.out is not None:
        body["out"] = outcome.out
    if version is not None:
        body["module"] = version
    if outcome.marks:
        body["plain"] = outcome.marks
    try:
        frame = pack_any("ret", 0, body, limit=max_bytes)
    except MessageTooLarge as error:
        text = f"The return of {job.fun} is too large: {error} (max_return_bytes)"
        replaced = same_for_all(job, text, FAILED)
        body |= {"return": replaced.value, "retcode": replaced.retcode, "success": replaced.success, "fun_args": []}
        body["plain"] = ["$: replaced, it was too large"]
        failed = _why_no_sample(job, replaced)
        if failed is not None:
            body["failed"] = failed
        frame = pack_any("ret", 0, body)
    if job.alike is not None:
        job.alike.packed(outcome, frame)
    return Return(frame, str(job.fun), job.origin, failed, job.ret)


def same_for_all(job: Job, text: str, retcode: int) -> Outcome:
    """Return the outcome of a job that failed as a whole: *text* for its function, or for each of several."""
    if isinstance(job.fun, str):
        return Outcome(text, retcode, False, 0.0, failed=text)
    names = job.fun
    return Outcome(dict.fromkeys(names, text), dict.fromkeys(names, retcode), dict.fromkeys(names, False), 0.0)


def _why_no_sample(job: Job, outcome: Outcome) -> str | None:
    """Return in one line why a scheduled run made no sample, ``None`` when it did.

    What was returned is one, whatever the return code is: that may be a nested command's. But a return code that says
    failure, where numbers are wanted and there is none, is taken at its word.
    """
    if job.origin is None:
        return None
    failed = outcome.failed
    if failed is None and outcome.retcode != 0 and job.extra.get("metrics") and not _has_number(outcome.value):
        said = outcome.value.strip()[:MAX_QUOTED_CHARACTERS] if isinstance(outcome.value, str) else ""
        failed = f"no number was returned, and the return code {outcome.retcode}{f': {said}' if said else ''}"
    return None if failed is None else _line(failed)


def _line(text: str) -> str:
    """Return *text* as one short line of printable characters."""
    line = visible(text[: 2 * MAX_FAILED_CHARACTERS].strip())
    return "".join(c if c.isprintable() else " " for c in line)[:MAX_FAILED_CHARACTERS]


def _has_number(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (int, float)):
        return not isinstance(value, float) or math.isfinite(value)
    members = value.values() if isinstance(value, dict) else value
    if depth >= MAX_DEPTH or not isinstance(value, (dict, list, tuple, set, frozenset)):
        return False
    return any(_has_number(member, depth + 1) for member in members)
