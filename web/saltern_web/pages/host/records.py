"""The tabs of what the master knows of a host: jobs, alerts, events, and the account of its points."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from saltern.metric_segment import owner
from saltern_web.api.look import is_look
from saltern_web.charts.panel import Panel
from saltern_web.charts.span import offered, read_span
from saltern_web.pages.events import ask_recorded
from saltern_web.pages.host.around import around, host_of
from saltern_web.pages.host.asking import WITHIN_S
from saltern_web.pages.host.names import place_of
from saltern_web.pages.host.sections import MINION
from saltern_web.parts import part
from saltern_web.session.console import Asked

MAX_JOBS = 200
MAX_HISTORY = 100
RECORDED, RECORDED_HOURS = 100, 7 * 24
"""Changes that are shown, and how far back."""
KINDS = ("received", "missing", "lost", "dropped", "skipped", "failed")
"""What becomes of a point that is expected; they add up."""
POINTS = (
    Panel(
        "Received of what became due in the last hour",
        (f"aliasByNode({MINION}.schedule.*.completeness,3)",),
        "%",
        min=0,
        max=100,
        width=12,
    ),
    Panel(
        "Not here, since the beginning",
        (f"aliasByNode({MINION}.schedule.*.{{missing,lost,dropped,skipped,failed}},3,4)",),
        width=12,
        help="Missing: nobody knows. Lost: behind the journal. Dropped: by the agent's full spool.",
    ),
)


async def jobs(request: Asked, minion: str) -> HttpResponse:
    """Show the newest jobs that the host was asked to do."""
    fleet, host = await host_of(request, minion)
    told = await part(request.api.runner("jobs.list_jobs", search_minion=host.id, limit=MAX_JOBS), WITHIN_S)
    rows = [
        {"jid": jid, "begun": _begun(jid), **_job(job)}
        for jid, job in (told.value or {}).items()
        if isinstance(job, dict) and not is_look(job)
    ]
    context = {**await around(request, fleet, host, "jobs"), "rows": rows, "told": told, "most": MAX_JOBS}
    return render(request, "host/jobs.html", context)


def _job(told: Mapping[str, Any]) -> dict[str, Any]:
    function = told.get("Function", "")
    arguments = told.get("Arguments")
    return {
        "fun": ", ".join(map(str, function)) if isinstance(function, list) else str(function),
        "arg": " ".join(map(str, arguments)) if isinstance(arguments, list) else str(arguments or ""),
        "user": str(told.get("User", "")),
    }


def _begun(jid: str) -> float | None:
    with contextlib.suppress(ValueError):
        return datetime.strptime(jid, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC).timestamp()
    return None


async def alerts(request: Asked, minion: str) -> HttpResponse:
    """Show the series of rules that are about the host, the worst first, and what they have been."""
    fleet, host = await host_of(request, minion)
    told, past = await asyncio.gather(
        part(request.api.runner("alerts.list"), WITHIN_S),
        part(request.api.runner("alerts.history", minion=host.id, limit=MAX_HISTORY), WITHIN_S),
    )
    about = re.compile(rf"(?<![^.\s(,{{]){re.escape(owner(host.id))}(?![^.\s),}}])")
    rows = [
        {"alert": rule.get("alert") or rule.get("name", ""), **series}
        for rule in told.value or ()
        for series in rule.get("series", ())
        if about.search(str(series.get("series", "")))
    ]
    rank = {"crit": 0, "warn": 1, "nodata": 2, "unknown": 3, "ok": 4}
    rows.sort(key=lambda row: (rank.get(str(row.get("state")), 3), str(row["alert"]), str(row.get("series"))))
    history = past.value if isinstance(past.value, list) else []
    context = {
        **await around(request, fleet, host, "alerts"),
        "rows": rows,
        "told": told,
        "past": past,
        "history": history,
    }
    return render(request, "host/alerts.html", context)


async def events(request: Asked, minion: str) -> HttpResponse:
    """Show what comes of the host from now on, and what was recorded of it lately."""
    fleet, host = await host_of(request, minion)
    recorded = await part(ask_recorded(request, RECORDED_HOURS, f"minion:{owner(host.id)}"), WITHIN_S)
    context = {
        **await around(request, fleet, host, "events"),
        "data": {"minion": host.id},
        "recorded": (recorded.value or [])[:RECORDED],
        "unrecorded": recorded.said,
    }
    return render(request, "host/events.html", context)


async def completeness(request: Asked, minion: str) -> HttpResponse:
    """Show what became of every point that was expected of the host."""
    fleet, host = await host_of(request, minion)
    told = await part(request.api.runner("metrics.account", minion=host.id), WITHIN_S)
    account = (told.value or {}).get(host.id, {})
    rows = [{"schedule": name, **numbers} for name, numbers in sorted(account.items())]
    span = read_span(request.GET, default_s=86400)
    data = {
        "at": fleet.at,
        "minion": host.id,
        "variables": {"minion": place_of(host.id).partition(".")[2]},
        "range": span.given,
        "panels": [panel.shown() for panel in POINTS],
        "compare": "",
    }
    context = {
        **await around(request, fleet, host, "completeness"),
        "rows": rows,
        "told": told,
        "panels": POINTS,
        "data": data,
    }
    return render(request, "host/completeness.html", {**context, "span": span, "spans": offered(span)})
