"""Silences: one is made with a reason and an end, listed, and ended."""

from __future__ import annotations

import fnmatch
import re
import time
from glob import escape
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect, QueryDict

from saltern_web.api.errors import Refused
from saltern_web.pages.alerts.acknowledging import MAX_TEXT, each, where_next
from saltern_web.pages.alerts.book import OK, Book, book_of, forget_book
from saltern_web.pages.alerts.shown import show
from saltern_web.pages.moments import moment_of
from saltern_web.pages.paging import paged
from saltern_web.session.console import Asked

MOST = 200
"""Silences of one form: as many as the master lets one user have."""
MAX_GLOB = 512
EVERY = "*"
LASTS = (("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), ("7d", "7 days"), ("until", "until …"))
GLOBS = ("alert", "series", "minion")
SHOWN = 50


class Aim(NamedTuple):
    """What one silence is for: globs that must all match."""

    alert: str
    series: str
    minion: str

    @property
    def said(self) -> str:
        """It in words."""
        named = zip(("alert", "series", "host"), self, strict=True)
        return ", ".join(f"{name} {glob}" for name, glob in named if glob != EVERY) or "every alert of every host"


async def silence(request: Asked) -> HttpResponse:
    """``/alerts/silence``: ``on`` names series, ``minion`` hosts, ``alert`` a rule; each gets a silence of its own.

    Without any of them the form has globs. With ``sure`` it is done.
    """
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    aims = aims_of(given)
    globs = bool(given.get("globs")) or not aims
    around: dict[str, Any] = {
        "aims": aims[:MOST],
        "too_many": len(aims) if len(aims) > MOST else 0,
        "most": MOST,
        "globs": globs,
        "given": {name: given.get(name, "") for name in (*GLOBS, "reason", "lasts", "until")},
        "fields": [] if globs else [(name, one) for name in ("on", "minion", "alert") for one in given.getlist(name)],
        "lasts": LASTS,
        "next": where_next(request),
        "meant": meant(await book_of(request), aims),
        "shown": SHOWN,
    }
    if posted and given.get("sure"):
        answer = await _made(request, aims, around)
        if answer is not None:
            return answer
    wrong = "said" in around or "outcome" in around
    return show(request, "silence.html", around, status=400 if wrong else 200)


async def _made(request: Asked, aims: list[Aim], around: dict[str, Any]) -> HttpResponse | None:
    """Make the silences, and return where to go; ``None``: *around* says what was wrong."""
    reason = " ".join(request.POST.get("reason", "").split())[:MAX_TEXT]
    try:
        ends = ends_of(request.POST, time.time())
        if not aims:
            raise Refused("say what is to be silenced; * means all")
        if len(aims) > MOST:
            raise Refused(f"{len(aims):,} silences at once are too many: {MOST} at most, or one with a glob")
        if not reason:
            raise Refused("say why: others will want to know")
    except Refused as error:
        around["said"] = str(error)
        return None

    async def act(aim: Aim) -> None:
        await request.api.runner("alerts.silence", reason, ends, **aim._asdict())

    outcome = await each(aims, act, lambda aim: aim.said)
    forget_book(request)
    request.console.fleet.forget(request.api)
    if not outcome.refused:
        return HttpResponseRedirect("/alerts/silences")
    around["outcome"] = outcome
    return None


async def silences(request: Asked) -> HttpResponse:
    """``/alerts/silences``: those that aren't over; by POST one is ended."""
    if request.method == "POST":
        await request.api.runner("alerts.unsilence", request.POST.get("id", "")[:100])
        forget_book(request)
        request.console.fleet.forget(request.api)
        return HttpResponseRedirect("/alerts/silences")
    rows = await request.api.runner("alerts.silences")
    found = [{**one, "aim": Aim(*(str(one.get(name, EVERY)) for name in GLOBS)).said} for one in rows]
    now = time.time()
    page = paged(found, request.GET)
    around = {"tab": "silences", "page": page, "now": now}
    return show(request, "silences.html", around)


def aims_of(given: QueryDict) -> list[Aim]:
    """Return what a form names, each once: series exactly as they are, hosts and alerts by globs."""
    if given.get("globs"):
        globs = [given.get(name, "").strip()[:MAX_GLOB] or EVERY for name in GLOBS]
        return [Aim(*globs)] if any(given.get(name, "").strip() for name in GLOBS) else []
    found = []
    for key in given.getlist("on"):
        alert, _, name = key.partition(":")
        found.append(Aim(alert, escape(name) or EVERY, EVERY))
    found += [Aim(EVERY, EVERY, one) for one in given.getlist("minion") if one]
    found += [Aim(one, EVERY, EVERY) for one in given.getlist("alert") if one]
    return list(dict.fromkeys(found))


def ends_of(given: QueryDict, now: float) -> str | float:
    """Return when a silence ends, as the master takes it: a duration, or epoch seconds. Raises ``Refused``.

    ``until`` is in UTC unless it says otherwise.
    """
    lasts = given.get("lasts", "")
    if lasts != "until":
        if lasts in dict(LASTS):
            return lasts
        raise Refused("say when it ends")
    at = moment_of(given.get("until", ""))
    if at is None:
        raise Refused("say until when: a day and a time")
    if at.timestamp() <= now:
        raise Refused("that time is over: name one to come")
    return at.timestamp()


def meant(book: Book, aims: list[Aim]) -> list[Any]:
    """Return the series that aren't ok now and are meant, as far as globs of hosts leave it open none."""
    patterns = [
        (re.compile(fnmatch.translate(aim.alert)), re.compile(fnmatch.translate(aim.series)))
        for aim in aims[:MOST]
        if aim.minion == EVERY
    ]
    return [
        one
        for one in book.series
        if one.state != OK and any(alert.match(one.alert) and name.match(one.name) for alert, name in patterns)
    ]
