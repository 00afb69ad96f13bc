"""``/jobs``: those that are kept, newest first."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.api.look import is_look
from saltern_web.pages.jobs.job import given_line, instant_of, target_line
from saltern_web.pages.moments import moment_of
from saltern_web.session.console import Asked

PER_PAGE = 50
SEARCHED = 5000
"""The newest jobs that are looked through for a user."""
MAX_PAGES = 200
MAX_CHARS = 200
LOOKUPS = ("saltutil.find_job", "sys.*")
"""What consoles and clients ask of hosts by themselves."""


class Row(NamedTuple):
    """One job of the list."""

    jid: str
    at: float | None
    fun: str
    line: str
    target: str
    kind: str
    user: str
    running: int | None = None
    returned: int | None = None


class Search(NamedTuple):
    """What is looked for; ``state``: all, or running."""

    fun: str = ""
    target: str = ""
    user: str = ""
    since: str = ""
    until: str = ""
    state: str = ""
    lookups: bool = False


async def jobs(request: Asked) -> HttpResponse:
    """Show the list, as ``?fun=&target=&user=&since=&until=&state=&lookups=&page=`` say."""
    search = _search(request)
    page = request.GET.get("page", "1")
    number = min(int(page), MAX_PAGES) if page.isascii() and page.isdigit() and len(page) < 6 and int(page) else 1
    rows: list[Row] = []
    said, status, more, whole = "", 200, False, True
    try:
        if search.state == "running":
            rows = [row for row in await _running(request) if _matches(search, row)]
        else:
            rows, more, whole = await _kept(request, search, number)
    except (Refused, NotAllowed) as error:
        said, status = str(error), 403 if isinstance(error, NotAllowed) else 400
    query = request.GET.copy()
    query.pop("page", None)
    around = {
        "search": search,
        "rows": rows,
        "said": said,
        "number": number,
        "more": more,
        "whole": whole,
        "searched": SEARCHED,
        "query": query.urlencode(),
        "may_run": may_run(request),
        "filtered": any(search._replace(state="")),
    }
    return render(request, "jobs/list.html", around, status=status)


def may_run(request: Asked) -> bool:
    """Return whether the menu offers to run anything."""
    return request.who.may("test.ping") or request.who.may("cmd.run")


async def active(request: Asked) -> HttpResponse:
    """``/jobs/active``: how many run now, as JSON."""
    return JsonResponse({"running": len(await _running(request))})


def _search(request: Asked) -> Search:
    given = request.GET
    words = {name: given.get(name, "").strip()[:MAX_CHARS] for name in ("fun", "target", "user", "since", "until")}
    state = "running" if given.get("state") == "running" else ""
    return Search(**words, state=state, lookups=bool(given.get("lookups")))


async def _kept(request: Asked, search: Search, number: int) -> tuple[list[Row], bool, bool]:
    """Return a page of jobs, whether there are more, and whether all that are kept were looked through."""
    asked: dict[str, Any] = {}
    for name, text in (("search_function", search.fun), ("search_target", search.target)):
        if text:
            asked[name] = text if set(text) & set("*?[,") else f"*{text}*"
    for name, text in (("start_time", search.since), ("end_time", search.until)):
        if text:
            at = moment_of(text)
            if at is None:
                raise Refused(f"a time is written as 2026-11-28 19:44, not {text}")
            asked[name] = at.isoformat()
    narrow = bool(search.user) or not search.lookups
    limit = SEARCHED if narrow and search.user else min(SEARCHED, (3 if narrow else 1) * number * PER_PAGE + 1)
    rows, got = await _asked(request, search, asked, limit)
    if narrow and len(rows) <= number * PER_PAGE and got == limit and limit < SEARCHED:
        rows, got = await _asked(request, search, asked, SEARCHED)
        limit = SEARCHED
    begin = (number - 1) * PER_PAGE
    return rows[begin : begin + PER_PAGE], len(rows) > begin + PER_PAGE, got < SEARCHED


async def _asked(request: Asked, search: Search, asked: Mapping[str, Any], limit: int) -> tuple[list[Row], int]:
    told = await request.api.runner("jobs.list_jobs", **asked, limit=limit)
    if not isinstance(told, Mapping):
        raise Refused(str(told).removeprefix("Exception occurred in runner jobs.list_jobs: ")[:500])
    shown = [(jid, one) for jid, one in told.items() if isinstance(one, Mapping)]
    found = [_row(jid, one) for jid, one in shown if search.lookups or search.fun or not is_look(one)]
    return [row for row in found if _is_wanted(search, row)], len(told)


def _is_wanted(search: Search, row: Row) -> bool:
    if not search.lookups and not search.fun and any(fnmatch.fnmatchcase(row.fun, one) for one in LOOKUPS):
        return False
    return not search.user or _like(row.user, search.user)


def _matches(search: Search, row: Row) -> bool:
    """Return whether a running job is looked for."""
    return (
        _is_wanted(search, row)
        and (not search.fun or any(_like(row.fun, one) for one in search.fun.split(",")))
        and (not search.target or _like(row.target, search.target))
    )


def _like(text: str, wanted: str) -> bool:
    wanted = wanted.strip()
    return fnmatch.fnmatchcase(text, wanted) if set(wanted) & set("*?[") else wanted in text


async def _running(request: Asked) -> list[Row]:
    told = await request.api.runner("jobs.active")
    if not isinstance(told, Mapping):
        raise Refused(str(told)[:500])
    rows = [_row(jid, one) for jid, one in told.items() if isinstance(one, Mapping)]
    return sorted(rows, key=lambda row: row.jid, reverse=True)


def _row(jid: str, told: Mapping[str, Any]) -> Row:
    fun = told.get("Function", "")
    running, returned = told.get("Running"), told.get("Returned")
    return Row(
        jid,
        instant_of(jid),
        ", ".join(map(str, fun)) if isinstance(fun, list) else str(fun),
        given_line(told.get("Arguments", [])),
        target_line(told.get("Target", "")),
        str(told.get("Target-type", "")),
        str(told.get("User", "")),
        len(running) if isinstance(running, list) else None,
        len(returned) if isinstance(returned, list) else None,
    )
