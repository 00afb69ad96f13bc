"""What is wrong, the worst first; and every rule with its series' states."""

from __future__ import annotations

import asyncio
from glob import escape
from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpResponse

from saltern_web.fleet import Fleet
from saltern_web.pages.alerts.book import OK, STATES, Alert, Book, Series, book_of
from saltern_web.pages.alerts.chart import chart_of
from saltern_web.pages.alerts.history import ask_history
from saltern_web.pages.alerts.shown import show
from saltern_web.pages.paging import paged
from saltern_web.parts import part
from saltern_web.session.console import Asked

MAX_CHARS = 300
WITHIN_S = 8.0
RECENT = 20
RULES_SHOWN = 100
CHART_S = 6 * 3600


async def listing(request: Asked) -> HttpResponse:
    """``/alerts``: ``q`` looks in names, ``state`` is one, ``seen`` is ``no`` or ``only``: who has seen to it."""
    book, hosts = await asyncio.gather(book_of(request), part(request.console.fleet.get(request.api), WITHIN_S))
    wanted = {name: request.GET.get(name, "").strip()[:MAX_CHARS] for name in ("q", "state", "seen")}
    found = [one for one in book.series if _meant(one, wanted)]
    page = paged(found, request.GET)
    around = {
        "tab": "problems",
        "book": book,
        "wanted": wanted,
        "states": STATES,
        "counts": _counts(book),
        "page": page,
        "rows": rows_of(page.rows, hosts.value),
        "rules": [alert for alert in book.alerts if _named(alert, wanted["q"])][:RULES_SHOWN],
    }
    return show(request, "alerts.html", around)


async def one(request: Asked, name: str) -> HttpResponse:
    """``/alerts/<name>``: one rule, all its series, and what they did last."""
    book, hosts, recent = await asyncio.gather(
        book_of(request),
        part(request.console.fleet.get(request.api), WITHIN_S),
        part(ask_history(request, {"alert": escape(name)}, RECENT), WITHIN_S),
    )
    alert = book.by_name.get(name)
    if alert is None:
        raise Http404(f"there is no alert {name[:100]!r}, or it isn't shown to you")
    wanted = {name: request.GET.get(name, "").strip()[:MAX_CHARS] for name in ("q", "state")}
    series = [one for one in book.series if one.alert == name and _found(one, wanted)]
    page = paged(series, request.GET)
    around = {
        "alert": alert,
        "wanted": wanted,
        "states": STATES,
        "page": page,
        "rows": rows_of(page.rows, hosts.value),
        "recent": recent.value,
        "unrecorded": recent.said,
        "chart": chart_of(alert.target, {"warn": alert.warn, "crit": alert.crit}, CHART_S),
        "explorer": f"/explorer?target={quote(alert.target, safe='')}" if alert.target not in ("", "***") else "",
    }
    return show(request, "alert.html", around)


def rows_of(series: Any, fleet: Fleet | None) -> list[tuple[Series, str]]:
    """Return each series with the minion that it is about, as far as its name tells."""
    if fleet is None:
        return [(one, "") for one in series]
    return [(one, host.id if (host := fleet.about(one.name)) is not None else "") for one in series]


def _meant(one: Series, wanted: dict[str, str]) -> bool:
    if not wanted["state"] and one.state == OK:
        return False
    if wanted["seen"] and one.seen_to != (wanted["seen"] == "only"):
        return False
    return _found(one, wanted)


def _found(one: Series, wanted: dict[str, str]) -> bool:
    if wanted["state"] and one.state != wanted["state"]:
        return False
    return wanted["q"].lower() in one.key.lower()


def _named(alert: Alert, text: str) -> bool:
    return text.lower() in f"{alert.name}:{alert.target}".lower() or any(text in one.name for one in alert.series)


def _counts(book: Book) -> dict[str, int]:
    counts = dict.fromkeys(STATES, 0)
    for alert in book.alerts:
        for state, count in alert.counts.items():
            counts[state] = counts.get(state, 0) + count
    return counts
