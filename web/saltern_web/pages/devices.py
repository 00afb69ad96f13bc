"""Devices: which host speaks for each, whether it is reached, since when, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from saltern_web.devices import MARKS, ORDER, WORDS, Device
from saltern_web.pages.paging import paged
from saltern_web.session.console import Asked

MAX_Q = 253
MAX_WORDS = 20


class Filter(NamedTuple):
    """What the URL asks for; nothing of it: all of them."""

    q: str = ""
    state: str = ""
    host: str = ""
    kind: str = ""

    def query(self, **changed: str) -> str:
        """Return it as a URL has it, without a page; *changed*: what differs."""
        return urlencode({name: value for name, value in (self._asdict() | changed).items() if value})

    def admits(self, devices: Iterable[Device]) -> list[Device]:
        """Return those of *devices* that it asks for, in their order; every word of ``q`` is in one of its columns."""
        words = self.q.casefold().split()[:MAX_WORDS]
        return [one for one in devices if self._admits(one, words)]

    def _admits(self, one: Device, words: list[str]) -> bool:
        if (self.state and one.state != self.state) or (self.host and one.host != self.host):
            return False
        if self.kind and one.kind != self.kind:
            return False
        return all(word in f"{one.id} {one.host} {one.kind} {one.error}".casefold() for word in words)


async def devices(request: Asked) -> HttpResponse:
    """``/devices``: those in trouble first; ``q``, ``state``, ``host`` and ``kind`` choose among them."""
    told = await request.console.devices.get(request.api)
    asked = filter_of(request.GET)
    found = asked.admits(told.devices)
    states = [
        (
            state,
            MARKS[state],
            WORDS[state],
            told.counts[state],
            asked.query(state="" if state == asked.state else state),
        )
        for state in ORDER
        if told.counts[state] or state == asked.state
    ]
    around = {
        "asked": asked,
        "total": len(told.devices),
        "states": states,
        "hosts": told.hosts,
        "kinds": told.kinds,
        "page": paged(found, request.GET),
    }
    return render(request, "devices/devices.html", around)


def filter_of(given: QueryDict) -> Filter:
    """Return what a URL asks for; a state that there isn't is passed over."""
    state = given.get("state", "")
    return Filter(
        " ".join(given.get("q", "")[:MAX_Q].split()),
        state if state in ORDER else "",
        given.get("host", "")[:MAX_Q],
        given.get("kind", "")[:MAX_Q],
    )
