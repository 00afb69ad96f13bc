"""``/dashboards/<number>``: one dashboard, with its range and variables in the URL."""

from __future__ import annotations

import time
from dataclasses import asdict

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.charts.panel import ROW
from saltern_web.charts.span import offered, read_span
from saltern_web.pages.dashboards.board import Variable
from saltern_web.pages.dashboards.keeping import dashboard
from saltern_web.session.console import Asked

VARIABLE = "var-"
"""Before a variable's name in the URL, as Grafana has it."""
MAX_VALUES, MAX_VALUE = 200, 255


async def view(request: Asked, number: int) -> HttpResponse:
    """Show the dashboard."""
    kept = await dashboard(request.who.principal, number)
    board = kept.board
    begin = {"from": board.range}
    span = read_span(request.GET if "from" in request.GET else begin)
    given = {one.name: _values(request, one) for one in board.variables}
    numbered = list(enumerate(board.panels))
    data = {
        "at": time.time(),
        "range": span.given,
        "default": read_span(begin).given,
        "panels": [panel.shown() for panel in board.panels],
        "variables": [{**asdict(one), "values": given[one.name]} for one in board.variables],
    }
    context = {
        "kept": kept,
        "numbered": numbered,
        "rows": ROW,
        "variables": [(one, given[one.name]) for one in board.variables],
        "data": data,
        "span": span,
        "spans": offered(span),
        "imported": "imported" in request.GET,
    }
    return render(request, "dashboards/dashboard.html", context)


def _values(request: Asked, one: Variable) -> list[str]:
    given = [value[:MAX_VALUE] for value in request.GET.getlist(f"{VARIABLE}{one.name}")[:MAX_VALUES] if value]
    return given or ([one.value] if one.value else [])
