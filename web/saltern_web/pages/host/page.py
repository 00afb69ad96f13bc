"""Which page of a host is where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from django.http import Http404, HttpResponse

from saltern_web.pages.host.charts import charts
from saltern_web.pages.host.records import alerts, completeness, events, jobs
from saltern_web.pages.host.tabs import ASKED, tab
from saltern_web.pages.host.values import values
from saltern_web.session.console import Asked

OWN: Mapping[str, Callable[[Asked, str], Awaitable[HttpResponse]]] = {
    "values": values,
    "jobs": jobs,
    "alerts": alerts,
    "events": events,
    "completeness": completeness,
}


async def host(request: Asked, minion: str) -> HttpResponse:
    """Show the charts."""
    return await charts(request, minion)


async def host_tab(request: Asked, minion: str, name: str) -> HttpResponse:
    """Show one of the other tabs."""
    if name in ASKED:
        return await tab(request, minion, name)
    if name in OWN:
        return await OWN[name](request, minion)
    raise Http404
