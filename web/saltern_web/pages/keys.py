"""Keys: who waits to be let in, by fingerprint. What is done is done to exactly the keys that were shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.pages.paging import paged
from saltern_web.parts import part
from saltern_web.session.console import Asked

PENDING, DENIED, REJECTED, ACCEPTED = "minions_pre", "minions_denied", "minions_rejected", "minions"
STATES = (PENDING, DENIED, REJECTED, ACCEPTED)
WORDS = {PENDING: "pending", DENIED: "denied", REJECTED: "rejected", ACCEPTED: "accepted"}
ACTS = {
    "accept": ("Accept", "accepted", (PENDING, REJECTED, DENIED)),
    "reject": ("Reject", "rejected", (PENDING, ACCEPTED, DENIED)),
    "delete": ("Delete", "deleted", STATES),
}
"""What is done, the word for it being done, and to keys in which states."""
FIELD = "key"
MOST = 2000
"""Keys of one form."""
WITHIN_S = 8.0
MAX_Q = 253
PIECE = 24
"""Characters: eight pairs and their colons."""


class Key(NamedTuple):
    """One key as it is shown; a form names it by all three."""

    state: str
    id: str
    fingerprint: str

    @property
    def field(self) -> str:
        """What a form sends: neither ids nor fingerprints have blanks."""
        return " ".join(self)

    @property
    def pairs(self) -> list[str]:
        """The fingerprint in pieces that eyes can compare: lines break between them."""
        return [self.fingerprint[at : at + PIECE] for at in range(0, len(self.fingerprint), PIECE)]

    @property
    def word(self) -> str:
        """The state in a sentence."""
        return WORDS.get(self.state, self.state)


async def keys(request: Asked) -> HttpResponse:
    """``/keys``: those that wait first; ``q`` looks in ids, ``state`` shows one state alone."""
    text = request.GET.get("q", "").strip()[:MAX_Q]
    state = request.GET.get("state", "")
    listed = await request.api.wheel("key.list_all")
    wanted = [one for one in STATES if state not in WORDS or one == state]
    found = await request.api.wheel("key.resolve", "*", states=wanted) if any(listed.get(one) for one in wanted) else []
    own = await part(ask_master(request), WITHIN_S)
    all_keys = [key for key in map(read_key, found) if text.lower() in key.id.lower()]
    groups = [
        (one, WORDS[one], paged([key for key in all_keys if key.state == one], request.GET, one)) for one in wanted
    ]
    around = {
        "q": text,
        "state": state,
        "counts": [(one, WORDS[one], len(listed.get(one, ()))) for one in STATES],
        "groups": groups,
        "waiting": len(listed.get(PENDING, ())),
        "master": own,
        "done": done_of(request),
        "may_change": request.who.may("wheel.key.accept"),
    }
    return render(request, "keys/keys.html", around)


async def confirm(request: Asked) -> HttpResponse:
    """``/keys/confirm``, by POST: exactly the chosen keys with their fingerprints, before anything is done."""
    if request.method != "POST":
        return HttpResponseRedirect("/keys")
    act, chosen = _chosen(request)
    name, past, states = ACTS[act]
    meant = [key for key in chosen if key.state in states]
    around = {"act": act, "name": name, "past": past, "keys": meant, "left_out": [k for k in chosen if k not in meant]}
    return render(request, "keys/confirm.html", around)


async def act(request: Asked) -> HttpResponse:
    """``/keys/act``, by POST: it is done to these keys; the master refuses those that are others meanwhile."""
    if request.method != "POST":
        return HttpResponseRedirect("/keys")
    act, chosen = _chosen(request)
    told = await request.api.wheel(f"key.{act}_keys", [list(key) for key in chosen])
    request.console.fleet.forget(request.api)
    done = sum(len(ids) for ids in told.get("done", {}).values())
    refused = [str(line) for line in told.get("refused", ())]
    if not refused:
        return HttpResponseRedirect(f"/keys?{ACTS[act][1]}={done}")
    around = {"name": ACTS[act][0], "past": ACTS[act][1], "done": done, "refused": refused}
    return render(request, "keys/refused.html", around, status=409)


async def ask_master(request: Asked) -> dict[str, str]:
    """Return the master's own ``key`` and ``fingerprint``. Raises what the API does."""
    shown, key = await asyncio.gather(request.api.wheel("key.finger_master"), request.api.wheel("key.master_key_str"))
    return {"fingerprint": _only(shown), "key": _only(key)}


def read_key(told: Any) -> Key:
    """Return one of what ``key.resolve`` returns."""
    state, minion, fingerprint = told
    return Key(str(state), str(minion), str(fingerprint))


def read_field(text: str) -> Key:
    """Return the key that a form names. Raises ``Refused``."""
    parts = text.split(" ")
    if len(parts) != 3 or parts[0] not in WORDS or not parts[1]:
        raise Refused("the form names a key in a way that nobody understands: open the page again")
    return Key(*parts)


def done_of(request: Asked) -> list[tuple[str, int]]:
    """Return what was done just now, as the URL says: ``accepted=3``."""
    given = ((past, request.GET.get(past, "")) for _, past, _ in ACTS.values())
    return [(past, int(count)) for past, count in given if count.isdecimal() and len(count) < 6]


def _chosen(request: Asked) -> tuple[str, Sequence[Key]]:
    act = request.POST.get("do", "")
    chosen = list(dict.fromkeys(request.POST.getlist(FIELD)))
    if act not in ACTS:
        raise Refused("say what is to be done: accept, reject or delete")
    if not chosen:
        raise Refused("no key was chosen: tick some first")
    if len(chosen) > MOST:
        raise Refused(f"{len(chosen):,} keys at once are too many: {MOST:,} at most")
    return act, [read_field(text) for text in chosen]


def _only(told: dict[str, dict[str, str]]) -> str:
    values: Iterable[str] = told.get("local", {}).values()
    return next(iter(values), "")
