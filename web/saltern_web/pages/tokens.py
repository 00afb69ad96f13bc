"""Tokens: logins that are open, and those of programs."""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

import yaml
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.unfolding import bounded
from saltern_web.api.errors import Refused
from saltern_web.session.console import Asked
from saltern_web.session.once import shown_once

MAX_NAME, MAX_SCOPE = 64, 8192
ID_CHARS = 12
MAX_WRITTEN_OUT = 8 * MAX_SCOPE
"""Characters of a scope as JSON."""
INSTANTS = ("created", "expires", "last_used")
LASTS = (("30d", "30 days"), ("90d", "90 days"), ("365d", "a year"), ("1d", "a day"))


async def tokens(request: Asked) -> HttpResponse:
    """``/tokens``: those that may be seen; a new one."""
    return await _page(request)


async def create(request: Asked) -> HttpResponse:
    """``/tokens/new``, by POST: a token for a program, shown this once."""
    if request.method != "POST":
        return HttpResponseRedirect("/tokens")
    given = {name: request.POST.get(name, "").strip() for name in ("name", "scope", "expires", "service")}
    try:
        scope = read_scope(given["scope"])
        made = await request.api.runner(
            "auth.token_create",
            given["name"][:MAX_NAME],
            scope=scope,
            expires=given["expires"] or "90d",
            service=bool(given["service"]),
        )
    except Refused as error:
        return await _page(request, given, str(error))
    around = {"name": given["name"], "secret": made["token"], "what": "token", "back": "/tokens"}
    return shown_once(render(request, "people/secret.html", around))


async def revoke(request: Asked) -> HttpResponse:
    """``/tokens/revoke``, by POST: one ends at once."""
    name = request.POST.get("id", "")[:MAX_NAME]
    if request.method == "POST" and name:
        await request.api.runner("auth.token_revoke", name)
    return HttpResponseRedirect("/tokens")


async def _page(request: Asked, given: dict[str, str] | None = None, wrong: str = "") -> HttpResponse:
    rows = await request.api.runner("auth.token_list")
    around = {
        "rows": [_row(one) for one in rows],
        "lasts": LASTS,
        "given": given or {},
        "wrong": wrong,
        "own": _id(request),
    }
    return render(request, "tokens/tokens.html", around, status=400 if wrong else 200)


def _id(request: Asked) -> str:
    """Return what the master calls the token of this login where it lists tokens."""
    return sha256(request.api.token.encode()).hexdigest()[:ID_CHARS]


def _row(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, **{name: epoch(told.get(name)) for name in INSTANTS}}


def epoch(said: Any) -> float | None:
    """Return an instant that the master says as ``2026-11-30T06:12:55Z`` in epoch seconds."""
    try:
        return datetime.fromisoformat(str(said)).timestamp()
    except ValueError:
        return None


def read_scope(text: str) -> list[Any] | None:
    """Return a scope that is written as grants are, in YAML or JSON; of nothing: none. Raises ``Refused``."""
    if not text:
        return None
    if len(text) > MAX_SCOPE:
        raise Refused(f"a scope is at most {MAX_SCOPE:,} characters")
    try:
        read = bounded(yaml.safe_load(text))  # by aliases a few lines would be gigabytes
        if len(json.dumps(read, allow_nan=False)) > MAX_WRITTEN_OUT:
            raise Refused("the scope's aliases (*name) repeat too much: write it shorter")
    except (yaml.YAMLError, RecursionError, TypeError, ValueError):
        raise Refused("the scope is no YAML: write a list, as [test.ping, {'web*': [service.status]}]") from None
    if not isinstance(read, list):
        raise Refused("the scope must be a list, as [test.ping, {'web*': [service.status]}]")
    return read
