"""``/plugins``: which there are."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import SalternError
from saltern_web.api.errors import LoggedOut, NotAllowed
from saltern_web.pages.plugins.found import is_for
from saltern_web.plugins.book import kept_folder
from saltern_web.plugins.from_master import Taken, take_over
from saltern_web.session.console import Asked

ADMINISTRATORS = "plugins are taken over and configured by who may everything"


async def listing(request: Asked) -> HttpResponse:
    """Show the plugins; by POST an administrator takes over those of the master's file server."""
    taken: Taken | None = None
    wrong = ""
    if request.method == "POST":
        if not request.who.everything:
            raise NotAllowed(ADMINISTRATORS)
        try:
            taken = await take_over(request.api, kept_folder(request.console.options))
        except LoggedOut:
            raise
        except (SalternError, OSError) as error:
            wrong = f"the master's plugins can't be taken over: {error}"
        request.console.plugins.look_again()
        if taken is not None and not taken.faults:
            return HttpResponseRedirect(f"/plugins?taken={len(taken.names)}")
    book = request.console.plugins
    around = {
        "plugins": [one for one in await book.all() if is_for(request, one)],
        "remarks": book.remarks if request.who.everything else (),
        "taken": taken,
        "took": request.GET.get("taken", "") if request.GET.get("taken", "").isdecimal() else "",
        "wrong": wrong,
        "runs_code": request.console.options["plugins_from_master"],
    }
    return render(request, "plugins/list.html", around, status=400 if wrong else 200)
