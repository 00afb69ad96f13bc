"""Dashboards as they are kept: one's own, and those that others share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q
from django.http import Http404

from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.kept.models import MAX_BYTES, MAX_EACH, MAX_NAME, Dashboard
from saltern_web.pages.dashboards.board import Board, read_board

MAX_SHOWN = 1000


class Kept(NamedTuple):
    """One dashboard: who keeps it, and whether that is the reader."""

    id: int
    name: str
    owner: str
    own: bool
    shared: bool
    changed: float
    board: Board


async def dashboards_of(principal: str) -> Sequence[Kept]:
    """Return those that *principal* sees, his own first."""
    found = Dashboard.objects.filter(Q(owner=principal) | Q(shared=True)).order_by("name", "owner")
    kept = [_kept(row, principal) async for row in found[:MAX_SHOWN]]
    return sorted(kept, key=lambda one: not one.own)


async def dashboard(principal: str, number: int, *, own: bool = False) -> Kept:
    """Return one. Raises ``Http404``, and ``NotAllowed`` for another's where it must be his own."""
    seen = Dashboard.objects.filter(Q(owner=principal) | Q(shared=True), id=number)
    row = await seen.afirst()
    if row is None:
        raise Http404("this dashboard is gone, or nobody shares it with you")
    if own and row.owner != principal:
        raise NotAllowed(f"it is {row.owner}'s: copy it, and change the copy")
    return _kept(row, principal)


async def keep(principal: str, name: str, board: Board, number: int | None = None, *, shared: bool = False) -> int:
    """Keep one of *principal*'s, a new one or in the place of *number*; return its number. Raises ``Refused``."""
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise Refused(f"a dashboard needs a name of up to {MAX_NAME} characters")
    content = board.kept()
    if len(json.dumps(content)) > MAX_BYTES:
        raise Refused(f"a dashboard may hold {MAX_BYTES >> 20} MiB: it has too many panels, or too long ones")
    own = Dashboard.objects.filter(owner=principal)
    if await own.filter(name=name).exclude(id=number).aexists():
        raise Refused(f"you have a dashboard {name!r} already: choose another name")
    if number is None:
        if await own.acount() >= MAX_EACH:
            raise Refused(f"{MAX_EACH} dashboards are kept for each: delete one first")
        return int((await Dashboard.objects.acreate(owner=principal, name=name, shared=shared, content=content)).id)
    row = await own.aget(id=number)
    row.name, row.content, row.shared = name, content, shared
    await row.asave()
    return number


async def drop(principal: str, number: int) -> None:
    """Forget one of *principal*'s."""
    await Dashboard.objects.filter(owner=principal, id=number).adelete()


async def free_name(principal: str, name: str) -> str:
    """Return *name*, or with a number behind it, such as *principal* has none of."""
    name = " ".join(name.split())[: MAX_NAME - 6] or "Dashboard"
    taken = {one async for one in Dashboard.objects.filter(owner=principal).values_list("name", flat=True)}
    return next(one for one in (name, *(f"{name} {n}" for n in range(2, MAX_EACH + 3))) if one not in taken)


def _kept(row: Dashboard, principal: str) -> Kept:
    try:
        board = read_board(row.content)
    except ValueError as error:
        board = Board(notes=(f"what is kept of it can't be read: {error}",))
    return Kept(row.id, row.name, row.owner, row.owner == principal, row.shared, row.changed.timestamp(), board)
