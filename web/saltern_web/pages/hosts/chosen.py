"""What is done with the hosts that were chosen in the table: run, silence, or put into groups.

The set that is shown is the set that is sent: ids, never the filter again.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import SalternError
from saltern.visible import visible
from saltern_web.api.errors import LoggedOut, Refused
from saltern_web.fleet import Fleet
from saltern_web.key_numbers import NAMES
from saltern_web.pages.hosts.filter import Filter, filter_of
from saltern_web.pages.hosts.listing import found_by
from saltern_web.session.console import Asked

RUN, SILENCE, GROUP = "run", "silence", "group"
WHERE = {RUN: "/run", SILENCE: "/alerts/silence", GROUP: "/hosts/-/group"}
MOST = 10_000
MAX_GROUP = 200
SHOWN = 200


async def chosen(request: Asked) -> HttpResponse:
    """``/hosts/-/chosen``, by POST: go on with each ``minion``, or with ``all`` that match ``query``, to ``do``.

    One by one chosen they go straight on, by the same form (307); all that match are shown first.
    """
    if request.method != "POST":
        return HttpResponseRedirect("/hosts")
    do = request.POST.get("do", "")
    if do not in WHERE:
        raise Refused(f"{do[:40] or 'nothing'} can't be done with hosts: {', '.join(WHERE)} can")
    fleet = await request.console.fleet.get(request.api)
    if request.POST.get("all"):
        query = request.POST.copy()
        minions = [host.id for host in (await found_by(request, fleet, filter_of(query, NAMES))).hosts]
    else:
        minions = _known(request.POST.getlist("minion"), fleet)
    if not minions:
        raise Refused("no host was chosen: tick some, or all that match")
    if len(minions) > MOST:
        raise Refused(f"{len(minions):,} hosts at once are too many: {MOST:,} at most")
    if not request.POST.get("all") and do != GROUP:
        answer = HttpResponse(status=307)
        answer.headers["Location"] = WHERE[do]
        return answer
    return _confirm(request, fleet, do, minions)


async def group(request: Asked) -> HttpResponse:
    """``/hosts/-/group``, by POST: put each ``minion`` ``into`` a group, and take it ``out_of`` another."""
    if request.method != "POST":
        return HttpResponseRedirect("/hosts")
    fleet = await request.console.fleet.get(request.api)
    minions = _known(request.POST.getlist("minion"), fleet)
    into = request.POST.get("into", "").strip()[:MAX_GROUP]
    out_of = request.POST.get("out_of", "").strip()[:MAX_GROUP]
    if not request.POST.get("sure"):
        return _confirm(request, fleet, GROUP, minions)
    if not minions or not (into or out_of) or into == out_of:
        said = "name a group to put them into, one to take them out of, or both, which differ"
        return _confirm(request, fleet, GROUP, minions, said)
    done = ""
    try:
        if into:
            await request.api.runner("manage.group_add", into, minions)
            done = f"They are in {into} now. "
        if out_of:
            await request.api.runner("manage.group_remove", out_of, minions)
    except LoggedOut:
        raise
    except SalternError as error:
        request.console.fleet.forget(request.api)
        return _confirm(request, fleet, GROUP, minions, done + visible(" ".join(str(error).split()))[:1000])
    request.console.fleet.forget(request.api)
    return HttpResponseRedirect(f"/hosts?{Filter(group=into or out_of).query()}")


def _known(given: Sequence[str], fleet: Fleet) -> list[str]:
    """Return the ids that are there, each once. Raises ``Refused`` for too many."""
    if len(given) > MOST:
        raise Refused(f"{len(given):,} hosts at once are too many: {MOST:,} at most")
    return [one for one in dict.fromkeys(given) if one in fleet.by_id]


def _confirm(request: Asked, fleet: Fleet, do: str, minions: Sequence[str], said: str = "") -> HttpResponse:
    around = {
        "do": do,
        "where": WHERE[do],
        "minions": minions,
        "shown": minions[:SHOWN],
        "rest": minions[SHOWN:],
        "groups": sorted(fleet.groups),
        "into": request.POST.get("into", "")[:MAX_GROUP],
        "out_of": request.POST.get("out_of", "")[:MAX_GROUP],
        "back": f"/hosts?{filter_of(request.POST, NAMES).query()}",
        "said": said,
    }
    return render(request, "hosts/chosen.html", around, status=400 if said else 200)
