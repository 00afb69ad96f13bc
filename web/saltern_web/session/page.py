"""What comes before and behind every page: who asks, and what an error looks like."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, urlsplit

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from saltern.errors import Busy, SalternError, http_status
from saltern.visible import visible
from saltern_web.api.errors import ApiAway, LoggedOut, NotAllowed, Refused
from saltern_web.session.around import remember_who
from saltern_web.session.console import Asked, address_of, console_of
from saltern_web.session.cookie import drop_token, token_in

log = logging.getLogger(__name__)

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
LOGIN = "/login"
FAULT = "This page failed; the console's log says more."
AGAIN = "The page comes back by itself as soon as the API answers again."
UNKNOWN = "Whether what you sent was done isn't known: look before you send it again."
MAX_SAID = 1000


def page(view: View) -> View:
    """Return *view* for who is logged in; it is given an ``Asked``, and what it raises becomes a page."""

    @functools.wraps(view)
    async def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        console = console_of(request)
        token = token_in(request, secure=console.secure)
        try:
            if not token:
                raise LoggedOut("log in first")
            asked = cast(Asked, request)
            asked.console, asked.address = console, address_of(request)
            asked.api = console.api(token, asked.address)
            asked.who = await console.who.get(asked.api)
            answer = await view(asked, *args, **kwargs)
        except LoggedOut:
            return to_login(request)
        except Exception as error:
            return failed(request, error)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return answered


def public(view: View) -> View:
    """Return *view* for anybody; what it raises becomes a page."""

    @functools.wraps(view)
    async def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            answer = await view(request, *args, **kwargs)
        except Exception as error:
            return failed(request, error)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return answered


def to_login(request: HttpRequest) -> HttpResponse:
    """Return what sends someone to log in, and back to where he was going."""
    reading = request.method in ("GET", "HEAD") and not _by_script(request)
    here = request.get_full_path() if reading else request.headers.get("HX-Current-URL") or _page_before(request)
    where = f"{LOGIN}?next={quote(here)}" if here not in ("/", "") else LOGIN
    unsent = request.method == "POST" and not _by_script(request)
    if unsent or token_in(request, secure=console_of(request).secure):
        where += f"{'&' if '?' in where else '?'}{'unsent' if unsent else 'ended'}=1"
    if _by_script(request):
        answer: HttpResponse = JsonResponse({"error": "the login has ended", "login": where}, status=401)
        answer.headers["HX-Redirect"] = where
    else:
        answer = HttpResponseRedirect(where)
    drop_token(answer, secure=console_of(request).secure)
    return answer


def _page_before(request: HttpRequest) -> str:
    """Return the page of ours whose form was sent, as path and query; "/" where that isn't told."""
    said = urlsplit(request.headers.get("Referer", ""))
    if said.netloc != request.get_host() or not said.path.startswith("/"):
        return "/"
    return f"{said.path}?{said.query}" if said.query else said.path


def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the page that tells of *error*: one line of what is wrong, and what would help."""
    remember_who(request)
    status, said, hint = told(request, error)
    if isinstance(error, ApiAway) or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        console_of(request).counters.add("apiAway" if isinstance(error, ApiAway) else "requestsFailed")
    if _by_script(request) and not request.headers.get("HX-Request"):
        answer: HttpResponse = JsonResponse({"error": said}, status=status)
    else:
        part = "error_part.html" if request.headers.get("HX-Request") else "error.html"
        heading = HTTPStatus(status).phrase
        around = {"status": status, "heading": heading, "said": said, "hint": hint, "again": hint == AGAIN}
        answer = render(request, part, around, status=status)
    answer.headers["Cache-Control"] = "no-store"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = "2"
    return answer


def told(request: HttpRequest, error: Exception) -> tuple[int, str, str]:
    """Return status, message and hint for *error*; one that nobody foresaw goes to the log."""
    said = visible(" ".join(str(error).split()))[:MAX_SAID]
    if isinstance(error, ApiAway):
        return 503, said, UNKNOWN if request.method == "POST" else AGAIN
    if isinstance(error, NotAllowed):
        return 403, said, "Your login is good, but nothing allows this. Who administers the master can grant it."
    if isinstance(error, Busy):
        return 429, said, "Try again in a moment."
    if isinstance(error, Refused):
        return 400, said, ""
    if isinstance(error, Http404):
        return 404, said or f"nothing is at {request.path[:200]}", "The address may have been mistyped, or it is gone."
    if isinstance(error, RequestDataTooBig | SuspiciousOperation):
        return 413, "the form is too large", "Send less at once."
    if isinstance(error, DataError):
        log.warning("the console's database doesn't take what was to be kept: %s", said)
        return 400, "the console's database takes no such text: a character of it can't be kept", ""
    if isinstance(error, DatabaseError):
        log.error("the console's database fails: %s", said)
        return 503, "the console's own database does not answer", "What the fleet does isn't touched by that."
    if isinstance(error, SalternError):
        return http_status(error), said, ""
    log.error("%s %s failed", request.method, visible(request.path[:200]), exc_info=error)
    return 500, FAULT, ""


def _by_script(request: HttpRequest) -> bool:
    """Whether a script asks: htmx, or a fetch for JSON."""
    return "HX-Request" in request.headers or request.headers.get("Accept", "").startswith("application/json")
