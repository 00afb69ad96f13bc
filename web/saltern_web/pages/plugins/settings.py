"""``/plugins/<name>/settings``: a plugin's configuration, for administrators."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import NotAllowed
from saltern_web.pages.plugins.found import found
from saltern_web.pages.plugins.listing import ADMINISTRATORS
from saltern_web.plugins.configuration import configuration_form, configuration_of, keep_configuration
from saltern_web.session.console import Asked


async def settings(request: Asked, name: str) -> HttpResponse:
    """Show the configuration in force, and take another one."""
    one = await found(request, name)
    if not request.who.everything:
        raise NotAllowed(ADMINISTRATORS)
    kind = configuration_form(one.meta)
    if request.method == "POST":
        if request.POST.get("do") == "own":
            await keep_configuration(one.name, one.meta, {})
            return HttpResponseRedirect(f"/plugins/{one.name}/settings")
        form = kind(request.POST)
        if form.is_valid():
            await keep_configuration(one.name, one.meta, form.cleaned_data)
            return HttpResponseRedirect(f"/plugins/{one.name}")
        return render(request, "plugins/settings.html", {"plugin": one, "form": form}, status=400)
    form = kind(initial=await configuration_of(one.name, one.meta))
    return render(request, "plugins/settings.html", {"plugin": one, "form": form})
