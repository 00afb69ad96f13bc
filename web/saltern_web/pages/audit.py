"""The audit: who changed what, and what was refused."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.pages.tokens import epoch
from saltern_web.session.console import Asked

FIELDS = ("since", "until", "user", "command", "result")
RESULTS = ("ok", "failed", "refused", "lost")
ROWS = 200
MAX_CHARS = 200


async def audit(request: Asked) -> HttpResponse:
    """``/audit``: the newest records first, those that the URL asks for."""
    asked = {name: request.GET.get(name, "").strip()[:MAX_CHARS] for name in FIELDS}
    around: dict[str, Any] = {"asked": asked, "results": RESULTS, "most": ROWS}
    try:
        given = {name: value for name, value in asked.items() if value}
        rows = await request.api.runner("audit.query", limit=ROWS, **given)
        around["rows"] = [{**one, "at": epoch(one.get("time"))} for one in rows]
    except Refused as error:
        around["wrong"] = str(error)
    if request.GET.get("verify"):
        around["verified"] = await request.api.runner("audit.verify")
    return render(request, "audit/audit.html", around)
