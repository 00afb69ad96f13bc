"""What alerts did: every change of a state that the master has kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse

from saltern_web.api.errors import Refused
from saltern_web.pages.alerts.shown import show
from saltern_web.session.console import Asked

MOST = 200
MAX_CHARS = 512
NAMES = ("alert", "series", "minion")
SPANS = {"1": "1 hour", "24": "1 day", "168": "7 days", "720": "30 days", "": "all"}


async def history(request: Asked) -> HttpResponse:
    """``/alerts/history``: ``alert``, ``series`` and ``minion`` are globs, ``until`` epoch seconds."""
    given = request.GET
    wanted = {name: given.get(name, "").strip()[:MAX_CHARS] for name in NAMES}
    hours = given.get("hours", "168")
    until = _number(given.get("until", ""))
    asked: dict[str, Any] = {name: text for name, text in wanted.items() if text}
    if until is not None:
        asked["until"] = until
    said = ""
    try:
        rows = await ask_history(request, asked, MOST, hours if hours in SPANS else "168")
    except Refused as error:
        rows, said = [], str(error)
    older = ""
    if len(rows) >= MOST:
        older = "?" + urlencode({**wanted, "hours": hours, "until": f"{float(rows[-1]['at']):.6f}"})
    around = {"tab": "history", "wanted": wanted, "hours": hours, "spans": SPANS, "rows": rows, "older": older}
    return show(request, "history.html", {**around, "until": until, "said": said})


async def ask_history(request: Asked, asked: Mapping[str, Any], most: int, hours: str = "") -> list[dict[str, Any]]:
    """Return the newest changes, newest first. Raises what the API does."""
    since = {"since": f"{hours}h"} if hours else {}
    rows: list[dict[str, Any]] = await request.api.runner("alerts.history", limit=most, **asked, **since)
    return rows


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < 1e11 else None
