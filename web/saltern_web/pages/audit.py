"""The audit: who changed what, and what was refused."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.pages.moments import moment_of
from saltern_web.pages.tokens import epoch
from saltern_web.session.console import Asked

TIMES = ("since", "until")
FIELDS = (*TIMES, "user", "command", "result")
RESULTS = ("ok", "failed", "refused", "lost")
ROWS = 200
MAX_CHARS = 200


async def audit(request: Asked) -> HttpResponse:
    """``/audit``: the newest records first, those that the URL asks for."""
    asked = {name: request.GET.get(name, "").strip()[:MAX_CHARS] for name in FIELDS}
    around: dict[str, Any] = {"asked": asked, "results": RESULTS, "most": ROWS}
    try:
        given = {name: _in_utc(value) if name in TIMES else value for name, value in asked.items() if value}
        rows = await request.api.runner("audit.query", limit=ROWS, **given)
        around["rows"] = [{**one, "at": epoch(one.get("time"))} for one in rows]
    except Refused as error:
        around["wrong"] = str(error)
    if request.GET.get("verify"):
        around["verified"] = await request.api.runner("audit.verify")
    return render(request, "audit/audit.html", around)


def _in_utc(text: str) -> str:
    """Return a day and time in UTC; what is none, as ``2h``, the master reads."""
    at = moment_of(text)
    return text if at is None else at.isoformat()
