"""``/plugins/<name>/jobs/<jid>``: what came of a run, the worst first; it grows while hosts answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render

from saltern.errors import IdError
from saltern.ids import check_jid
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.fleet import Fleet
from saltern_web.pages.plugins.found import found
from saltern_web.pages.plugins.shown import mark_of, shown
from saltern_web.plugins.call import Job, began_at, read_job
from saltern_web.plugins.plugin import Plugin
from saltern_web.plugins.result import (
    NO_ANSWER,
    ORDER,
    RANK,
    WAITING,
    Result,
    plain,
    read_result,
    versions_apart,
    worst,
)
from saltern_web.session.console import Asked

PER_PAGE = 100


class GroupState(NamedTuple):
    """A group's hosts in this job: how many, and the worst status."""

    name: str
    worst: str
    mark: str
    hosts: int


async def job(request: Asked, name: str, jid: str) -> HttpResponse:
    """Show a run and its results; to htmx, the results alone."""
    one = await found(request, name)
    run = await _asked_job(request, one, jid)
    running = bool(_missing(run)) and await _is_running(request, jid)
    if _missing(run) and not running:  # the last answers may have come between the two questions
        run = await _asked_job(request, one, jid)
    missing = _missing(run)
    fleet = await _fleet(request)
    results = [read_result(minion, told, one.name) for minion, told in run.returns.items()]
    results += [_unanswered(minion, fleet, running=running) for minion in missing]
    results.sort(key=lambda result: (RANK[result.status], result.minion))
    status, group, alone = (request.GET.get(name, "") for name in ("status", "group", "minion"))
    chosen = _filtered(results, status, group, fleet)
    chosen = [result for result in chosen if result.minion == alone] if alone else chosen
    page = _page_number(request.GET.get("page", ""), len(chosen))
    rows = chosen[(page - 1) * PER_PAGE : page * PER_PAGE]
    counts = Counter(result.status for result in results)
    around = {
        "plugin": one,
        "jid": jid,
        "job": run,
        "parameters": "" if not run.parameters else json.dumps(plain(run.parameters), indent=2, ensure_ascii=False),
        "left_out": sorted(set(run.asked) - set(run.minions)) if run.minions else [],
        "running": running,
        "answered": len(run.returns),
        "total": len(results),
        "counts": [(name, mark_of(name), counts[name]) for name in ORDER if counts[name]],
        "groups": _group_states(results, fleet),
        "status": status,
        "group": group,
        "alone": alone,
        "rows": await shown(one, rows, run.parameters, len(chosen)),
        "apart": versions_apart(results, one.meta.version),
        "page": page,
        "pages": max(1, -(-len(chosen) // PER_PAGE)),
        "query": urlencode({key: value for key, value in (("status", status), ("group", group)) if value}),
    }
    part = "plugins/job_part.html" if request.headers.get("HX-Request") else "plugins/job.html"
    return render(request, part, around)


async def _asked_job(request: Asked, one: Plugin, jid: str) -> Job:
    try:
        told = await request.api.runner("jobs.list_job", check_jid(jid))
    except IdError as error:
        raise Http404(str(error)) from None
    run = read_job(told, one.name, began_at(jid))
    if run is None:
        raise Http404(f"{jid} is no job of this plugin, or isn't kept any more")
    return run


def _missing(run: Job) -> list[str]:
    return [minion for minion in run.minions if minion not in run.returns]


async def _fleet(request: Asked) -> Fleet | None:
    try:
        return await request.console.fleet.get(request.api)
    except (Refused, NotAllowed):
        return None


async def _is_running(request: Asked, jid: str) -> bool:
    try:
        return jid in await request.api.runner("jobs.active")
    except (Refused, NotAllowed):
        return False


def _unanswered(minion: str, fleet: Fleet | None, *, running: bool) -> Result:
    if running:
        return Result(minion, WAITING, said="it has not answered yet")
    host = fleet.by_id.get(minion) if fleet is not None else None
    why = "it is away" if host is not None and not host.up else "the job is over without it"
    return Result(minion, NO_ANSWER, said=why)


def _filtered(results: Sequence[Result], status: str, group: str, fleet: Fleet | None) -> list[Result]:
    within = {host.id for host in fleet.of(group)} if group and fleet is not None else None
    return [
        result
        for result in results
        if (not status or result.status == status) and (within is None or result.minion in within)
    ]


def _group_states(results: Sequence[Result], fleet: Fleet | None) -> list[GroupState]:
    """Return the groups that have hosts in this job, the worst first."""
    found: dict[str, list[str]] = {}
    for result in results:
        host = fleet.by_id.get(result.minion) if fleet is not None else None
        for name in host.groups if host is not None else ():
            found.setdefault(name, []).append(result.status)
    states = [(name, worst(statuses), len(statuses)) for name, statuses in found.items()]
    states.sort(key=lambda one: (RANK[one[1]], one[0]))
    return [GroupState(name, bad, mark_of(bad), hosts) for name, bad, hosts in states]


def _page_number(asked: str, count: int) -> int:
    number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    return max(1, min(number, -(-count // PER_PAGE)))
