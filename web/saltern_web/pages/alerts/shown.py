"""A page about alerts, with what its buttons depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.pages.alerts.book import RESERVED
from saltern_web.session.console import Asked

ACTS = ("acknowledge", "silence", "rule_set", "history")


def show(request: Asked, template: str, around: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """Return the page; the master decides again when a button is used."""
    may = {act: request.who.may(f"runner.alerts.{act}") for act in ACTS}
    return render(request, f"alerts/{template}", {"may": may, "reserved": RESERVED, **around}, status=status)
