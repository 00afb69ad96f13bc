"""``jobs.*``: what was run, what runs, and what came back."""

from __future__ import annotations

from typing import Annotated, Any

from saltern.errors import ArgumentError, FunctionNotFound
from saltern.ids import check_jid
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.followed import bounded, check_new
from saltern_master.commands.registry import command
from saltern_master.commands.shown import local_time
from saltern_master.commands.stream import Stream
from saltern_master.jobs.publisher import JobRequest
from saltern_master.jobs.store import JobLoad, JobReturn

DEFAULT_LIMIT = 100
MAX_LIMIT = 100_000
MAX_ASKED = 500
MAX_SHOWN_BYTES = 4 * 1024 * 1024
_RESULT = ("return", "retcode", "success")
_ACTIVE = {"fun": "Function", "user": "User", "running": "Running", "done": "Returned", "away": "Away"}

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
    ret: str | None = None,
    ret_config: str | None = None,
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
    *ret*, *ret_config*, *ret_kwargs*: returners that the agents store their answers with, and their options.
    *metadata*: kept with the job, to search by.

    *hold*: send it to nobody yet; the same call with its *jid*, and some of its minions, sends it to these. It is held
    for as long as it is followed.
    """
    if hold and not follow:
        raise ArgumentError("a job that is held must be followed")
    if new_jid:
        await check_new(context, check_jid(new_jid))
    given = {"ret": ret, "ret_config": ret_config, "ret_kwargs": ret_kwargs, "metadata": metadata}
    more = {name: value for name, value in given.items() if value}
    request = JobRequest(tgt, tgt_type, fun, arg or [], kwarg or {}, isolate, timeout, delimiter, more)
    publisher, caller = context.services.publisher, context.caller
    sees_all = context.services.policy.sees_all(caller)
    follower = None
    if jid:
        published = publisher.release(jid, request, context.minions, caller, sees_all=sees_all)
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
    if minions is None:
        return {item.minion_id: item.data for item in _returns(context, jid)}
    if len(minions) > MAX_ASKED or not all(isinstance(name, str) for name in minions):
        raise ArgumentError(f"minions must be up to {MAX_ASKED} ids")
    found = context.services.job_store.some_returns(jid, minions, MAX_SHOWN_BYTES)
    return {item.minion_id: item.data for item in _asked(context, jid, found)}


@command("runner.jobs.list_jobs", Need.RUNNER)
def list_jobs(context: Context, limit: int = DEFAULT_LIMIT) -> dict[str, Any]:
    """List the latest jobs: ``saltern-run jobs.list_jobs limit=20``"""
    if not 0 < limit <= MAX_LIMIT:
        raise ArgumentError(f"limit must be between 1 and {MAX_LIMIT:,}, not {limit}")
    return {job.jid: _shown(context, job) for job in context.services.job_store.jobs(limit)}


@command("runner.jobs.list_job", Need.RUNNER)
def list_job(context: Context, jid: Jid) -> dict[str, Any]:
    """Show one job with its returns: ``saltern-run jobs.list_job 20260131120000123456``"""
    job = context.services.job_store.job(jid)
    if job is None:
        _check_known(context, jid)
    result = _shown(context, job) if job else {}
    result["Result"] = {
        item.minion_id: {key: value for key, value in item.data.items() if key in _RESULT}
        for item in _returns(context, jid)
    }
    return result


@command("runner.jobs.lookup_jid", Need.RUNNER)
def lookup_jid(context: Context, jid: Jid) -> dict[str, Any]:
    """Show what every minion returned to a job: ``saltern-run jobs.lookup_jid 20260131120000123456``"""
    found = {item.minion_id: item.data.get("return") for item in _returns(context, jid)}
    if not found and context.services.job_store.job(jid) is None:
        _check_known(context, jid)
    return found


def _check_known(context: Context, jid: str) -> None:
    """Raise ``FunctionNotFound`` for a job that isn't stored, unless it is only just being stored, or scheduled."""
    if not context.services.tracker.knows(jid) and not context.services.job_store.returns(jid):
        raise FunctionNotFound(f"there is no job {jid}: it never was, or it is older than what is kept", jid=jid)


@command("runner.jobs.active", Need.RUNNER)
async def active(context: Context) -> dict[str, Any]:
    """List the jobs that minions say they work on now: ``saltern-run jobs.active``

    ``Returned`` and ``Away`` count other minions of the job; they aren't known of one from before the master's start.
    """
    found = await context.services.tracker.at_work(context.services.fleet.present())
    return {jid: {title: job[key] for key, title in _ACTIVE.items() if key in job} for jid, job in found.items()}


def _returns(context: Context, jid: str) -> list[JobReturn]:
    return _asked(context, jid, context.services.job_store.returns(jid))


def _asked(context: Context, jid: str, returns: list[JobReturn]) -> list[JobReturn]:
    """Return those of the *returns* to *jid* whose minions the job was for: a scheduled run chooses its jid itself."""
    job = context.services.job_store.job(jid)
    asked = None if job is None else frozenset(job.load.get("minions") or ())
    return [item for item in returns if asked is None or item.minion_id in asked]


def _shown(context: Context, job: JobLoad) -> dict[str, Any]:
    """Return a job as listings show it; what another's was given only to those who may see it."""
    load = job.load
    own = context.services.policy.owns(context.caller, load.get("owner"))
    return {
        "Function": load.get("fun"),
        "Arguments": load.get("arg") if own else "***",
        "Target": load.get("tgt"),
        "Target-type": load.get("tgt_type"),
        "User": load.get("user"),
        "Minions": load.get("minions"),
        "StartTime": local_time(job.created),
    }
