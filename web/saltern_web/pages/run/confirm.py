"""What is about to run, shown whole; and the button that runs exactly that."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.run.begin import begin
from saltern_web.pages.run.call import Call, read_call
from saltern_web.pages.run.form import call_of, draft_of, show_form
from saltern_web.pages.run.once import once_of
from saltern_web.pages.run.target import SHOWN
from saltern_web.pages.run.words import masked
from saltern_web.session.console import Asked

SEE_OTHER = 303
MAX_VALUE_CHARS = 20_000
UNITS = ("seconds", "minutes", "hours", "days")
"""Of the interval of a schedule."""


async def confirm(request: Asked) -> HttpResponse:
    """``/run/confirm``, by POST: what the form comes to, to be confirmed. Nothing runs yet."""
    if request.method != "POST":
        return HttpResponseRedirect("/run")
    draft = await draft_of(request)
    try:
        call = call_of(request, draft)
    except Refused as error:
        return await show_form(request, draft, str(error))
    meant, about = draft.meant, draft.about
    return await show_call(request, call, unknown=meant.unknown, problem=meant.problem, missing=about.missing)


async def start(request: Asked) -> HttpResponse:
    """``/run/start``, by POST: run what was confirmed, on the hosts that were shown and on no other."""
    if request.method != "POST":
        return HttpResponseRedirect("/run")
    principal = request.who.principal
    try:
        call = read_call(request.POST.get("call", ""), principal)
    except Refused as error:
        return await show_form(request, await draft_of(request), str(error))

    async def run() -> str:
        return await begin(request.console, request.api, call)

    try:
        jid = await once_of(request.console).do(call.number, run)
    except (Refused, NotAllowed) as error:
        return await show_call(request, call, str(error))
    answer = HttpResponseRedirect(f"{call.back}?sent={jid}" if call.back else f"/jobs/{jid}")
    answer.status_code = SEE_OTHER
    return answer


async def show_call(
    request: Asked, call: Call, said: str = "", unknown: tuple[str, ...] = (), problem: str = "", **more: Any
) -> HttpResponse:
    """Return the page that shows *call*; *said*: why it wasn't made, in one line."""
    fleet = await request.console.fleet.get(request.api)
    away = [minion for minion in call.minions if minion in fleet.by_id and not fleet.by_id[minion].up]
    around = {
        "call": call,
        "signed": call.signed(),
        "first": call.minions[:SHOWN],
        "rest": call.minions[SHOWN:],
        "away": frozenset(away),
        "unknown": unknown,
        "problem": problem,
        "given": _given(call),
        "said": said,
        "keeps": not call.back and not call.fun.startswith("schedule."),
        "units": UNITS,
        "may_schedule": request.who.may("schedule.add") and not call.on_master and not call.batch,
        **more,
    }
    return render(request, "run/confirm.html", around, status=400 if said else 200)


def _given(call: Call) -> list[tuple[str, str, str]]:
    """Return each argument: its name, its value as JSON, and what kind of value it is."""
    named = [("", value) for value in call.arg] + list(masked(call.kwarg).items())
    return [(name, json.dumps(value, ensure_ascii=False)[:MAX_VALUE_CHARS], _kind(value)) for name, value in named]


def _kind(value: Any) -> str:
    names = {bool: "true or false", str: "text", int: "number", float: "number", list: "list", dict: "map"}
    return names.get(type(value), "nothing")
