"""The search: hosts, pages, dashboards and alerts by what their names hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple
from urllib.parse import quote

from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from saltern.errors import SalternError
from saltern_web.kept.failing import as_far_as_kept
from saltern_web.kept.models import Dashboard
from saltern_web.session.around import MENU, offered
from saltern_web.session.console import Asked

MOST, MOST_IN_A_LIST = 200, 12
MAX_CHARS = 200


class Found(NamedTuple):
    """One thing that was found: where it is, what it is called, and what it is."""

    url: str
    name: str
    kind: str


async def search(request: Asked) -> HttpResponse:
    """``/search?q=``: all that is found; for a script a short list. One host of that very name is gone to."""
    text = request.GET.get("q", "").strip()[:MAX_CHARS]
    found = [one async for one in _found(request, text)] if text else []
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse(
            {"found": [one._asdict() for one in found[:MOST_IN_A_LIST]], "more": len(found) > MOST_IN_A_LIST}
        )
    if found and found[0].kind == "host" and found[0].name == text:
        return HttpResponseRedirect(found[0].url)
    around = {"text": text, "found": found[:MOST], "more": len(found) > MOST}
    return render(request, "search/search.html", around)


async def _found(request: Asked, text: str) -> AsyncIterator[Found]:
    wanted = text.casefold()
    try:
        fleet = await request.console.fleet.get(request.api)
        hosts = [host.id for host in fleet.hosts if wanted in host.id.casefold()]
    except SalternError:  # pages are found all the same
        hosts = []
    hosts.sort(key=lambda minion: (minion.casefold() != wanted, not minion.casefold().startswith(wanted), minion))
    for minion in hosts[: MOST + 1]:
        yield Found(f"/hosts/{quote(minion, safe='')}", minion, "host")
    for one in _pages(request, wanted):
        yield one
    for one in await as_far_as_kept(_dashboards(request, text)):
        yield one


async def _dashboards(request: Asked, text: str) -> list[Found]:
    mine = Q(owner=request.who.principal) | Q(shared=True)
    found = Dashboard.objects.annotate(small=Lower("name")).filter(mine, small__contains=text.lower())[:MOST]
    return [Found(f"/dashboards/{board.id}", board.name, "dashboard") async for board in found]


def _pages(request: Asked, wanted: str) -> Iterator[Found]:
    for _, places in MENU:
        for place in places:
            if offered(request, place) and wanted in place.name.casefold():
                yield Found(place.url, place.name, "page")
