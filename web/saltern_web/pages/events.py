"""Events as they come, and the last changes that were recorded."""

from __future__ import annotations

import asyncio
import re
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.parts import part
from saltern_web.session.console import Asked

MAX_TAGS, MAX_TAG_CHARS = 200, 512
RECORDED = 200
"""Recorded changes on a page."""
WITHIN_S = 8.0
HOURS, USUAL_HOURS = (1, 6, 24, 168), 6
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Everything", ()),
    ("Jobs", ("salt/job/*",)),
    ("Alerts", ("salt/alert/*",)),
    ("Minions", ("salt/minion/*", "salt/presence/*")),
    ("Keys", ("salt/auth", "salt/key")),
    ("Functions of the master", ("salt/run/*", "salt/wheel/*")),
    ("Hooks", ("salt/netapi/hook/*",)),
)
"""Tags that are often looked for together."""
_BETWEEN = re.compile(r"[\s,]+")


class Change(NamedTuple):
    """A recorded one; *when*: epoch seconds."""

    when: float
    what: str
    tags: tuple[str, ...]


async def listing(request: Asked) -> HttpResponse:
    """``/events``: those whose tags match one of ``?tag=`` globs; ``results=1``: with what jobs returned.

    ``scheduled=1``: returns of schedules too. ``hours``: how far back recorded changes are shown.
    """
    given = request.GET
    tags = read_tags(given.getlist("tag"))
    hours = next((one for one in HOURS if given.get("hours") == str(one)), USUAL_HOURS)
    recorded = await part(ask_recorded(request, hours), WITHIN_S)
    options = {name: "1" for name in ("results", "scheduled") if given.get(name)}
    around = {
        "tags": tags,
        "groups": [(name, _query(globs, options), globs == tags) for name, globs in GROUPS],
        "options": options,
        "follow": {"tags": tags, "results": "results" in options, "scheduled": "scheduled" in options},
        "hours": hours,
        "spans": [(one, _query(tags, {**options, "hours": str(one)})) for one in HOURS],
        "recorded": (recorded.value or [])[:RECORDED],
        "more": max(0, len(recorded.value or ()) - RECORDED),
        "unrecorded": recorded.said,
    }
    return render(request, "events/events.html", around)


def read_tags(given: list[str]) -> tuple[str, ...]:
    """Return the globs that a query names, each once; several may be in one text, with blanks or commas between."""
    found = dict.fromkeys(glob[:MAX_TAG_CHARS] for text in given for glob in _BETWEEN.split(text) if glob)
    return tuple(found)[:MAX_TAGS]


async def ask_recorded(request: Asked, hours: int, tag: str = "") -> list[Change]:
    """Return the changes that the store recorded in the last *hours*, newest first; with a *tag*, those that have it.

    Raises what the API does.
    """
    params = {"from": f"-{hours}h", **({"tags": tag} if tag else {})}
    told = await request.api.json("GET", "/events/get_data", params=params)
    return await asyncio.to_thread(read_recorded, told)


def read_recorded(told: Any) -> list[Change]:
    """Return the changes that Graphite's answer tells of, newest first; what is none is left out."""
    found = []
    for one in told if isinstance(told, list) else ():
        tags = one.get("tags") if isinstance(one, dict) else None
        when = one.get("when") if isinstance(one, dict) else None
        if isinstance(when, int | float) and isinstance(tags, list | str):
            names = tags.split() if isinstance(tags, str) else map(str, tags)
            found.append(Change(float(when), str(one.get("what", "")), tuple(names)))
    return sorted(found, key=lambda change: -change.when)


def _query(tags: tuple[str, ...], more: dict[str, str]) -> str:
    return urlencode([*(("tag", tag) for tag in tags), *more.items()]) or "tag="
