"""Rules: listed with where they stand; made, edited and tried on real data, when the master keeps them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import Busy
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.alerts.book import RANK, Alert, book_of, forget_book
from saltern_web.pages.alerts.chart import chart_of
from saltern_web.pages.alerts.rule_form import KINDS, NODATA, fields_of, given_fields, read_form
from saltern_web.pages.alerts.shown import show
from saltern_web.pages.paging import paged
from saltern_web.session.console import Asked

HOURS = (1, 6, 24, 72, 168)
TRIED = 50
"""Series of a preview that are shown, the most troubled first."""
WIDTH = 1000.0
"""Of a strip of states, in units of its own."""
HIDDEN = "***"


class Span(NamedTuple):
    """A piece of a strip: from *x*, *width* wide, a state, and what to say of it."""

    x: float
    width: float
    state: str
    begins: float


class Tried(NamedTuple):
    """What one series would have done: seconds in each level, and the strip."""

    series: str
    state: str
    value: float | None
    warn_s: float
    crit_s: float
    strip: list[Span]


async def rules(request: Asked) -> HttpResponse:
    """``/alerts/rules``: all of them; ``q`` looks in names, targets and places."""
    book = await book_of(request)
    text = request.GET.get("q", "").strip()[:300]
    found = [one for one in book.alerts if text.lower() in f"{one.name} {one.target} {one.place}".lower()]
    return show(request, "rules.html", {"tab": "rules", "page": paged(found, request.GET), "q": text})


async def new(request: Asked) -> HttpResponse:
    """``/alerts/rules/new``: an empty form, or one that ``metric``, ``target`` or another rule (``copy``) begins."""
    if request.method == "POST":
        return await _save(request, None)
    begun: Mapping[str, Any] = {kind: request.GET[kind] for kind in KINDS if request.GET.get(kind)}
    if copied := request.GET.get("copy"):
        found = (await book_of(request)).by_name.get(copied)
        begun = found.rule or {} if found is not None else {}
    return _form(request, None, fields_of(request.GET.get("name", ""), begun))


async def rule(request: Asked, name: str) -> HttpResponse:
    """``/alerts/rules/<name>``: the form of one that the master keeps; one of the configuration's is only shown."""
    found = (await book_of(request)).by_name.get(name)
    if found is None:
        raise Http404(f"there is no rule {name[:100]!r}, or it isn't shown to you")
    if request.method == "POST":
        return await _save(request, found)
    return _form(request, found, fields_of(name, found.rule or {}))


async def delete(request: Asked, name: str) -> HttpResponse:
    """``/alerts/rules/<name>/delete``: asked once more, then by POST it is gone."""
    found = (await book_of(request)).by_name.get(name)
    if found is None:
        raise Http404(f"there is no rule {name[:100]!r}")
    said = ""
    if request.method == "POST":
        try:
            await request.api.runner("alerts.rule_delete", name)
        except (Refused, NotAllowed) as error:
            said = str(error)
        else:
            forget_book(request)
            return HttpResponseRedirect("/alerts/rules")
    return show(request, "delete.html", {"alert": found, "said": said}, status=400 if said else 200)


async def attempt(request: Asked) -> HttpResponse:
    """``/alerts/rules/try``, by POST: what a form's rule would have done in the last ``hours``, as a part of a page."""
    if request.method != "POST":
        return HttpResponseRedirect("/alerts/rules/new")
    return render(request, "alerts/preview.html", await _tried(request, given_fields(request.POST)))


async def _save(request: Asked, found: Alert | None) -> HttpResponse:
    fields = given_fields(request.POST)
    if found is not None:
        fields["name"] = found.name
    if request.POST.get("do") == "try":
        return _form(request, found, fields, preview=await _tried(request, fields))
    try:
        if not fields["name"]:
            raise Refused("give the rule a name")
        if found is None and fields["name"] in (await book_of(request)).by_name:
            raise Refused(f"there is a rule {fields['name']!r} already: choose another name, or edit that one")
        rule = read_form(fields)
        if rule.get("script") == HIDDEN:
            raise Refused("this rule runs a script that isn't shown to you: who may do everything can change it")
        await request.api.runner("alerts.rule_set", fields["name"], rule)
    except (Refused, NotAllowed, Busy) as error:
        return _form(request, found, fields, str(error))
    forget_book(request)
    return HttpResponseRedirect(f"/alerts/rules?q={quote(fields['name'], safe='')}")


def _form(
    request: Asked,
    found: Alert | None,
    fields: Mapping[str, str],
    said: str = "",
    preview: Mapping[str, Any] | None = None,
) -> HttpResponse:
    editable = request.who.may("runner.alerts.rule_set") and (found is None or found.editable)
    around = {
        "tab": "rules",
        "alert": found,
        "given": fields,
        "said": said,
        "editable": editable,
        "nodata": NODATA,
        "spans": HOURS,
        "hours": 24,
        **(preview or {}),
    }
    return show(request, "rule.html", around, status=400 if said else 200)


async def _tried(request: Asked, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return what a preview shows: ``tried`` series, or the ``fault``."""
    given = request.POST.get("hours", "")
    hours = int(given) if given in map(str, HOURS) else 24
    try:
        told = await request.api.runner("alerts.try", read_form(fields), hours=hours)
    except (Refused, NotAllowed, Busy) as error:
        return {"preview": True, "hours": hours, "fault": str(error)}
    now = time.time()
    tried = sorted((read_tried(one, now - hours * 3600, now) for one in told.get("series", ())), key=_trouble)
    return {
        "preview": True,
        "hours": hours,
        "fault": str(told.get("fault") or ""),
        "tried": tried[:TRIED],
        "total": int(told.get("found") or len(tried)),
        "told": len(tried),
        "troubled": sum(1 for one in tried if one.warn_s or one.crit_s),
        "step": float(told.get("step") or 0),
        "chart": chart_of(fields["query"], fields, hours * 3600),
    }


def read_tried(told: Mapping[str, Any], begin: float, end: float) -> Tried:
    """Return one series of ``alerts.try``'s answer; its strip goes from *begin* to *end* (epoch s)."""
    changes = [(float(at), str(state)) for at, state in told.get("changes", ())]
    seconds = told.get("seconds") or {}
    value = told.get("value")
    return Tried(
        str(told.get("series", "")),
        str(told.get("state", "unknown")),
        float(value) if isinstance(value, int | float) else None,
        float(seconds.get("warn") or 0),
        float(seconds.get("crit") or 0),
        strip(changes, begin, end),
    )


def strip(changes: list[tuple[float, str]], begin: float, end: float) -> list[Span]:
    """Return the pieces that *changes*, each a time and the state from then on, make; before the first: unknown."""
    edges = [(begin, "unknown"), *sorted(changes), (end, "")]
    scale = WIDTH / max(1.0, end - begin)
    found = []
    for (at, state), (until, _) in itertools.pairwise(edges):
        low, high = max(at, begin), min(until, end)
        if high > low:
            found.append(Span(round((low - begin) * scale, 2), round((high - low) * scale, 2), state, low))
    return found


def _trouble(one: Tried) -> tuple[int, float, float, str]:
    return (RANK.get(one.state, len(RANK)), -one.crit_s, -one.warn_s, one.series)
