"""Saying that a problem is known: exactly the series that were shown."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme

from saltern.errors import Busy
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.alerts.book import OK, Series, book_of, forget_book
from saltern_web.pages.alerts.shown import show
from saltern_web.session.console import Asked

MOST = 200
"""Series of one form."""
MAX_TEXT = 1000
HOME = "/alerts"


class Outcome(NamedTuple):
    """What became of several calls: how many were done, and ``(what, why not)`` of each that wasn't."""

    done: int
    refused: list[tuple[str, str]]


async def acknowledge(request: Asked) -> HttpResponse:
    """``/alerts/acknowledge``: ``on`` names series; with ``sure`` it is done, before that it is shown what would be."""
    posted = request.method == "POST"
    given = request.POST if posted else request.GET
    keys = list(dict.fromkeys(given.getlist("on")))[:MOST]
    book = await book_of(request)
    series = [book.by_key[key] for key in keys if key in book.by_key and book.by_key[key].state != OK]
    around: dict[str, Any] = {
        "series": series,
        "gone": len(keys) - len(series),
        "most": MOST if len(given.getlist("on")) > MOST else 0,
        "comment": given.get("comment", "")[:MAX_TEXT],
        "next": where_next(request),
    }
    if posted and given.get("sure") and keys:

        async def act(one: Series) -> None:
            await request.api.runner("alerts.acknowledge", one.alert, one.name, comment=around["comment"])

        outcome = await each(series, act, lambda one: f"{one.alert}: {one.said}")
        forget_book(request)
        if not outcome.refused:
            return HttpResponseRedirect(around["next"])
        around["outcome"] = outcome
    return show(request, "acknowledge.html", around, status=400 if "outcome" in around else 200)


async def unacknowledge(request: Asked) -> HttpResponse:
    """``/alerts/unacknowledge``, by POST: one is taken back."""
    if request.method == "POST":
        alert, _, name = request.POST.get("on", "").partition(":")
        await request.api.runner("alerts.unacknowledge", alert, name)
        forget_book(request)
    return HttpResponseRedirect(where_next(request))


async def each(
    things: list[Any], act: Callable[[Any], Coroutine[Any, Any, None]], called: Callable[[Any], str]
) -> Outcome:
    """Do *act* with one thing after another; one that is refused stops none of the others. Raises ``ApiAway``."""
    done = 0
    refused: list[tuple[str, str]] = []
    for one in things:
        try:
            await act(one)
            done += 1
        except (Refused, NotAllowed, Busy) as error:
            refused.append((called(one), str(error)))
    return Outcome(done, refused)


def where_next(request: Asked) -> str:
    """Return the page of ours to go to afterwards."""
    where = (request.POST if request.method == "POST" else request.GET).get("next", "")
    own = where.startswith("/") and url_has_allowed_host_and_scheme(where, allowed_hosts=None)
    return where if own else HOME
