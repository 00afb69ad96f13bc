"""``/hosts/-/numbers``: what a script brings rows up to date with."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse

from saltern_web.fleet import Host
from saltern_web.key_numbers import Newest, ask_newest, ask_sparks
from saltern_web.pages.paging import PAGE
from saltern_web.parts import part
from saltern_web.session.console import Asked

WITHIN_S = 8.0


async def numbers(request: Asked) -> HttpResponse:
    """``/hosts/-/numbers``, by POST: of each ``minion`` its state and numbers; with ``sparks`` an hour of them.

    ``{"at": epoch s, "said": "", "hosts": {id: {"state", "sampled", "completeness", "values": [], "sparks": [[]]}}}``
    """
    fleet = await request.console.fleet.get(request.api)
    hosts = [fleet.by_id[one] for one in request.POST.getlist("minion")[:PAGE] if one in fleet.by_id]
    newest = await part(ask_newest(request.api, hosts), WITHIN_S)
    sparks = await part(ask_sparks(request.api, hosts), WITHIN_S) if request.POST.get("sparks") else None
    told = {host.id: _told(host, (newest.value or {}).get(host.id, Newest())) for host in hosts}
    if sparks is not None:
        for minion, charts in (sparks.value or {}).items():
            told[minion]["sparks"] = charts
    return JsonResponse({"at": fleet.at, "said": newest.said, "hosts": told})


def _told(host: Host, newest: Newest) -> dict[str, Any]:
    return {
        "state": host.state,
        "sampled": max(host.sampled or 0, newest.at or 0) or None,
        "completeness": host.completeness,
        "values": newest.values,
    }
