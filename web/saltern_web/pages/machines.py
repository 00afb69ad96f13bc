"""A machine is added: one line to paste on it, and the page follows it in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from saltern.errors import Busy
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.keys import ask_master
from saltern_web.parts import part
from saltern_web.program.settings import LOOPBACK
from saltern_web.session.console import Asked
from saltern_web.session.once import shown_once

LASTS = ((900, "15 minutes"), (3600, "1 hour"), (86400, "1 day"), (604800, "7 days"))
USUAL_S = 3600
MAX_HOST, MAX_ID = 253, 253
WITHIN_S = 8.0


async def add(request: Asked) -> HttpResponse:
    """``/machines/add``: the form; by POST an invitation, shown this once."""
    given: dict[str, Any] = {
        "host": (request.POST.get("host", "") or name_of(request)).strip()[:MAX_HOST],
        "id": request.POST.get("id", "").strip()[:MAX_ID],
        "ttl": _ttl(request.POST.get("ttl", "")),
    }
    around: dict[str, Any] = {"given": given, "lasts": LASTS, "may_invite": request.who.may("wheel.key.invite")}
    if request.method == "POST":
        try:
            token = await request.api.wheel("key.invite", given["host"], ttl_s=given["ttl"], minion_id=given["id"])
        except (Refused, NotAllowed, Busy) as error:
            around["said"] = str(error)
        else:
            around |= {"token": token, "follow": {"id": given["id"], "lasts": given["ttl"]}}
            return shown_once(render(request, "machines/invited.html", {**around, "local": is_local(given["host"])}))
    around["master"] = await part(ask_master(request), WITHIN_S)
    around["local"] = is_local(given["host"])
    around["follow"] = {"id": "", "lasts": 0}
    return render(request, "machines/add.html", around, status=400 if "said" in around else 200)


def name_of(request: HttpRequest) -> str:
    """Return the name that the browser reached the console by, without a port: as a rule the master's own."""
    host = request.get_host()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def is_local(host: str) -> bool:
    """Whether a name leads every host to itself."""
    return host in LOOPBACK or host.startswith("127.")


def _ttl(given: str) -> int:
    return next((seconds for seconds, _ in LASTS if given == str(seconds)), USUAL_S)
