"""Saved views of the table: a name for a filter, one's own or shared with all who log in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect, QueryDict

from saltern_web.api.errors import Refused
from saltern_web.kept.models import MAX_EACH, MAX_NAME, View
from saltern_web.key_numbers import NAMES
from saltern_web.pages.hosts.filter import filter_of
from saltern_web.session.console import Asked

PAGE = "hosts"
MOST_SHOWN = 200


class Saved(NamedTuple):
    """A view: where it leads, and whether it is the reader's own."""

    id: int
    name: str
    url: str
    own: bool
    shared: bool
    owner: str


async def views_of(principal: str) -> Sequence[Saved]:
    """Return the views that *principal* sees, his own first."""
    found = View.objects.filter(Q(owner=principal) | Q(shared=True), page=PAGE).order_by("name", "owner")
    views = [
        Saved(
            view.id,
            view.name,
            f"/hosts?{view.query}" if view.query else "/hosts",
            view.owner == principal,
            view.shared,
            view.owner,
        )
        async for view in found[:MOST_SHOWN]
    ]
    return sorted(views, key=lambda view: not view.own)


async def views(request: Asked) -> HttpResponse:
    """``/hosts/-/views``, by POST: save the filter ``query`` as ``name``, or ``delete`` one of one's own."""
    if request.method != "POST":
        return HttpResponseRedirect("/hosts")
    query = _clean(request.POST.get("query", ""))
    principal = request.who.principal
    if request.POST.get("delete", "").isdecimal():
        await View.objects.filter(owner=principal, page=PAGE, id=int(request.POST["delete"][:18])).adelete()
    else:
        await _save(principal, request.POST.get("name", ""), query, shared=bool(request.POST.get("shared")))
    return HttpResponseRedirect(f"/hosts?{query}" if query else "/hosts")


async def _save(principal: str, name: str, query: str, *, shared: bool) -> None:
    name = " ".join(name.split())[:MAX_NAME]
    if not name:
        raise Refused("a view needs a name")
    own = View.objects.filter(owner=principal)
    is_new = not await own.filter(name=name).aexists()
    if is_new and await own.acount() >= MAX_EACH:
        raise Refused(f"{MAX_EACH} views are kept for each: delete one first")
    changed = {"page": PAGE, "query": query, "shared": shared}
    await View.objects.aupdate_or_create(owner=principal, name=name, defaults=changed)


def _clean(query: str) -> str:
    """Return a query with what a filter is made of, and nothing else."""
    return filter_of(QueryDict(query.encode("utf-8", "replace")[:20_000]), NAMES).query()
