"""Jobs that were started before, followed from now on; and ids that jobs may not have again."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from saltern.errors import ArgumentError
from saltern.ids import check_jid
from saltern_master.auth.need import Need
from saltern_master.bus import MAX_QUEUE_BYTES
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command
from saltern_master.commands.stream import Stream
from saltern_master.jobs.follower import MAX_USER_QUEUE_BYTES, Follower

MIN_QUIET_S, MAX_QUIET_S = 0.05, 86400.0

Jid = Annotated[str, check_jid]


@command("job.follow", Need.OWN_JOB)
async def follow_job(context: Context, jid: Jid, quiet: float | None = None, gather: float | None = None) -> Any:
    """Follow a job of one's own that was started before: its answers come as they do to who started it.

    Returns ``known`` (whether there is such a job), ``running`` (whether answers are still to come), ``lost`` (who
    doesn't answer, and why), ``returned`` (who did, or may have), ``sure`` (whether that is certain). *quiet* and
    *gather* are those of ``job.publish``.
    """
    tracker, sees_all = context.services.tracker, context.services.policy.sees_all(context.caller)
    follower = Follower(jid, tracker.unfollow, MAX_QUEUE_BYTES if sees_all else MAX_USER_QUEUE_BYTES)
    job = tracker.follow(jid, follower, bounded(quiet), bounded(gather))
    if job is None:
        stored = await asyncio.to_thread(_stored_minions, context, jid)
        known, returned = stored is not None, stored or []
        return {"known": known, "running": False, "sure": False, "lost": {}, "returned": returned}
    quiet_ones = job.waiting | job.lost.keys()
    returned = [minion_id for minion_id in job.minions if minion_id not in quiet_ones]
    running = bool(job.waiting)
    result = {"known": True, "running": running, "sure": not job.unsure, "lost": dict(job.lost), "returned": returned}
    return Stream(result, follower) if running else result


async def check_new(context: Context, jid: str) -> None:
    """Raise ``ArgumentError`` for the id of a job that there is, on the master too, or that a minion returned to."""
    stored = await asyncio.to_thread(_stored_minions, context, jid)
    services = context.services
    if (
        stored is not None or services.tracker.knows(jid) or services.ran_by(jid) is not None
    ):  # asked last: it may have begun meanwhile
        raise ArgumentError(f"there is a job {jid} already: give another jid, or none", jid=jid)


def bounded(seconds: float | None) -> float | None:
    """Return a time to wait within what makes sense."""
    return None if seconds is None else min(max(seconds, MIN_QUIET_S), MAX_QUIET_S)


def _stored_minions(context: Context, jid: str) -> list[str] | None:
    """Return whom a stored job was for, or who returned to it where that isn't known; ``None`` when it isn't stored."""
    job = context.services.job_store.job(jid)
    if job is not None:
        return list(job.load.get("minions") or ())
    return [item.minion_id for item in context.services.job_store.returns(jid)] or None
