"""``/jobs/<jid>``: a job, who has answered what, and who has not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.pages.jobs.differences import difference
from saltern_web.pages.jobs.job import check_jid
from saltern_web.pages.jobs.listing import may_run
from saltern_web.pages.jobs.results import Group, Seen, Waiting, seen_job, waiting
from saltern_web.pages.jobs.shape import MAX_CHARS, Shape, shape_of
from saltern_web.session.console import Asked

GROUPS = 20
"""Answers on a page."""
PAGE_CHARS = 256 * 1024
"""Of answers on a page, together: the later ones are cut shorter."""
LEAST_CHARS = 2000
NAMES = 24
"""Hosts named at once beside an answer."""
MAX_NAMES = 2000
MAX_HAVE = 100


class Shown(NamedTuple):
    """A group as it is shown: its answer's shape; ``same``: the page has it already."""

    group: Group
    shape: Shape
    compared: Group | None
    same: bool = False

    @property
    def first(self) -> tuple[str, ...]:
        """The hosts that are named at once."""
        return self.group.minions[:NAMES]

    @property
    def rest(self) -> tuple[str, ...]:
        """Others, behind a click."""
        return self.group.minions[NAMES : NAMES + MAX_NAMES]

    @property
    def unnamed(self) -> int:
        """How many aren't named at all."""
        return max(0, len(self.group.minions) - NAMES - MAX_NAMES)


class Page(NamedTuple):
    """Some of the groups."""

    shown: list[Shown]
    number: int
    last: int
    total: int


async def job(request: Asked, jid: str) -> HttpResponse:
    """Show one job."""
    try:
        seen = await seen_job(request, jid)
    except Refused as error:
        return render(request, "jobs/large.html", {"jid": check_jid(jid), "said": str(error)})
    if seen.job.error:
        return render(request, "jobs/none.html", {"job": seen.job}, status=404)
    return render(request, "jobs/job.html", await _around(request, seen))


async def part(request: Asked, jid: str) -> HttpResponse:
    """Show what of a job changes while it runs; ``?have=key.version`` names what the page has."""
    seen = await seen_job(request, jid)
    return render(request, "jobs/results.html", await _around(request, seen))


async def _around(request: Asked, seen: Seen) -> dict[str, Any]:
    fleet = await request.console.fleet.get(request.api)
    left = waiting(seen, fleet)
    found = _wanted(request, seen)
    have = frozenset(request.GET.getlist("have")[:MAX_HAVE])
    page = await asyncio.to_thread(_page, seen, found, request.GET.get("page", "1"), have)
    query = request.GET.copy()
    for name in ("page", "have", "sent"):
        query.pop(name, None)
    failed = sum(len(one.minions) for one in seen.groups if not one.good)
    return {
        "job": seen.job,
        "seen": seen,
        "page": page,
        "query": query.urlencode(),
        "left": left,
        "state": state_of(seen, left),
        "failed": failed,
        "answered": len(seen.job.results),
        "expected": max(len(seen.job.minions), len(seen.job.results)),
        "kinds": len(seen.groups),
        "host": request.GET.get("host", "")[:300],
        "only": request.GET.get("only", ""),
        "sent": request.GET.get("sent", "") if request.GET.get("sent", "").isdigit() else "",
        "may_run": may_run(request),
        "names": NAMES,
        "largest": MAX_NAMES,
    }


def state_of(seen: Seen, left: Waiting) -> str:
    """Return a job's state: ``running``, ``done``, ``failed``, or ``partial`` when some will not answer."""
    if left.running:
        return "running"
    if left.away or left.silent:
        return "partial"
    return "done" if all(one.good for one in seen.groups) else "failed"


def _wanted(request: Asked, seen: Seen) -> list[Group]:
    host, only = request.GET.get("host", "").strip(), request.GET.get("only", "")
    found = seen.groups
    if only == "failed":
        found = [one for one in found if not one.good]
    if host:
        found = [one for one in found if any(host in minion for minion in one.minions)]
    return found


def _page(seen: Seen, found: list[Group], asked: str, have: frozenset[str]) -> Page:
    last = max(1, -(-len(found) // GROUPS))
    number = min(max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1, last)
    usual, left = seen.usual, PAGE_CHARS
    shown = []
    for group in found[(number - 1) * GROUPS : number * GROUPS]:
        same = f"{group.key}.{group.version}" in have
        shape = Shape("same") if same else shape_of(group.value, max(LEAST_CHARS, min(MAX_CHARS, left)))
        left -= sum(map(len, shape.lines)) + sum(len(row.value) for row in shape.rows)
        compared = usual if usual is not None and usual.key != group.key else None
        shown.append(Shown(group, shape, compared, same))
    return Page(shown, number, last, len(found))


async def differs(request: Asked, jid: str) -> HttpResponse:
    """``/jobs/<jid>/differs?a=KEY&b=KEY``: how the second answer differs from the first."""
    seen = await seen_job(request, jid)
    there, here = seen.group(request.GET.get("a", "")), seen.group(request.GET.get("b", ""))
    around: dict[str, Any] = {"job": seen.job, "there": there, "here": here, "groups": seen.groups[:200]}
    if there is not None and here is not None:
        around["difference"] = await asyncio.to_thread(difference, there.value, here.value)
    name = "jobs/difference.html" if "HX-Request" in request.headers else "jobs/differs.html"
    return render(request, name, around)


async def download(request: Asked, jid: str) -> HttpResponseBase:
    """``/jobs/<jid>/download``: all that came back, as JSON, as it comes from the API."""
    chunk = {"client": "runner", "fun": "jobs.list_job", "arg": [], "kwarg": {"jid": check_jid(jid)}}
    stream = request.api.stream("POST", "/", json=[chunk])
    answer = await stream.__aenter__()  # what is refused is a page, not a broken file

    async def body() -> AsyncIterator[bytes]:
        try:
            async for piece in answer.aiter_bytes():
                yield piece
        finally:
            await stream.__aexit__(None, None, None)

    sent = StreamingHttpResponse(body(), content_type="application/json")
    sent.headers["Content-Disposition"] = f'attachment; filename="job-{jid}.json"'
    return sent
