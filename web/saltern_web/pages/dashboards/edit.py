"""``/dashboards/<number>/edit``: the form of one's own dashboard."""

from __future__ import annotations

from dataclasses import asdict, replace

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.charts.panel import UNITS
from saltern_web.pages.dashboards.form import (
    NameForm,
    PanelForms,
    VariableForms,
    panel_fields,
    panels_in,
    variables_in,
)
from saltern_web.pages.dashboards.keeping import dashboard, keep
from saltern_web.session.console import Asked


async def edit(request: Asked, number: int) -> HttpResponse:
    """Show the form; by POST: keep what it says, or show what is wrong beside its fields."""
    principal = request.who.principal
    kept = await dashboard(principal, number, own=True)
    board = kept.board
    data = request.POST if request.method == "POST" else None
    about = NameForm(data, initial={"name": kept.name, "shared": kept.shared, "range": board.range})
    panels = PanelForms(data, prefix="panels", initial=[panel_fields(panel) for panel in board.panels])
    variables = VariableForms(data, prefix="variables", initial=[asdict(one) for one in board.variables])
    status = 200
    if data is not None:
        status = 400
        if all([about.is_valid(), panels.is_valid(), variables.is_valid()]):
            changed = replace(
                board,
                panels=tuple(panels_in(panels.ordered_forms)),
                variables=tuple(variables_in(variables)),
                range=about.cleaned_data["range"],
                notes=() if request.POST.get("forget") else board.notes,
            )
            try:
                await keep(principal, about.cleaned_data["name"], changed, number, shared=about.cleaned_data["shared"])
            except Refused as error:
                about.add_error("name", str(error))
            else:
                again = "add" in request.POST
                return HttpResponseRedirect(f"/dashboards/{number}" + ("/edit#last" if again else ""))
    context = {"kept": kept, "about": about, "panels": panels, "variables": variables, "units": UNITS}
    return render(request, "dashboards/edit.html", context, status=status)
