"""``/hosts``: the table."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render

from saltern.metric_segment import owner
from saltern_web.fleet import ORDER, Fleet, Host
from saltern_web.kept.failing import as_far_as_kept
from saltern_web.key_numbers import NAMES, NUMBERS, Newest, ask_column, ask_newest
from saltern_web.pages.hosts.filter import (
    COMPLETENESS,
    ID,
    PROBLEMS,
    SAMPLED,
    STATE,
    VERSION,
    Filter,
    filter_of,
    ordered,
)
from saltern_web.pages.hosts.rows import row_of
from saltern_web.pages.hosts.saved import views_of
from saltern_web.pages.paging import paged
from saltern_web.pages.run.target import HINTS, KINDS, Target, meant_by
from saltern_web.parts import part
from saltern_web.session.console import Asked
from saltern_web.session.who import Remembered

NUMBERS_WITHIN_S = 0.15
"""What the page waits for its numbers; a script asks again."""
COLUMN_WITHIN_S = 0.4
"""What it waits for a number of all hosts that they are sorted by."""
COLUMN_S = 15.0
MOST_COLUMNS = 50
UNKNOWN_SHOWN = 5


class Column(NamedTuple):
    """A heading: its name in the URL, its words, the query that sorts by it, and how it is sorted now."""

    name: str
    title: str
    query: str
    sorted: str
    kind: str = ""


class Found(NamedTuple):
    """The hosts that a filter asks for, in order, and what was wrong with it."""

    hosts: list[Host]
    problem: str = ""
    unknown: tuple[str, ...] = ()
    late: bool = False
    """Whether their order isn't known yet."""


async def hosts(request: Asked) -> HttpResponse:
    """Show the hosts that the URL asks for; to htmx the table alone."""
    fleet = await request.console.fleet.get(request.api)
    asked = filter_of(request.GET, NAMES)
    found = await found_by(request, fleet, asked)
    page = paged(found.hosts, request.GET)
    newest = await part(ask_newest(request.api, page.rows), NUMBERS_WITHIN_S)
    values: Mapping[str, Newest] = newest.value or {}
    may = {
        "run": request.who.may("test.ping") or request.who.may("cmd.run"),
        "silence": request.who.may("runner.alerts.silence"),
        "group": request.who.may("runner.manage.group_add"),
    }
    around: dict[str, Any] = {
        "asked": asked,
        "query": asked.query(),
        "total": len(fleet.hosts),
        "page": page,
        "rows": [row_of(host, values.get(host.id, Newest()), pick=any(may.values())) for host in page.rows],
        "problem": found.problem,
        "unknown": found.unknown[:UNKNOWN_SHOWN],
        "unknown_count": len(found.unknown),
        "late": newest.late,
        "unsorted": found.late,
        "numbers_said": "" if newest.late else newest.said,
        "columns": _columns(asked),
        "may": may,
        "may_any": any(may.values()),
    }
    if "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers:
        return render(request, "hosts/table.html", around)
    around |= {
        "fleet": fleet,
        "state_words": (PROBLEMS, *ORDER),
        "state_now": PROBLEMS
        if len(asked.states) == len(ORDER) - 1 and "ok" not in asked.states
        else ",".join(asked.states),
        "groups": sorted(fleet.groups),
        "kinds": KINDS,
        "hints": HINTS,
        "views": await as_far_as_kept(views_of(request.who.principal)),
    }
    return render(request, "hosts/hosts.html", around)


async def found_by(request: Asked, fleet: Fleet, asked: Filter) -> Found:
    """Return the hosts that *asked* asks for. Raises what the API does; what is wrong with a target is its problem."""
    hosts = asked.admits(fleet)
    problem, unknown = "", tuple[str, ...]()
    if asked.group and asked.group not in fleet.groups:
        problem = f"there is no group {asked.group[:100]} with a host that you may see"
    if asked.target:
        meant = await meant_by(request.api, fleet, Target(asked.target, asked.kind))
        wanted = frozenset(meant.minions)
        hosts = [host for host in hosts if host.id in wanted]
        problem, unknown = meant.problem or problem, meant.unknown
        if not meant.minions and not problem:
            problem = "this target means no host that you may command"
    numbers, late = None, False
    if asked.column in NAMES:
        column = await part(_columns_of(request, asked.column).get(request.api), COLUMN_WITHIN_S)
        by_segment = column.value or {}
        numbers = {host.id: by_segment[owner(host.id)] for host in hosts if owner(host.id) in by_segment}
        late = column.late
        if column.said:
            problem = problem or f"not sorted by {asked.column} yet: {column.said}"
    return Found(ordered(hosts, asked, numbers), problem, unknown, late)


def _columns_of(request: Asked, name: str) -> Remembered[dict[str, float]]:
    """Return what remembers a number of all hosts: the store may take seconds for it, and pages are gone through."""
    ask = functools.partial(ask_column, name)
    return request.console.held(f"hosts.{name}", lambda: Remembered(ask, COLUMN_S, MOST_COLUMNS))


def _columns(asked: Filter) -> list[Column]:
    """Return the headings; numbers are sorted from the highest first."""
    found = [_column(asked, STATE, "State"), _column(asked, ID, "Host"), Column("groups", "Groups", "", "", "")]
    found.append(_column(asked, SAMPLED, "Sample", "num"))
    found.extend(_column(asked, number.name, number.heading, "num spark", down=True) for number in NUMBERS)
    found.append(_column(asked, COMPLETENESS, "Complete", "num"))
    found.append(_column(asked, VERSION, "Version"))
    return found


def _column(asked: Filter, name: str, title: str, kind: str = "", *, down: bool = False) -> Column:
    first, second = (f"-{name}", name) if down else (name, f"-{name}")
    is_sorted = asked.column == name
    now = ("descending" if asked.reverse else "ascending") if is_sorted else ""
    changed = second if is_sorted and asked.sort == first else first
    return Column(name, title, asked.query(sort=changed) or "sort=state", now, kind)
