"""Requests that never came to a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

STALE = (
    "this form was opened before the last login, or the browser keeps no cookies: open the page again, by https:// "
    "where the console has a certificate"
)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the answer to a form that doesn't have this browser's token."""
    around = {"status": 403, "heading": "Forbidden", "said": STALE, "hint": ""}
    return render(request, "error.html", around, status=403)


def no_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer for an address where nothing is."""
    said = f"nothing is at {request.path[:200]}"
    hint = "The address may have been mistyped, or it is gone."
    return render(
        request, "error.html", {"status": 404, "heading": "Not Found", "said": said, "hint": hint}, status=404
    )


def fault(request: HttpRequest) -> HttpResponse:
    """Return the answer where even a page of an error failed."""
    return HttpResponse("the console failed; its log says more\n", status=500, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to what is no request of a page."""
    return HttpResponse("the request can't be understood\n", status=400, content_type="text/plain")
