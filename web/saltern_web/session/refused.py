"""Requests that never came to a page."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from saltern_web.session.console import Asked, address_of, console_of
from saltern_web.session.cookie import token_in

STALE = (
    "this form was opened before the last login, or the browser keeps no cookies: open the page again, by https:// "
    "where the console has a certificate"
)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the answer to a form that doesn't have this browser's token."""
    return _page(request, 403, "Forbidden", STALE)


def no_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer for an address where nothing is."""
    hint = "The address may have been mistyped, or it is gone."
    return _page(request, 404, "Not Found", f"nothing is at {request.path[:200]}", hint)


def _page(request: HttpRequest, status: int, heading: str, said: str, hint: str = "") -> HttpResponse:
    """Return the page of an error, with the menu of a login that was seen moments ago: nothing is asked for it."""
    console = console_of(request)
    token = token_in(request, secure=console.secure)
    if token:
        api = console.api(token, address_of(request))
        who = console.who.peek(api)
        if who is not None:
            asked = cast(Asked, request)
            asked.console, asked.api, asked.who = console, api, who
    around = {"status": status, "heading": heading, "said": said, "hint": hint}
    return render(request, "error.html", around, status=status)


def fault(request: HttpRequest) -> HttpResponse:
    """Return the answer where even a page of an error failed."""
    return HttpResponse("the console failed; its log says more\n", status=500, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to what is no request of a page."""
    return HttpResponse("the request can't be understood\n", status=400, content_type="text/plain")
