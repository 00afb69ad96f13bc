"""Jobs: started, and their answers asked for by who started them; and which of them run now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from saltern.errors import ArgumentError
from saltern.ids import check_jid, check_returners
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.followed import bounded, check_new
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.revealing import result_shown
from saltern_master.commands.shown import HIDDEN, job_shown
from saltern_master.commands.stream import Stream
from saltern_master.jobs.publisher import JobRequest
from saltern_master.jobs.store import JobReturn, JobStore, holder_of
from saltern_master.jobs.tracker import AtWork

MAX_ASKED = 500
STORED_WITHIN_S = 2.0
"""Waited for, at most, until what came before a question is stored."""
MAX_SHOWN_BYTES = 4 * 1024 * 1024

Jid = Annotated[str, check_jid]


@command("job.publish", Need.JOBS)
async def publish(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    fun: str | list,  # type: ignore[type-arg]
    arg: list[Any] | None = None,
    kwarg: dict[str, Any] | None = None,
    tgt_type: str = "glob",
    delimiter: str = ":",
    isolate: bool = False,
    timeout: float | None = None,
    quiet: float | None = None,
    follow: bool = False,
    hold: bool = False,
    jid: str = "",
    ret: Annotated[str, check_returners] = "",
    ret_config: str = "",
    ret_kwargs: dict[str, Any] | None = None,
    metadata: dict[str, Any] | str | None = None,
    new_jid: str = "",
    gather: float | None = None,
) -> Any:
    """Start a job and return its ``jid``, ``minions``, ``missing``, ``unknown``, ``problem``.

    With *follow* its answers come then. ``missing`` are those of the minions that are away, ``unknown`` the names that
    the target lists and no minion has, ``problem`` a line for people on what in the target can't mean anybody.
    *fun* may be a list of functions, with a list of arguments for each in *arg*. *timeout*: seconds after which an
    agent ends it. *quiet*: seconds of silence after which the agents are asked whether they still work on it;
    *gather*: seconds that they have to say so. *new_jid*: the id that it shall have, which no job had yet.
    *ret* names returners of the minions (``"syslog,mysql"``) that get the returns too, *ret_config* an alternative set
    of their options, *ret_kwargs* such options; each needs a grant of ``returner:NAME``. *metadata*: kept with the job,
    to search by.

    *hold*: send it to nobody yet; the same call with its *jid*, and some of its minions, sends it to these. It is held
    for as long as it is followed.
    """
    if hold and not follow:
        raise ArgumentError("a job that is held must be followed")
    if new_jid:
        await check_new(context, check_jid(new_jid))
    given = {"ret": ret, "ret_config": ret_config, "ret_kwargs": ret_kwargs, "metadata": metadata}
    more = {name: value for name, value in given.items() if value}
    request = JobRequest(tgt, tgt_type, fun, arg or [], kwarg or {}, isolate, timeout, more)
    publisher, caller = context.services.publisher, context.caller
    sees_all = context.services.policy.sees_all(caller)
    if jid:
        follower, published = None, publisher.release(jid, request, context.minions, caller, sees_all=sees_all)
    else:
        published, follower = publisher.publish(
            request,
            context.minions,
            caller,
            sees_all=sees_all,
            quiet_s=bounded(quiet),
            follow=follow,
            hold=hold,
            new_jid=new_jid,
            answer_s=bounded(gather),
        )
    result = {**published._asdict(), "unknown": list(context.unknown), "problem": context.problem}
    return Stream(result, follower) if follower is not None else result


@command("job.returns", Need.OWN_JOB)
def returns(context: Context, jid: Jid, minions: list[str] | None = None) -> dict[str, Any]:
    """Show the whole returns to a job of one's own, by minion.

    With *minions*, up to 500, those of these: some of them when they are large, so that the rest can be asked for then.
    """
    store = context.services.job_store
    if minions is None:
        return {item.minion_id: item.data for item in asked(store, jid)}
    if len(minions) > MAX_ASKED or not all(isinstance(name, str) for name in minions):
        raise ArgumentError(f"minions must be up to {MAX_ASKED} ids")
    found = store.some_returns(jid, minions, MAX_SHOWN_BYTES)
    return {item.minion_id: item.data for item in asked(store, jid, found)}


@command("runner.jobs.active", Need.RUNNER, reach=Reach.VISIBLE)
async def active(context: Context) -> dict[str, Any]:
    """List the jobs that minions say they work on now: ``saltern-run jobs.active``

    ``Running`` are minions with the process that works on it, ``Returned`` those that have answered.
    """
    found = await context.services.tracker.at_work(context.visible(context.services.fleet.present()))
    return await asyncio.to_thread(_active, context, found) if found else {}


def _active(context: Context, found: dict[str, AtWork]) -> dict[str, Any]:
    context.services.keeper.catch_up(STORED_WITHIN_S)
    store = context.services.job_store
    shown = {}
    for jid, job in found.items():
        stored = store.job(jid)
        load = {"fun": job.fun, "user": job.user, "owner": job.owner} if stored is None else stored.load
        returned = [item.minion_id for item in asked(store, jid)] if job.returned is None else job.returned
        shown[jid] = {
            **job_shown(context, jid, load, minions=False),
            "Running": [{minion_id: pid} for minion_id, pid in sorted(job.running.items())],
            "Returned": context.visible(returned),
        }
    return shown


def seen(context: Context, jid: str) -> list[JobReturn]:
    """Return what came back to a job as the caller may see it: of the minions that he sees, ``***`` for what reveals.

    Of a function that another ran on the master it is nothing: that may need rights of its own.
    """
    job = context.services.job_store.job(jid)
    if job is not None and hidden(context, job.load):
        return []
    found = [item for item in asked(context.services.job_store, jid) if context.sees(item.minion_id)]
    policy, caller = context.services.policy, context.caller
    if policy.owns(caller, None if job is None else job.holder):
        return found
    return [
        item
        if result_shown(policy, caller, item.fun, item.minion_id)
        else item._replace(data={**item.data, "return": HIDDEN})
        for item in found
    ]


def asked(store: JobStore, jid: str, returns: list[JobReturn] | None = None) -> list[JobReturn]:
    """Return those of the *returns* to *jid* (all that are kept) whose minions the job was for.

    A scheduled run chooses its jid itself; so may who starts a job, whose answers no scheduled runs are then.
    """
    job = store.job(jid)
    kept = store.returns(jid) if returns is None else returns
    if job is None:
        return kept
    minions = frozenset(job.load.get("minions") or ())
    chosen = bool(job.load.get("chosen"))
    return [item for item in kept if item.minion_id in minions and not (chosen and "schedule" in item.data)]


def hidden(context: Context, load: Mapping[str, Any]) -> bool:
    """Return whether what came back to a job is kept from the caller: another ran it on the master, by his rights."""
    return "client" in load and not context.services.policy.owns(context.caller, holder_of(load))
