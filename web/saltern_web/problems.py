"""What is wrong in the fleet: hosts that aren't well, and series over a threshold, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import quote

from saltern.metric_segment import owner
from saltern_web.api.client import Api
from saltern_web.fleet import AWAY, CRIT, OK, RANK, STALE, UNKNOWN, WARN, Fleet, Host

NO_DATA = "nodata"
_RANK = {**RANK, NO_DATA: RANK[UNKNOWN]}
_OF_HOST = {
    AWAY: "is not connected",
    STALE: "sends no samples any more",
    UNKNOWN: "has never sent a sample",
    CRIT: "an alert is critical",
    WARN: "an alert warns",
}


class AlertSeries(NamedTuple):
    """A series that isn't ok, by one rule. ``since``: epoch s; *acknowledged* and *silenced* as the master has them."""

    alert: str
    series: str
    state: str
    since: float | None
    value: float | None
    threshold: str
    acknowledged: Mapping[str, Any] | None
    silenced: Mapping[str, Any] | None


@dataclass(frozen=True, eq=False)
class Alerts:
    """The series that aren't ok, and what is wrong with rules: ``{name: fault}``; equal to itself alone, as a fleet."""

    series: tuple[AlertSeries, ...]
    faults: Mapping[str, str]


class Problem(NamedTuple):
    """One line of the list. ``quiet``: somebody knows of it, or silenced it; ``key`` stays while it is the same."""

    key: str
    state: str
    host: str
    what: str
    detail: str
    since: float | None
    value: float | None
    url: str
    note: str = ""
    alert_url: str = ""

    @property
    def quiet(self) -> bool:
        """Whether somebody has seen to it."""
        return bool(self.note)


class Problems(NamedTuple):
    """The *worst* of *total*, and the *latest* of all that nobody has seen to."""

    worst: list[Problem]
    total: int
    latest: Problem | None


async def ask_alerts(api: Api) -> Alerts:
    """Return the alerts as the login of *api* sees them. Raises what the API does."""
    return read_alerts(await api.runner("alerts.list", wrong=True))


def read_alerts(rules: Iterable[Mapping[str, Any]]) -> Alerts:
    """Return what isn't ok of what the master lists."""
    found: list[AlertSeries] = []
    faults: dict[str, str] = {}
    for rule in rules:
        name = str(rule["name"])
        if rule.get("error"):
            faults[name] = str(rule["error"])
        found.extend(_series(name, rule, one) for one in rule["series"] if one["state"] != OK)
    return Alerts(tuple(found), faults)


def _series(name: str, rule: Mapping[str, Any], one: Mapping[str, Any]) -> AlertSeries:
    state = str(one["state"])
    return AlertSeries(
        name,
        str(one["series"]),
        state,
        _number(one.get("since_s")),
        _number(one.get("value")),
        str(rule.get(state) or ""),
        one.get("acknowledged"),
        one.get("silenced"),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def problems_of(fleet: Fleet, alerts: Alerts | None, most: int | None = None) -> Problems:
    """Return the problems, the worst first, then the newest; what somebody has seen to comes last. *most* are told of.

    A host that only its alerts are the matter with is told of by these; without them (``None``) by itself.
    """
    series = alerts.series if alerts is not None else ()
    abouts = [fleet.about(one.series) for one in series]
    told = {host.id for host in abouts if host is not None}
    found: list[tuple[_Urgency, AlertSeries | None, Host | None]] = [
        (_urgency(one), one, host) for one, host in zip(series, abouts, strict=True)
    ]
    found += [
        (_urgency_of_host(host), None, host)
        for host in fleet.hosts
        if host.state != OK and not (host.id in told and _by_alert(host))
    ]
    found.sort(key=_FIRST)
    loud = [entry for entry in found if not entry[0].quiet]
    latest = min(loud, key=lambda entry: entry[0].newest, default=None)
    return Problems([_problem(*entry) for entry in found[:most]], len(found), _problem(*latest) if latest else None)


class _Urgency(NamedTuple):
    """What problems are ordered by; ``newest``: the less the newer."""

    quiet: bool
    rank: int
    newest: float
    key: str


_FIRST = itemgetter(0)


def _urgency(one: AlertSeries) -> _Urgency:
    quiet = one.silenced is not None or one.acknowledged is not None
    return _Urgency(quiet, _RANK.get(one.state, _RANK[UNKNOWN]), -(one.since or 0), f"alert:{one.alert}:{one.series}")


def _urgency_of_host(host: Host) -> _Urgency:
    state, since = _trouble(host)
    return _Urgency(False, _RANK[state], -(since or 0), f"host:{host.id}")


def _problem(urgency: _Urgency, one: AlertSeries | None, host: Host | None) -> Problem:
    if one is not None:
        return _of_series(urgency.key, one, host)
    assert host is not None
    return _of_host(urgency.key, host)


def _by_alert(host: Host) -> bool:
    """Whether it is an alert alone that is the matter with *host*."""
    return host.up and (host.state in (CRIT, WARN) or (host.state == UNKNOWN and host.sampled is not None))


def _trouble(host: Host) -> tuple[str, float | None]:
    """Return what is the matter with *host* itself, and since when."""
    if not host.up:
        return AWAY, host.since
    return host.state, host.sampled if host.state == STALE else None


def _of_host(key: str, host: Host) -> Problem:
    state, since = _trouble(host)
    what = "has an alert without data" if state == UNKNOWN and _by_alert(host) else _OF_HOST[state]
    what = f"is not reached by {host.via}" if host.up and state == AWAY else what
    return Problem(key, state, host.id, what, "", since, None, f"/hosts/{quote(host.id, safe='')}")


def _of_series(key: str, one: AlertSeries, host: Host | None) -> Problem:
    where = f"/hosts/{quote(host.id, safe='')}" if host is not None else ""
    series = one.series
    if host is not None:  # which is named beside it
        series = series.replace(f"saltern.{owner(host.id)}.", "").removeprefix("stats.")
    detail = series if one.state == NO_DATA or not one.threshold else f"{series} {one.threshold}"
    return Problem(
        key,
        one.state,
        host.id if host is not None else "",
        one.alert,
        detail,
        one.since,
        one.value,
        where,
        _note(one),
        f"/alerts/{quote(one.alert, safe='')}",
    )


def _note(one: AlertSeries) -> str:
    if one.silenced is not None:
        return f"silenced by {one.silenced.get('by', '?')}: {one.silenced.get('reason', '')}".rstrip(": ")
    if one.acknowledged is not None:
        return f"known to {one.acknowledged.get('by', '?')}: {one.acknowledged.get('comment', '')}".rstrip(": ")
    return ""
