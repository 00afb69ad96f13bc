"""Logging in and out."""

from __future__ import annotations

import asyncio
import contextlib
from http import HTTPStatus

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from saltern.errors import Busy, SalternError
from saltern_web.api.client import Session, log_in
from saltern_web.api.errors import ApiAway, LoggedOut
from saltern_web.pages.preferences import preferred, remember
from saltern_web.session.console import Console, address_of, console_of
from saltern_web.session.cookie import drop_token, keep_token, token_in

MAX_NAME, MAX_PASSWORD = 256, 1024
AT_ONCE = 16
"""Logins that the API is asked for at a time, of everybody."""
TURN_S = 5.0
ROOM = "login.turns"
WRONG = "The name or the password is wrong, or nothing is granted to this login."


async def login(request: HttpRequest) -> HttpResponse:
    """``/login``: the form, and what it sends."""
    console = console_of(request)
    logins = console.options["logins"]
    where = _next(request)
    if request.method != "POST":
        told = {name: name in request.GET for name in ("unsent", "ended")}
        return render(request, "login.html", {"logins": logins, "next": where, **told})
    name = request.POST.get("username", "")[:MAX_NAME]
    password = request.POST.get("password", "")[:MAX_PASSWORD]
    eauth = request.POST.get("eauth", logins[0])
    said, status = WRONG, HTTPStatus.UNAUTHORIZED
    if eauth not in logins:
        eauth = logins[0]
    elif name and password:
        try:
            session = await _in_turn(console, name, password, eauth, address_of(request))
        except LoggedOut:
            pass
        except Busy:
            said, status = "Too many wrong passwords: wait a moment.", HTTPStatus.TOO_MANY_REQUESTS
        except TimeoutError:
            said, status = "Too many log in just now: try again in a moment.", HTTPStatus.SERVICE_UNAVAILABLE
        except ApiAway as error:
            said, status = f"{error}: try again in a moment.", HTTPStatus.SERVICE_UNAVAILABLE
        else:
            answer = HttpResponseRedirect(where)
            keep_token(answer, session.token, session.expire, secure=console.secure)
            await _as_preferred(console, answer, session.token)
            return answer
    shown = {"logins": logins, "next": where, "said": said, "username": name, "eauth": eauth}
    return render(request, "login.html", shown, status=status)


async def _in_turn(console: Console, name: str, password: str, eauth: str, address: str) -> Session:
    """Log in: a few at once, so that a crowd of strangers at the door keeps nobody inside from the API.

    Raises as ``log_in`` does, and ``TimeoutError`` for whose turn doesn't come.
    """
    turns = console.held(ROOM, lambda: asyncio.Semaphore(AT_ONCE))
    async with asyncio.timeout(TURN_S):
        await turns.acquire()
    try:
        return await log_in(console.http, name, password, eauth, address)
    finally:
        turns.release()


async def _as_preferred(console: Console, answer: HttpResponse, token: str) -> None:
    """Have this browser show pages as whoever logged in wants them, where that can be known."""
    with contextlib.suppress(SalternError, DatabaseError):
        who = await console.who.get(console.api(token))
        remember(answer, await preferred(who.principal), secure=console.secure)


async def logout(request: HttpRequest) -> HttpResponse:
    """``/logout``, by POST: the login ends, here and at the API."""
    console = console_of(request)
    if request.method != "POST":
        return HttpResponseRedirect("/")
    token = token_in(request, secure=console.secure)
    if token:
        api = console.api(token, address_of(request))
        await api.log_out()
        console.who.forget(api)
        console.fleet.forget(api)
    answer = HttpResponseRedirect("/login")
    drop_token(answer, secure=console.secure)
    return answer


def _next(request: HttpRequest) -> str:
    """Return the page of ours to go to."""
    where = request.POST.get("next") or request.GET.get("next") or "/"
    own = where.startswith("/") and url_has_allowed_host_and_scheme(where, allowed_hosts=None)
    return where if own else "/"
