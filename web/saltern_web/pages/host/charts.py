"""``/hosts/<id>``: the charts of a host."""

from __future__ import annotations

import itertools
import re

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.charts.span import COMPARED, offered, read_span
from saltern_web.pages.host.around import around, host_of
from saltern_web.pages.host.asking import WITHIN_S
from saltern_web.pages.host.names import names_of, place_of
from saltern_web.pages.host.sections import sections
from saltern_web.parts import part
from saltern_web.session.console import Asked

_EARLIER = re.compile(r"[1-9]\d{0,2}[dwh]")
MAX_OFFERED = 500
"""Hosts to compare with that are offered; any other can be typed."""


async def charts(request: Asked, minion: str) -> HttpResponse:
    """Show everything that the host reports."""
    fleet, host = await host_of(request, minion)
    if request.GET.get("part") == "head":
        return render(request, "host/head.html", await around(request, fleet, host, ""))
    names = await part(names_of(request.api, host.id), WITHIN_S)
    shown = sections(tuple(names.value or ()))
    span = read_span(request.GET)
    against = request.GET.get("compare", "")
    compared = against if _EARLIER.fullmatch(against) or against in fleet.by_id else ""
    panels = [panel for section in shown for panel in section.panels]
    numbers = itertools.count()
    numbered = [(section, [(next(numbers), panel) for panel in section.panels]) for section in shown]
    data = {
        "at": fleet.at,
        "minion": host.id,
        "variables": {"minion": place_of(host.id).partition(".")[2]},
        "range": span.given,
        "panels": [panel.shown() for panel in panels],
        "compare": compared,
        "compare_place": place_of(compared).partition(".")[2] if compared in fleet.by_id else "",
    }
    context = {
        **await around(request, fleet, host, ""),
        "sections": numbered,
        "fault": names.said,
        "data": data,
        "span": span,
        "spans": offered(span),
        "compared": compared,
        "unknown": against if against != compared else "",
        "compares": COMPARED,
        "others": [one.id for one in fleet.hosts[:MAX_OFFERED] if one.id != host.id],
    }
    return render(request, "host/charts.html", context)
