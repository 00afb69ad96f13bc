"""Schedules: a confirmed call made again and again by the hosts themselves; which there are, and their end."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.run.call import Call, read_call
from saltern_web.pages.run.confirm import UNITS, show_call
from saltern_web.pages.run.target import HINTS, KINDS, meant_by, target_of
from saltern_web.pages.run.words import line_of
from saltern_web.session.console import Asked

MAX_ASKED = 1000
"""Hosts whose schedules are shown at once."""
ASK_S = 10.0
MAX_NUMBER = 100_000
_NAME = re.compile(r"[\w.-]{1,60}")


class Scheduled(NamedTuple):
    """A job that some hosts have alike; ``own``: those where it can be deleted by its name."""

    name: str
    item: Mapping[str, Any]
    minions: tuple[str, ...]
    delete: str = ""

    @property
    def every(self) -> float | None:
        """Its interval, s."""
        seconds = self.item.get("seconds")
        return float(seconds) if isinstance(seconds, int | float) else None

    @property
    def line(self) -> str:
        """Its arguments as they are typed."""
        args, kwargs = self.item.get("args"), self.item.get("kwargs")
        return line_of(args if isinstance(args, list) else (), kwargs if isinstance(kwargs, dict) else {})


async def schedules(request: Asked) -> HttpResponse:
    """``/run/schedules``: what the hosts of a target run by themselves."""
    found: list[Scheduled] = []
    said, status, silent, meant, target = "", 200, [], None, None
    try:
        target = target_of(request.GET)
        fleet = await request.console.fleet.get(request.api)
        meant = await meant_by(request.api, fleet, target)
        away = frozenset(meant.away)
        there = [minion for minion in meant.minions if minion not in away]
        if len(there) > MAX_ASKED:
            raise Refused(f"these are {len(there):,} hosts: choose up to {MAX_ASKED:,}")
        if there:
            told = await request.api.ask(there, "schedule.list", kwarg={"return_yaml": False}, timeout_s=ASK_S)
            found = _together(request.who.principal, told)
            silent = [minion for minion in there if told.get(minion, {}).get("retcode", 1)]
    except (Refused, NotAllowed) as error:
        said, status = str(error), 403 if isinstance(error, NotAllowed) else 400
    around = {
        "target": target,
        "meant": meant,
        "found": found,
        "silent": silent,
        "said": said,
        "kinds": [(kind, name, HINTS[kind]) for kind, name in KINDS.items()],
        "may_change": request.who.may("schedule.add"),
    }
    return render(request, "run/schedules.html", around, status=status)


def _together(principal: str, told: Mapping[str, Mapping[str, Any]]) -> list[Scheduled]:
    items: dict[tuple[str, str], list[str]] = {}
    for minion, one in sorted(told.items()):
        jobs = one.get("ret")
        for name, item in jobs.items() if isinstance(jobs, Mapping) else ():
            if isinstance(item, Mapping):
                items.setdefault((str(name), json.dumps(item, sort_keys=True)), []).append(minion)
    found = [Scheduled(name, json.loads(item), tuple(minions)) for (name, item), minions in sorted(items.items())]
    return [one._replace(delete=Call(principal, "schedule.delete", one.minions, [one.name]).signed()) for one in found]


async def delete(request: Asked) -> HttpResponse:
    """``/run/schedules/delete``, by POST: show the deletion of one job on the hosts that have it, to be confirmed."""
    if request.method != "POST":
        return HttpResponseRedirect("/run/schedules")
    return await show_call(request, read_call(request.POST.get("call", ""), request.who.principal))


async def add(request: Asked) -> HttpResponse:
    """``/run/schedules/add``, by POST: show a confirmed call as a schedule on the same hosts, to be confirmed."""
    if request.method != "POST":
        return HttpResponseRedirect("/run/schedules")
    call = read_call(request.POST.get("call", ""), request.who.principal)
    try:
        scheduled = as_schedule(
            call,
            request.POST.get("name", "").strip(),
            request.POST.get("every", "").strip(),
            request.POST.get("unit", ""),
            metrics=bool(request.POST.get("metrics")),
        )
    except Refused as error:
        return await show_call(request, call, str(error), typed=request.POST)
    return await show_call(request, scheduled)


def as_schedule(call: Call, name: str, every: str, unit: str, *, metrics: bool = False) -> Call:
    """Return the call that has the same hosts make *call* every so often. Raises ``Refused``."""
    if not _NAME.fullmatch(name):
        raise Refused("a schedule needs a name of letters, digits, '.', '_' and '-', up to 60 of them")
    if unit not in UNITS:
        raise Refused(f"an interval is in {', '.join(UNITS)}")
    if not every.isascii() or not every.isdigit() or not 0 < int(every[:9]) <= MAX_NUMBER:
        raise Refused(f"an interval is a whole number up to {MAX_NUMBER:,}, not {every[:20]!r}")
    kwarg: dict[str, Any] = {"function": call.fun, unit: int(every)}
    if call.arg:
        kwarg["job_args"] = call.arg
    if call.kwarg:
        kwarg["job_kwargs"] = call.kwarg
    if metrics:
        kwarg["metrics"] = True
    return replace(call, fun="schedule.add", arg=[name], kwarg=kwarg, number=Call("", "").number)
