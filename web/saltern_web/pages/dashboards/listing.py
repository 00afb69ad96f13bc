"""``/dashboards``: one's own and shared ones; new, imported, copied, shared, deleted, and told to others as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render

from saltern_web.api.errors import Refused
from saltern_web.pages.dashboards.board import Board
from saltern_web.pages.dashboards.grafana import as_grafana, read_grafana
from saltern_web.pages.dashboards.keeping import dashboard, dashboards_of, drop, free_name, keep
from saltern_web.pages.paging import paged
from saltern_web.session.console import Asked

MAX_IMPORT_BYTES = 1024 * 1024
MAX_DEPTH = 100


async def dashboards(request: Asked, said: str = "", status: int = 200) -> HttpResponse:
    """Show the list; after a fault, what was *said*, with what was given."""
    kept = await dashboards_of(request.who.principal)
    around = {"rows": paged(kept, request.GET), "said": said, "given": request.POST}
    return render(request, "dashboards/dashboards.html", around, status=status)


async def create(request: Asked) -> HttpResponse:
    """By POST: begin an empty one, ``name``."""
    if request.method != "POST":
        return HttpResponseRedirect("/dashboards")
    try:
        number = await keep(request.who.principal, request.POST.get("name", ""), Board())
    except Refused as error:
        return await dashboards(request, str(error), 400)
    return HttpResponseRedirect(f"/dashboards/{number}/edit")


async def imported(request: Asked) -> HttpResponse:
    """By POST: take one of Grafana's, a ``file`` or a ``text``."""
    if request.method != "POST":
        return HttpResponseRedirect("/dashboards")
    try:
        name, board = read_grafana(_json(request))
    except ValueError as error:
        return await dashboards(request, f"It can't be imported: {error}", 400)
    principal = request.who.principal
    try:
        number = await keep(principal, await free_name(principal, name), board)
    except Refused as error:
        return await dashboards(request, str(error), 400)
    return HttpResponseRedirect(f"/dashboards/{number}?imported=1")


def _json(request: Asked) -> object:
    file = request.FILES.get("file")
    if file is not None and (file.size or 0) > MAX_IMPORT_BYTES:
        raise ValueError(f"a dashboard has up to {MAX_IMPORT_BYTES >> 20} MiB")
    raw = file.read() if file is not None else request.POST.get("text", "").encode()
    if not raw.strip():
        raise ValueError("choose a file, or paste its text")
    try:
        told = json.loads(raw)
        # JSON may say half a character, "\ud800", which no page can be written with.
        return json.loads(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"this is no JSON: {' '.join(str(error).split())[:200]}") from None


async def copy(request: Asked, number: int) -> HttpResponse:
    """By POST: make one's own of any that one sees."""
    if request.method != "POST":
        return HttpResponseRedirect(f"/dashboards/{number}")
    principal = request.who.principal
    kept = await dashboard(principal, number)
    made = await keep(principal, await free_name(principal, kept.name), replace(kept.board, notes=()))
    return HttpResponseRedirect(f"/dashboards/{made}")


async def share(request: Asked, number: int) -> HttpResponse:
    """By POST: let everybody who logs in read it, or no more (``shared``)."""
    if request.method == "POST":
        kept = await dashboard(request.who.principal, number, own=True)
        await keep(request.who.principal, kept.name, kept.board, number, shared=bool(request.POST.get("shared")))
    return HttpResponseRedirect(f"/dashboards/{number}")


async def delete(request: Asked, number: int) -> HttpResponse:
    """Ask whether it shall go; by POST it goes."""
    kept = await dashboard(request.who.principal, number, own=True)
    if request.method != "POST":
        return render(request, "dashboards/delete.html", {"kept": kept})
    await drop(request.who.principal, number)
    return HttpResponseRedirect("/dashboards")


async def export(request: Asked, number: int) -> HttpResponse:
    """Give it as Grafana takes it."""
    kept = await dashboard(request.who.principal, number)
    told = json.dumps(as_grafana(kept.name, kept.board), indent=2, ensure_ascii=False)
    answer = HttpResponse(told, content_type="application/json; charset=utf-8")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", kept.name).strip("-") or "dashboard"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return answer


def query_without(query: QueryDict, *names: str) -> str:
    """Return *query* without *names*, as a URL has it."""
    left = query.copy()
    for name in names:
        left.pop(name, None)
    return left.urlencode()
