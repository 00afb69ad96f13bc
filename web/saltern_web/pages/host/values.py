"""``/hosts/<id>/values``: the last value of every series, as a table; for reading without a chart, or a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.charts.number import number_of
from saltern_web.charts.span import Span, offered, read_span
from saltern_web.charts.statistics import Statistics, statistics
from saltern_web.pages.host.around import around, host_of
from saltern_web.pages.host.asking import WITHIN_S
from saltern_web.pages.host.names import names_of, place_of
from saltern_web.pages.host.sections import COLLECTION
from saltern_web.pages.paging import paged
from saltern_web.parts import Part, part
from saltern_web.session.console import Asked

EXACT_S = 3600
"""A range up to which no series that is taken every 15 s needs means."""
POINTS = 240
"""Of each series; of a longer range they are means of several."""


class Row(NamedTuple):
    """A series: its name below the host's place, its unit, and its statistics."""

    name: str
    unit: str
    told: Statistics


async def values(request: Asked, minion: str) -> HttpResponse:
    """Show the values that are looked for by ``?q=``, a part of their names."""
    fleet, host = await host_of(request, minion)
    span = read_span(request.GET)
    place = place_of(host.id)
    names = await part(names_of(request.api, host.id), WITHIN_S)
    wanted = request.GET.get("q", "")[:200].strip()
    shown = paged([name for name in names.value or () if wanted.lower() in name.lower()], request.GET)
    asking = request.api.json("POST", "/render", data=_question(place, shown.rows, span))
    told = await part(asking, WITHIN_S) if shown.rows else Part([])
    rows, step = _rows(place, shown.rows, told.value or ())
    context = {
        **await around(request, fleet, host, "values"),
        "fault": names.said or told.said,
        "rows": shown._replace(rows=rows),  # type: ignore[arg-type]  # rows of another kind, on the same page
        "step": step if span.end - span.begin > EXACT_S else 0,
        "q": wanted,
        "span": span,
        "spans": offered(span),
    }
    return render(request, "host/values.html", context)


def _question(place: str, names: Iterable[str], span: Span) -> Mapping[str, Any]:
    instants = {"from": str(int(span.begin)), "until": str(int(span.end) + 1)}
    targets = [f"{place}.{name}" for name in names]
    return {"target": targets, **instants, "maxDataPoints": str(POINTS), "format": "json"}


def _rows(place: str, names: Iterable[str], told: Iterable[Mapping[str, Any]]) -> tuple[list[Row], float]:
    """Return a row for each name, and the longest step of a series (s)."""
    found = {str(one["target"]).removeprefix(f"{place}."): one["datapoints"] for one in told}
    rows = [
        Row(name, number_of(name.removeprefix(f"{COLLECTION}.")).unit, statistics(found.get(name, ())))
        for name in names
    ]
    steps = [points[1][1] - points[0][1] for points in found.values() if len(points) > 1]
    return rows, max(steps, default=0)
