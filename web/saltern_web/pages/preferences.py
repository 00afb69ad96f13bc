"""Preferences: how pages look to someone, in whatever browser he logs in."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.kept.models import Preference
from saltern_web.session.around import THEME_COOKIE, THEMES, ZONE_COOKIE, ZONES
from saltern_web.session.console import Asked

YEAR_S = 365 * 86400
COOKIES = {"theme": (THEME_COOKIE, THEMES), "zone": (ZONE_COOKIE, ZONES)}


async def preferences(request: Asked) -> HttpResponse:
    """``/preferences``: the form, and what it sends."""
    if request.method != "POST":
        return render(request, "preferences/preferences.html", {"themes": THEMES, "zones": ZONES})
    wanted = {}
    for name, (_, choices) in COOKIES.items():
        said = request.POST.get(name, "")
        wanted[name] = said if said in choices else choices[0]
    await Preference.objects.aupdate_or_create(principal=request.who.principal, defaults={"content": wanted})
    answer = HttpResponseRedirect("/preferences")
    remember(answer, wanted, secure=request.console.secure)
    return answer


async def preferred(principal: str) -> dict[str, str]:
    """Return what someone chose."""
    kept = await Preference.objects.filter(principal=principal).afirst()
    return dict(kept.content) if kept is not None and isinstance(kept.content, dict) else {}


def remember(answer: HttpResponse, wanted: dict[str, str], *, secure: bool) -> None:
    """Have the browser know it, so that no page flashes in other colours first."""
    for name, (cookie, choices) in COOKIES.items():
        if wanted.get(name) in choices:
            answer.set_cookie(cookie, wanted[name], max_age=YEAR_S, secure=secure, httponly=True, samesite="Lax")
