"""``jobs.*``: the jobs that are kept, with what came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from saltern.errors import ArgumentError
from saltern.ids import check_jid
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.jobs import STORED_WITHIN_S, seen
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.shown import concerns, job_shown
from saltern_master.jobs.search import NOBODY, Globs, Search, search_of
from saltern_master.jobs.store import JobLoad, JobReturn

MAX_LISTED = 20_000
MAX_LISTED_BYTES = 32 * 1024 * 1024
NO_RETURN = "Minion did not return"
FIND_JOB = frozenset({"saltutil.find_job"})
_RESULT = ("return", "retcode", "success", "out")

Jid = Annotated[str, check_jid]


def check_source(name: Any) -> Any:
    """Raise ``ArgumentError`` for another place to read jobs from than the one that there is."""
    raise ArgumentError(
        f"ext_source={name!r:.60}: jobs are read from the master's own store (job_db) alone; leave it out"
    )


def check_limit(limit: int) -> int:
    """Return *limit* when so many jobs may be asked for. Raises ``ArgumentError``."""
    if 0 < limit <= MAX_LISTED:
        return limit
    raise ArgumentError(f"the number of jobs must be between 1 and {MAX_LISTED:,}, not {limit}")


Source = Annotated[str | None, check_source]
Count = Annotated[int | None, check_limit]


@command("runner.jobs.list_jobs", Need.RUNNER, reach=Reach.VISIBLE)
def list_jobs(
    context: Context,
    ext_source: Source = None,
    outputter: str | None = None,
    search_metadata: dict[Any, Any] | None = None,
    search_function: Globs | None = None,
    search_target: Globs | None = None,
    start_time: str | None = None,
    end_time: str | None = None,
    display_progress: bool = False,
    limit: Count = None,
    search_minion: str = "",
) -> dict[str, Any]:
    """List the jobs that are kept, newest first: ``saltern-run jobs.list_jobs search_function='test.*,cmd.run'``

    *search_function*, *search_target*: globs with commas, or a list; a job of several functions is found by each.
    *search_metadata*: a map, found by any of its pairs. *start_time*, *end_time*: as in ``2026-11-28 19:44``, in UTC.
    *limit*: only the newest so many. *search_minion*: jobs that went to this one, whatever their targets were.
    *display_progress* is taken, and nothing comes of it.
    """
    search = search_of(search_function, search_target, search_metadata, start_time, end_time)
    if search_minion:
        search = replace(search, minion=search_minion if context.sees(search_minion) else NOBODY)
    found = {job.jid: _shown(context, job) for job in _found(context, search, limit)}
    return {"outputter": outputter, "data": found} if outputter else found


@command("runner.jobs.list_jobs_filter", Need.RUNNER, reach=Reach.VISIBLE)
def list_jobs_filter(
    context: Context,
    count: Annotated[int, check_limit],
    filter_find_job: bool = True,
    ext_source: Source = None,
    outputter: str | None = None,
    display_progress: bool = False,
) -> Any:
    """List the newest jobs, the newest last: ``saltern-run jobs.list_jobs_filter 50``

    *filter_find_job*: pass over the jobs by which clients ask whether another still runs.
    """
    search = Search(without=FIND_JOB if filter_find_job else frozenset())
    found = [{**_shown(context, job), "JID": job.jid} for job in _found(context, search, count)][::-1]
    return {"outputter": outputter, "data": found} if outputter else found


@command("runner.jobs.lookup_jid", Need.RUNNER, reach=Reach.VISIBLE)
def lookup_jid(
    context: Context,
    jid: Jid,
    ext_source: Source = None,
    returned: bool = True,
    missing: bool = False,
    display_progress: bool = False,
) -> dict[str, Any]:
    """Show what every minion returned to a job: ``saltern-run jobs.lookup_jid 20260131120000123456``

    *missing*: also who did not return, *returned=False*: only those. Nothing is shown for a job that isn't kept.
    """
    returns = _returns(context, jid)
    found = {item.minion_id: item.data.get("return") for item in returns} if returned else {}
    if missing:
        job = context.services.job_store.job(jid)
        there = {item.minion_id for item in returns}
        minions = context.visible(job.load.get("minions") or ()) if job is not None else ()
        found.update((minion_id, NO_RETURN) for minion_id in minions if minion_id not in there)
    outputter = returns[0].data.get("out") if returns else None
    return {"outputter": outputter, "data": found} if outputter else found


@command("runner.jobs.list_job", Need.RUNNER, reach=Reach.VISIBLE)
def list_job(context: Context, jid: Jid, ext_source: Source = None, display_progress: bool = False) -> dict[str, Any]:
    """Show one job with its returns: ``saltern-run jobs.list_job 20260131120000123456``"""
    return {"jid": jid, **_whole(context, jid)}


@command("runner.jobs.print_job", Need.RUNNER, reach=Reach.VISIBLE)
def print_job(context: Context, jid: Jid, ext_source: Source = None) -> dict[str, Any]:
    """Show one job with its returns, by its jid: ``saltern-run jobs.print_job 20260131120000123456``"""
    return {jid: _whole(context, jid)}


@command("runner.jobs.last_run", Need.RUNNER, reach=Reach.VISIBLE)
def last_run(
    context: Context,
    ext_source: Source = None,
    outputter: str | None = None,
    metadata: dict[Any, Any] | str | None = None,
    function: Globs | None = None,
    target: Globs | None = None,
    display_progress: bool = False,
) -> Any:
    """Show the newest job that is looked for, or False: ``saltern-run jobs.last_run function='pkg.*'``"""
    if metadata and not isinstance(metadata, dict):
        return False
    search = search_of(function, target, metadata or None)
    newest = next(_found(context, search, 1), None)
    return {newest.jid: _whole(context, newest.jid)} if newest is not None else False


@command("runner.jobs.exit_success", Need.RUNNER, reach=Reach.VISIBLE)
def exit_success(context: Context, jid: Jid, ext_source: Source = None) -> dict[str, bool]:
    """Say of each minion whether it returned something that is true: ``saltern-run jobs.exit_success 2026…``"""
    values = {item.minion_id: bool(item.data.get("return")) for item in _returns(context, jid)}
    job = context.services.job_store.job(jid)
    minions = context.visible(job.load.get("minions") or ()) if job is not None else ()
    return {**dict.fromkeys(minions, False), **values}


def _found(context: Context, search: Search, limit: int | None) -> Iterator[JobLoad]:
    """Yield the jobs that are looked for, as many as are asked for, or all. Raises ``ArgumentError`` for too many.

    What another's jobs were given isn't looked into for who may not see it: each answer would tell of it. So of their
    targets. Jobs that don't concern the caller aren't there.
    """
    services = context.services
    services.keeper.catch_up(STORED_WITHIN_S)
    left, left_bytes = limit or MAX_LISTED, MAX_LISTED_BYTES
    for job in search.found(services.job_store):
        kept_from_others = search.metadata or (search.target and context.limited)
        if kept_from_others and not services.policy.owns(context.caller, job.holder):
            continue
        if not concerns(context, job.load):
            continue
        left_bytes -= job.size
        if not left or left_bytes < 0:
            if limit and not left:
                return
            raise ArgumentError(
                f"there are more jobs than are listed at once ({MAX_LISTED:,}, or {MAX_LISTED_BYTES >> 20} MiB of what "
                "they were given): give limit=100, start_time=, search_function= or search_target="
            )
        left -= 1
        yield job


def _shown(context: Context, job: JobLoad) -> dict[str, Any]:
    return job_shown(context, job.jid, job.load, minions=False)


def _whole(context: Context, jid: str) -> dict[str, Any]:
    """Return a job with what came back."""
    returns = _returns(context, jid)
    job = context.services.job_store.job(jid)
    load = job.load if job is not None and concerns(context, job.load) else None
    result = {item.minion_id: {key: item.data[key] for key in _RESULT if key in item.data} for item in returns}
    return {**job_shown(context, jid, load), "Result": result}


def _returns(context: Context, jid: str) -> list[JobReturn]:
    context.services.keeper.catch_up(STORED_WITHIN_S)
    return seen(context, jid)
