"""Answers that hold a secret: shown this once, kept by nobody on the way."""

from __future__ import annotations

from django.http import HttpResponse


def shown_once(answer: HttpResponse) -> HttpResponse:
    """Return *answer*, which no cache and no history of a browser keeps."""
    answer.headers["Cache-Control"] = "no-store, private"
    return answer
