"""What changed in the last hour: hosts that came and went, alerts, jobs of people, keys and rules, what others noted.

Each comes from another place; what can't be had, or isn't shown to this login, is said, and the rest is there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from saltern.ids import JID_FORMAT
from saltern_web.api.client import Api
from saltern_web.api.look import is_look
from saltern_web.fleet import AWAY, OK, Fleet
from saltern_web.parts import Part, if_granted, part

HOUR_S = 3600.0
MOST_EACH = 100
"""Asked of each place."""
MOST_SHOWN = 60
MANY = 5
"""So many hosts that come or go, or series that an alert is about, within a minute are told of as one change."""
WITHIN_S = 8.0
OWN_TAGS = frozenset({"alert", "job", "presence"})
"""Events in the store that tell of what is asked for elsewhere."""
_LOGINS = "login."
_LOOKING = ("sys.", "saltutil.find_job", "saltutil.running")
"""Functions that programs, this one too, ask what a host can do, and whether it still works."""
_OTHERWISE_TOLD = ("job.publish", "local.publish")


class Change(NamedTuple):
    """Something that happened: ``at`` (epoch s), what, of which kind, by whom, and where there is more."""

    at: float
    kind: str
    what: str
    state: str = ""
    who: str = ""
    url: str = ""


class Told(NamedTuple):
    """What was found, newest first, and what is missing of it: ``{place: why}``."""

    changes: tuple[Change, ...]
    missing: Mapping[str, str]


async def ask_changes(api: Api, may: Callable[[str], bool]) -> Told:
    """Return what the API tells of the last hour; each place fails alone. Raises ``LoggedOut`` alone.

    *may*: whether something is granted; what isn't is not asked for, so that no audit fills with refusals.
    """
    since = time.time() - HOUR_S
    asked = {
        "Alerts": if_granted(may("runner.alerts.history"), lambda: _ask_alerts(api, since)),
        "Jobs": if_granted(may("runner.jobs.list_jobs"), lambda: _ask_jobs(api, since)),
        "Keys, rules and settings": if_granted(may("runner.audit.query"), lambda: _ask_audit(api)),
        "Noted by others": _ask_noted(api),
    }
    found: list[Part[list[Change]]] = await asyncio.gather(*(part(one, WITHIN_S) for one in asked.values()))
    changes = [change for one in found for change in one.value or () if change.at >= since]
    missing = {name: one.said for name, one in zip(asked, found, strict=True) if one.value is None}
    return Told(tuple(sorted(changes, key=lambda change: -change.at)), missing)


async def _ask_alerts(api: Api, since: float) -> list[Change]:
    rows = await api.runner("alerts.history", since=since, limit=MOST_EACH)
    alike: dict[tuple[int, str, str], list[tuple[float, str]]] = {}
    for row in rows:
        at = float(row["at"])
        where = ", ".join(map(str, (row.get("minions") or ())[:3])) or str(row["series"])
        alike.setdefault((int(at // 60), str(row["alert"]), str(row["state"])), []).append((at, where))
    more = len(rows) >= MOST_EACH
    return [change for (_, alert, state), each in alike.items() for change in _of_alert(alert, state, each, more=more)]


def _of_alert(alert: str, state: str, each: list[tuple[float, str]], *, more: bool) -> Iterator[Change]:
    """Yield what became of one alert within a minute; of many series that became alike one change tells.

    *more*: there may be others, which weren't asked for.
    """
    url = f"/alerts/{quote(alert, safe='')}"
    if len(each) < MANY:
        for at, where in each:
            yield Change(at, "alert", f"{alert} on {where}", state, "", url)
        return
    names = ", ".join(where for _, where in each[:3])
    least = "at least " if more else ""
    yield Change(max(each)[0], "alert", f"{alert} on {names} and {least}{len(each) - 3:,} more", state, "", url)


async def _ask_jobs(api: Api, since: float) -> list[Change]:
    start = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M")
    jobs = await api.runner("jobs.list_jobs", start_time=start, limit=MOST_EACH)
    return [job for jid, said in jobs.items() if not is_look(said) for job in _job(str(jid), said)]


def _job(jid: str, said: Mapping[str, Any]) -> Iterator[Change]:
    try:
        at = datetime.strptime(jid, JID_FORMAT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return
    functions = said.get("Function")
    names = ", ".join(map(str, functions)) if isinstance(functions, list) else str(functions)
    if names.startswith(_LOOKING):
        return
    target = said.get("Target")
    on = f"{len(target)} hosts" if isinstance(target, list) and len(target) > 1 else _one(target)
    yield Change(at, "job", f"{names[:200]} on {on[:200]}", "", str(said.get("User") or ""), f"/jobs/{jid}")


def _one(target: Any) -> str:
    return str(target[0]) if isinstance(target, list) and target else str(target)


async def _ask_audit(api: Api) -> list[Change]:
    rows = await api.runner("audit.query", since="1h", result="ok", limit=MOST_EACH)
    found = []
    for row in rows:
        what = str(row.get("what", ""))
        if what.startswith(_LOGINS) or what in _OTHERWISE_TOLD:
            continue
        of = row.get("target")
        name = what.removeprefix("wheel.").removeprefix("runner.")
        at = datetime.fromisoformat(str(row["time"])).timestamp()
        found.append(
            Change(at, "change", f"{name}{f' of {of}' if of else ''}"[:300], "", str(row.get("who", "")), "/audit")
        )
    return found


async def _ask_noted(api: Api) -> list[Change]:
    rows = await api.json("GET", "/events/get_data", params={"from": "-1h", "until": "now"})
    found = []
    for row in rows[:MOST_EACH] if isinstance(rows, list) else ():
        tags = row.get("tags") or []
        tags = tags.split() if isinstance(tags, str) else tags
        if not OWN_TAGS.intersection(tags[:1]):
            found.append(Change(float(row["when"]), "note", str(row.get("what", ""))[:300]))
    return found


def comings(fleet: Fleet) -> list[Change]:
    """Return which hosts came and went in the last hour; of many at once one change tells."""
    since = fleet.at - HOUR_S
    by_minute: dict[tuple[int, bool], list[tuple[float, str]]] = {}
    for host in fleet.hosts:
        if host.since is not None and host.since >= since:
            by_minute.setdefault((int(host.since // 60), host.up), []).append((host.since, host.id))
    return [change for (_, up), hosts in by_minute.items() for change in _burst(hosts, up=up)]


def _burst(hosts: list[tuple[float, str]], *, up: bool) -> Iterator[Change]:
    words, state = ("connected", OK) if up else ("went away", AWAY)
    if len(hosts) < MANY:
        for at, minion in hosts:
            yield Change(at, "host", f"{minion} {words}", state, "", f"/hosts/{quote(minion, safe='')}")
        return
    names = ", ".join(minion for _, minion in hosts[:3])
    what = f"{len(hosts):,} hosts {words}: {names} and {len(hosts) - 3:,} more"
    yield Change(max(hosts)[0], "host", what, state, "", "/hosts" if up else "/hosts?state=away")


def newest(*lists: Iterable[Change]) -> list[Change]:
    """Return the newest of all."""
    return sorted((change for one in lists for change in one), key=lambda change: -change.at)[:MOST_SHOWN]
