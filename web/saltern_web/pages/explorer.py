"""``/explorer``: any targets, drawn and counted, the whole of it in the URL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.charts.panel import MAX_TARGET, MAX_TARGETS, UNITS, Panel, read_panel
from saltern_web.charts.span import Span, offered, read_span
from saltern_web.charts.statistics import Statistics, statistics
from saltern_web.kept.failing import as_far_as_kept
from saltern_web.pages.dashboards.board import MAX_PANELS, Board
from saltern_web.pages.dashboards.keeping import dashboard, dashboards_of, keep
from saltern_web.parts import part
from saltern_web.session.console import Asked

WITHIN_S = 30.0
POINTS = 240
MAX_SERIES = 500
WIDTH = 12


async def explorer(request: Asked, said: str = "", status: int = 200) -> HttpResponse:
    """Show the targets of ``?target=``; with ``view=table`` their statistics, for reading without a script."""
    given = request.POST if request.method == "POST" else request.GET
    targets = _targets(given.getlist("target"))
    span = read_span(given)
    table: Sequence[tuple[str, Statistics]] = ()
    if targets and given.get("view") == "table":
        told = await part(_table(request, targets, span), WITHIN_S)
        table, said = told.value or (), said or told.said
    kept = await as_far_as_kept(dashboards_of(request.who.principal))
    context = {
        "targets": targets,
        "said": said,
        "span": span,
        "spans": offered(span),
        "unit": given.get("unit", "")[:40],
        "stacked": bool(given.get("stacked")),
        "units": UNITS,
        "table": table,
        "dashboards": [one for one in kept if one.own],
        "data": {"at": time.time(), "range": span.given},
    }
    return render(request, "explorer/explorer.html", context, status=status)


def _targets(given: Sequence[str]) -> list[str]:
    return [target.strip()[:MAX_TARGET] for target in given if target.strip()][:MAX_TARGETS]


async def _table(request: Asked, targets: Sequence[str], span: Span) -> Sequence[tuple[str, Statistics]]:
    asked = {
        "target": [f"limit({target},{MAX_SERIES})" for target in targets],
        "from": str(int(span.begin)),
        "until": str(int(span.end) + 1),
        "maxDataPoints": str(POINTS),
        "format": "json",
    }
    told = await request.api.json("POST", "/render", data=asked)
    return [(str(one["target"]), statistics(one["datapoints"])) for one in told[:MAX_SERIES]]


async def save(request: Asked) -> HttpResponse:
    """By POST: keep the targets as a panel of ``dashboard``, or of a new one with ``name``."""
    if request.method != "POST":
        return HttpResponseRedirect("/explorer")
    given = request.POST
    said = {
        "title": given.get("title", "").strip(),
        "targets": _targets(given.getlist("target")),
        "unit": given.get("unit", ""),
        "stacked": given.get("stacked") == "1",
        "width": WIDTH,
    }
    try:
        number = await _add(request, read_panel(said))
    except (ValueError, Refused) as error:
        return await explorer(request, f"It can't be saved: {error}", 400)
    return HttpResponseRedirect(f"/dashboards/{number}")


async def _add(request: Asked, panel: Panel) -> int:
    principal, where = request.who.principal, request.POST.get("dashboard", "")
    if not where:
        return await keep(principal, request.POST.get("name", ""), Board((panel,)))
    if not where.isdecimal() or len(where) > 18:
        raise ValueError("choose a dashboard")
    kept = await dashboard(principal, int(where), own=True)
    if len(kept.board.panels) >= MAX_PANELS:
        raise ValueError(f"a dashboard has up to {MAX_PANELS} panels")
    changed = replace(kept.board, panels=(*kept.board.panels, panel))
    return await keep(principal, kept.name, changed, kept.id, shared=kept.shared)
