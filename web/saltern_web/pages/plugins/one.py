"""``/plugins/<name>``: what it is, whom it shall run on, with what, and then the job.

Three steps, of which each shows what the next one sends: a target (GET) becomes a list of hosts; the form (Save)
becomes parameters; both, once confirmed (Run), become a job on exactly those hosts. A plugin that only looks at things
runs without the confirmation.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import IdError
from saltern.ids import check_jid
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.plugins.chosen import TYPES, Chosen, asked_target, confirmed, resolved
from saltern_web.pages.plugins.filling import Filling, begun_with, changed, filling, sent, unfinished
from saltern_web.pages.plugins.found import found
from saltern_web.plugins.call import Job, Order, began_at, begin, read_job, seal, unseal
from saltern_web.plugins.configuration import configuration_of
from saltern_web.plugins.measuring import alert_lines, schedule_lines
from saltern_web.plugins.names import RUN, SHOW, PluginFault, function_of
from saltern_web.plugins.plugin import Plugin
from saltern_web.session.console import Asked

LATEST = 10
LISTED = "runner.jobs.list_jobs"
NO_HOSTS = "choose hosts first: a target above, and then what is to be done there"


async def plugin(request: Asked, name: str) -> HttpResponse:
    """Show a plugin, and take what its form sends."""
    one = await found(request, name)
    if request.method == "POST":
        return await _posted(request, one)
    before = await _before(request, one)
    chosen = asked_target(request.GET)
    if before is not None and not chosen.tgt:
        chosen = Chosen(",".join(before.asked or before.minions), "list")
    return await _page(request, one, chosen, await filling(one, begun_with(before.parameters if before else None)))


async def _posted(request: Asked, one: Plugin) -> HttpResponse:
    do, _, rest = request.POST.get("do", "save").partition(":")
    if do == "cancel":
        return HttpResponseRedirect(f"/plugins/{one.name}")
    try:
        chosen = confirmed(request.POST)
    except IdError as error:
        return await _page(request, one, Chosen(), await filling(one, begun_with()), str(error))
    if do in ("add", "remove"):
        return await _page(request, one, chosen, await filling(one, changed(request.POST, do, rest)))
    if not chosen.minions:
        return await _page(request, one, chosen, await filling(one, unfinished(request.POST)), NO_HOSTS)
    if do == SHOW and one.meta.show:
        return await _begun(request, one, chosen, {}, SHOW)
    if do in (RUN, "change"):
        return await _confirmed(request, one, chosen, do)
    return await _saved(request, one, chosen)


async def _saved(request: Asked, one: Plugin, chosen: Chosen) -> HttpResponse:
    """The form was sent: show what is wrong with it, or what would run; what only looks runs at once."""
    filled = await filling(one, sent(request.POST), judged=True)
    if filled.parameters is None or not one.can_run:
        return await _page(request, one, chosen, filled, status=400)
    if not one.meta.changes:
        return await _begun(request, one, chosen, filled.parameters)
    around = {
        "plugin": one,
        "chosen": chosen,
        "parameters": json.dumps(filled.parameters, indent=2, ensure_ascii=False),
        "order": seal(Order(one.name, filled.parameters)),
    }
    return render(request, "plugins/confirm.html", around)


async def _confirmed(request: Asked, one: Plugin, chosen: Chosen, do: str) -> HttpResponse:
    """What was shown was confirmed, or is to be changed."""
    try:
        order = unseal(request.POST.get("order", ""), one.name)
    except PluginFault as error:
        return await _page(request, one, chosen, await filling(one, begun_with()), str(error))
    if do == "change" or not one.can_run:
        return await _page(request, one, chosen, await filling(one, begun_with(order.parameters)))
    return await _begun(request, one, chosen, order.parameters)


async def _begun(
    request: Asked, one: Plugin, chosen: Chosen, parameters: Mapping[str, Any], function: str = RUN
) -> HttpResponse:
    configuration = await configuration_of(one.name, one.meta)
    try:
        begun = await begin(request.api, one, chosen.minions, parameters, configuration, function)
    except (Refused, NotAllowed) as error:
        said = f"not begun: {error}"
        return await _page(request, one, chosen, await filling(one, begun_with(parameters)), said)
    return HttpResponseRedirect(f"/plugins/{one.name}/jobs/{begun.jid}")


async def _page(
    request: Asked, one: Plugin, chosen: Chosen, filled: Filling, wrong: str = "", status: int = 200
) -> HttpResponse:
    groups = await _groups(request)
    (chosen, may), latest, configuration = await asyncio.gather(
        _hosts_and_rights(request, one, chosen, groups), _latest(request, one), configuration_of(one.name, one.meta)
    )
    who = request.who
    around = {
        "plugin": one,
        "chosen": chosen,
        "types": TYPES,
        "groups": [(name, len(minions)) for name, minions in sorted(groups.items())],
        "form": filled.html,
        "faults": [*one.faults, *([filled.fault] if filled.fault else [])],
        "wrong": wrong,
        "may_run": may.get(function_of(one.name, RUN), who.everything),
        "may_show": may.get(function_of(one.name, SHOW), who.everything),
        "can_run": one.can_run and not filled.fault,
        "latest": latest,
        "configuration": configuration,
        "schedule": schedule_lines(one, configuration) if who.everything else "",
        "alert": alert_lines(one) if who.everything else "",
    }
    return render(request, "plugins/plugin.html", around, status=400 if wrong else status)


async def _hosts_and_rights(
    request: Asked, one: Plugin, chosen: Chosen, groups: Mapping[str, tuple[str, ...]]
) -> tuple[Chosen, Mapping[str, bool]]:
    """Return *chosen* with its hosts, unless they were shown before, and which of the functions are granted at all."""
    names = [function_of(one.name, function) for function in (RUN, SHOW)]
    told = await request.api.runner("auth.about", functions=names)
    if not chosen.minions:
        chosen = await resolved(request.api, chosen, groups)
    return chosen, {str(name): bool(may) for name, may in dict(told.get("may") or {}).items()}


async def _groups(request: Asked) -> dict[str, tuple[str, ...]]:
    try:
        fleet = await request.console.fleet.get(request.api)
    except (Refused, NotAllowed):
        return {}
    return {name: tuple(host.id for host in fleet.of(name)) for name in fleet.groups}


async def _before(request: Asked, one: Plugin) -> Job | None:
    """Return the job that is to be done again, if one is named."""
    jid = request.GET.get("again", "")
    if not jid:
        return None
    try:
        return read_job(await request.api.runner("jobs.list_job", check_jid(jid)), one.name, None)
    except (Refused, NotAllowed, IdError):
        return None


class Run(NamedTuple):
    """A job of this plugin, for the list of the latest ones."""

    jid: str
    function: str
    user: str
    at: float


async def _latest(request: Asked, one: Plugin) -> list[Run] | str:
    """Return the newest runs, or why they aren't shown."""
    if not request.who.may(LISTED):
        return "your login may not list jobs"
    functions = ",".join(function_of(one.name, function) for function in (RUN, SHOW))
    try:
        told = await request.api.runner("jobs.list_jobs", search_function=functions, limit=LATEST)
    except (Refused, NotAllowed) as error:
        return str(error)
    return [
        Run(jid, str(job.get("Function", "")).rpartition(".")[2], str(job.get("User", "")), began_at(jid))
        for jid, job in sorted(dict(told).items(), reverse=True)
    ]
