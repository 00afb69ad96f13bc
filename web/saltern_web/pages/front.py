"""The front page: is anything wrong, where, since when, what changed, who is missing, is the monitoring well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from saltern_web.changes import Change, comings, newest
from saltern_web.fleet import ORDER, Fleet, Tile
from saltern_web.health import lines_of, verdict
from saltern_web.parts import Part, part
from saltern_web.problems import Alerts, Problems, problems_of
from saltern_web.session.console import Asked
from saltern_web.templatetags.saltern import UNKNOWN as DASH

MOST_PROBLEMS = 200
MOST_TILES = 200
MOST_FAULTS = 20
FIRST_WITHIN_S = 0.12
"""What the first page waits for parts that come beside the fleet; a script asks for those that were late."""
WITHIN_S = 8.0
KEPT = 4
"""Of so many fleets it is kept what the page makes of them: one of ten thousand hosts takes some megabytes."""
T = TypeVar("T")

LETTERS = {state: state[0] for state in ORDER}
"""A state in the grid: one letter a host."""


async def front(request: Asked) -> HttpResponse:
    """``/``: the whole page."""
    return render(request, "front.html", await _glance(request, FIRST_WITHIN_S))


async def parts(request: Asked) -> HttpResponse:
    """``/front/parts``: what of the page changes, for a script."""
    return render(request, "front/parts.html", await _glance(request, WITHIN_S))


async def grid(request: Asked) -> HttpResponse:
    """``/front/grid?known=``: a letter for each host's state, in the order of ids; these, unless they are *known*.

    ``{"at": epoch s, "known": digest, "states": "ookoc", "ids": [...], "since": [epoch s or 0]}``
    """
    fleet = await request.console.fleet.get(request.api)
    ids = [host.id for host in fleet.hosts]
    digest = sha256("\n".join(ids).encode()).hexdigest()[:16]
    told: dict[str, Any] = {
        "at": fleet.at,
        "known": digest,
        "states": "".join(LETTERS[host.state] for host in fleet.hosts),
        "since": [int(host.since or 0) for host in fleet.hosts],
    }
    if request.GET.get("known") != digest:
        told["ids"] = ids
    return JsonResponse(told)


class _Made(NamedTuple):
    """What the page makes of the fleet and its alerts."""

    problems: Problems
    tiles: list[Tile]
    comings: list[Change]


@lru_cache(maxsize=KEPT)
def _made_of(fleet: Fleet, alerts: Alerts | None) -> _Made:
    return _Made(problems_of(fleet, alerts, MOST_PROBLEMS), fleet.tiles(), comings(fleet))


async def _glance(request: Asked, within_s: float) -> Mapping[str, Any]:
    """Return what the templates need. All is asked for at once."""
    console, api = request.console, request.api
    coming = asyncio.ensure_future(console.fleet.get(api))
    fleet, alerts, health, changes = await asyncio.gather(
        coming,
        _beside(coming, console.alerts.get(api), within_s),
        _beside(coming, console.health.get(api), within_s),
        _beside(coming, console.changes.get(api), within_s),
    )
    made = _made_of(fleet, alerts.value)
    problems = made.problems
    lines = lines_of(health.value) if health.value is not None else []
    return {
        "fleet": fleet,
        "wrong": len(fleet.hosts) - fleet.counts["ok"],
        "problems": problems.worst,
        "problems_count": problems.total,
        "latest": problems.latest,
        "alerts": alerts,
        "faults": list(alerts.value.faults.items())[:MOST_FAULTS] if alerts.value is not None else [],
        "tiles": made.tiles[:MOST_TILES],
        "tiles_count": len(made.tiles),
        "health": health,
        "lines": lines,
        "verdict": verdict(lines),
        "whole": all(line.said != DASH for line in lines),
        "changes": newest(changes.value.changes if changes.value is not None else (), made.comings),
        "changes_part": changes,
        "missing": changes.value.missing if changes.value is not None else {},
        "late": alerts.late or health.late or changes.late,
        "grid_hint": _grid_hint(fleet),
        "unwatched": health.value is not None and health.value["alerts"]["rules"] == 0,
        "may_add": request.who.may("wheel.key.invite"),
        "may_group": request.who.may("runner.manage.group_add"),
        "may_rule": request.who.may("runner.alerts.rule_set"),
    }


async def _beside(fleet: asyncio.Future[Fleet], asking: Awaitable[T], within_s: float) -> Part[T]:
    """Return what *asking* gives within some seconds, or by the time the *fleet* is there, which the page needs."""
    until = time.monotonic() + within_s
    asked = asyncio.ensure_future(asking)
    await asyncio.wait((fleet,))
    return await part(asked, max(0.0, until - time.monotonic()))


def _grid_hint(fleet: Fleet) -> str:
    return "Arrow keys go from host to host, Enter opens one." if fleet.hosts else ""
