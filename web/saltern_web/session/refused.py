"""Requests that never came to a page."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from saltern_web.session.around import remember_who

STALE = (
    "this form was opened before the last login, or the browser keeps no cookies: open the page again, by https:// "
    "where the console has a certificate"
)

TOO_LARGE = "the form is too large"


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the answer to a form that doesn't have this browser's token."""
    return _page(request, 403, "Forbidden", STALE, "What you typed is there still when your browser goes back.")


def no_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer for an address where nothing is."""
    hint = "The address may have been mistyped, or it is gone."
    return _page(request, 404, "Not Found", f"nothing is at {request.path[:200]}", hint)


def _page(request: HttpRequest, status: int, heading: str, said: str, hint: str = "") -> HttpResponse:
    """Return the page of an error."""
    remember_who(request)
    around = {"status": status, "heading": heading, "said": said, "hint": hint}
    return render(request, "error.html", around, status=status)


def fault(request: HttpRequest) -> HttpResponse:
    """Return the answer where even a page of an error failed."""
    return HttpResponse("the console failed; its log says more\n", status=500, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to what is no request of a page; a form that is too large is one."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return _page(request, 413, "Content Too Large", TOO_LARGE, "Send less at once.")
    return HttpResponse("the request can't be understood\n", status=400, content_type="text/plain")
