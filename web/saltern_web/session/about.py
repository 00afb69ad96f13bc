"""How the console itself is: ``/health`` for everybody, ``/metrics`` for Prometheus, with any login's token."""

from __future__ import annotations

import httpx
from django.http import HttpRequest, HttpResponse, JsonResponse

from saltern import __version__
from saltern_web.api.errors import LoggedOut
from saltern_web.session.console import address_of, console_of
from saltern_web.session.cookie import token_in

LOOKS_S = 2.0
BEARER = "Bearer "
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


async def health(request: HttpRequest) -> HttpResponse:
    """Say whether the console is there, and an API with a master behind it: 200, or 503."""
    try:
        answer = await console_of(request).http.get("/health", timeout=LOOKS_S)
        alive = answer.status_code == 200
    except (httpx.TransportError, httpx.InvalidURL):
        alive = False
    told = {"ok": alive, "error": None if alive else "the API, or its master, does not answer", "version": __version__}
    return JsonResponse(told, status=200 if alive else 503)


async def metrics(request: HttpRequest) -> HttpResponse:
    """Return the counters, to who shows a token that is good: ``Authorization: Bearer``, or the cookie."""
    console = console_of(request)
    said = request.headers.get("Authorization", "")
    token = said.removeprefix(BEARER).strip() if said.startswith(BEARER) else token_in(request, secure=console.secure)
    try:
        if not token.isalnum():
            raise LoggedOut
        await console.who.get(console.api(token, address_of(request)))
    except LoggedOut:
        answer = HttpResponse("a token is needed: Authorization: Bearer …\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    return HttpResponse(console.counters.prometheus(), content_type=PROMETHEUS)
