"""Modules: what minions should have, what each has, and what it can't use. What nobody knows is said to be unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from saltern.errors import Busy
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.fleet import Fleet
from saltern_web.pages.paging import paged
from saltern_web.parts import Part, part
from saltern_web.session.console import Asked

FAULTY, BEHIND, UNKNOWN, SYNCED = "faulty", "behind", "unknown", "synced"
STATES = (FAULTY, BEHIND, UNKNOWN, SYNCED)
"""What to look at first."""
MARKS = {FAULTY: "crit", BEHIND: "warn", UNKNOWN: "unknown", SYNCED: "ok"}
SYNC, SYNC_ALL = "saltutil.sync_modules", "saltutil.sync_all"
MOST = 10_000
MAX_Q = 253
WITHIN_S = 8.0
FAULTS_SHOWN = 20
MOST_LOADED = 1000
"""Hosts that load their modules at once to see which they can't."""
LOAD_S = 10.0


class Module(NamedTuple):
    """One that the file server has; *origin* in words, *commit*: of git."""

    name: str
    kind: str
    digest: str
    origin: str
    commit: str


class Has(NamedTuple):
    """What one minion has. ``up`` and ``digest`` are ``None`` where nobody knows."""

    id: str
    state: str
    digest: str | None
    errors: Mapping[str, str] | None
    up: bool | None

    @property
    def shown(self) -> str:
        """The state to show: one with errors is faulty, whatever it has."""
        return FAULTY if self.errors else self.state

    @property
    def mark(self) -> str:
        """How it is marked."""
        return MARKS[self.shown]


async def modules(request: Asked) -> HttpResponse:
    """``/modules``: ``q`` looks in ids and errors, ``state`` is one of them; ``load``: hosts load all of them now."""
    told = await request.api.runner("manage.modules")
    fleet = (await part(request.console.fleet.get(request.api), WITHIN_S)).value
    hosts = read_hosts(told, fleet)
    wanted = told.get("wanted") or {}
    own = read_wanted(wanted)
    loaded: Part[Mapping[str, Mapping[str, str]]] = Part()
    if request.GET.get("load"):
        loaded = await part(ask_load_errors(request, hosts, own), 2 * LOAD_S)
        hosts = with_errors(hosts, loaded.value or {})
    text, state = request.GET.get("q", "").strip()[:MAX_Q], request.GET.get("state", "")
    found = [one for one in hosts if _meant(one, text.lower(), state)]
    counts = dict.fromkeys(STATES, 0)
    for one in hosts:
        counts[one.shown] += 1
    around = {
        "q": text,
        "state": state,
        "digest": wanted.get("digest"),
        "wanted": own,
        "load": bool(request.GET.get("load")),
        "loaded": loaded,
        "left_out": sorted((wanted.get("left_out") or {}).items()),
        "faults": faults_of(hosts)[:FAULTS_SHOWN],
        "counts": [(one, MARKS[one], count) for one, count in counts.items()],
        "page": paged(found, request.GET),
        "behind": [one.id for one in found if one.state == BEHIND and one.up is not False],
        "may_sync": request.who.may(SYNC) or request.who.may("test.ping"),
    }
    return render(request, "modules/modules.html", around)


async def sync(request: Asked) -> HttpResponse:
    """``/modules/sync``, by POST: ``minion`` names hosts; with ``sure`` exactly these are told to sync."""
    if request.method != "POST":
        return HttpResponseRedirect("/modules")
    minions = list(dict.fromkeys(one for one in request.POST.getlist("minion") if one))
    if not minions:
        raise Refused("no host was chosen: tick some first")
    if len(minions) > MOST:
        raise Refused(f"{len(minions):,} hosts at once are too many: {MOST:,} at most")
    function = SYNC_ALL if request.POST.get("all") else SYNC
    around: dict[str, Any] = {"minions": minions, "function": function, "all": request.POST.get("all", "")}
    if request.POST.get("sure"):
        try:
            begun = await request.api.begin(minions, function)
        except (Refused, NotAllowed, Busy) as error:
            around["said"] = str(error)
        else:
            return HttpResponseRedirect(f"/jobs/{begun.jid}")
    return render(request, "modules/sync.html", around, status=400 if "said" in around else 200)


async def ask_load_errors(
    request: Asked, hosts: Iterable[Has], wanted: Iterable[Module]
) -> Mapping[str, Mapping[str, str]]:
    """Have hosts load what they else load when it is used first, and return by host which of it they can't, and why.

    Raises what the API does, and ``Refused`` for too many hosts.
    """
    names = [one.name for one in wanted if one.kind == "modules"]
    there = [one.id for one in hosts if one.up is not False]
    if len(there) > MOST_LOADED:
        raise Refused(f"these are {len(there):,} hosts: {MOST_LOADED:,} at once load their modules at most")
    functions: Any = ["sys.list_functions", "sys.load_errors"]
    told = await request.api.ask(there, functions, [names, []], timeout_s=LOAD_S) if there and names else {}
    found = {}
    for minion, one in told.items():
        answers = one.get("ret")
        errors = answers.get("sys.load_errors") if isinstance(answers, Mapping) else None
        if isinstance(errors, Mapping):
            found[minion] = {f"modules.{name}": str(why) for name, why in errors.items() if name in names}
    return found


def with_errors(hosts: Iterable[Has], errors: Mapping[str, Mapping[str, str]]) -> list[Has]:
    """Return *hosts* with what they said of loading too, those with trouble first."""
    found = [
        one._replace(errors={**errors[one.id], **(one.errors or {})}) if one.id in errors else one for one in hosts
    ]
    return sorted(found, key=lambda one: (STATES.index(one.shown), one.id))


def read_wanted(wanted: Mapping[str, Any]) -> list[Module]:
    """Return the modules that the file server has for minions."""
    found = []
    for one in wanted.get("modules") or ():
        origin = one.get("from")
        known = origin if isinstance(origin, dict) else {}
        words = known.get("remote") or known.get("backend") or ""
        found.append(
            Module(
                str(one.get("name", "")),
                str(one.get("kind", "modules")),
                str(one.get("digest") or ""),
                str(words),
                str(known.get("commit") or ""),
            )
        )
    return found


def read_hosts(told: Mapping[str, Any], fleet: Fleet | None) -> list[Has]:
    """Return what each minion has, those with trouble first."""
    found = []
    for minion, one in (told.get("minions") or {}).items():
        host = fleet.by_id.get(minion) if fleet is not None else None
        state = str(one.get("state"))
        errors = one.get("errors")
        found.append(
            Has(
                str(minion),
                state if state in STATES else UNKNOWN,
                one.get("digest"),
                errors if isinstance(errors, dict) else None,
                host.up if host is not None else None,
            )
        )
    return sorted(found, key=lambda one: (STATES.index(one.shown), one.id))


def faults_of(hosts: Iterable[Has]) -> list[tuple[str, str, int]]:
    """Return each fault there is: of which module, what, and on how many hosts, the most frequent first."""
    counts = Counter((name, why) for one in hosts for name, why in (one.errors or {}).items())
    return [(name, why, count) for (name, why), count in counts.most_common()]


def _meant(one: Has, text: str, state: str) -> bool:
    if state in STATES and one.shown != state:
        return False
    return text in one.id.lower() or any(text in f"{name} {why}".lower() for name, why in (one.errors or {}).items())
