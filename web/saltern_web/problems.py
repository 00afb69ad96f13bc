"""What is wrong in the fleet: hosts that aren't well, and series over a threshold, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


class Alerts(NamedTuple):
    """The series that aren't ok, and what is wrong with rules: ``{name: fault}``."""

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


def problems_of(fleet: Fleet, alerts: Alerts | None) -> list[Problem]:
    """Return all problems, the worst first, then the newest; what somebody has seen to comes last.

    A host that only its alerts are the matter with is told of by these; without them (``None``) by itself.
    """
    series = alerts.series if alerts is not None else ()
    told = {}
    found = []
    for one in series:
        host = fleet.about(one.series)
        if host is not None:
            told[host.id] = True
        found.append(_of_series(one, host))
    found.extend(_of_hosts(fleet.problems(), told))
    return sorted(found, key=lambda one: (one.quiet, _RANK.get(one.state, _RANK[UNKNOWN]), -(one.since or 0), one.key))


def _of_hosts(hosts: Iterable[Host], told: Mapping[str, bool]) -> Iterator[Problem]:
    for host in hosts:
        by_alert = host.up and (host.state in (CRIT, WARN) or (host.state == UNKNOWN and host.sampled is not None))
        if by_alert and host.id in told:
            continue
        state = AWAY if not host.up else host.state
        unreached = host.up and state == AWAY
        what = "has an alert without data" if by_alert and state == UNKNOWN else _OF_HOST[state]
        what = f"is not reached by {host.via}" if unreached else what
        since = host.sampled if state == STALE else host.since if state == AWAY and not unreached else None
        yield Problem(f"host:{host.id}", state, host.id, what, "", since, None, f"/hosts/{quote(host.id, safe='')}")


def _of_series(one: AlertSeries, host: Host | None) -> Problem:
    where = f"/hosts/{quote(host.id, safe='')}" if host is not None else ""
    series = one.series
    if host is not None:  # which is named beside it
        series = series.replace(f"saltern.{owner(host.id)}.", "").removeprefix("stats.")
    detail = series if one.state == NO_DATA or not one.threshold else f"{series} {one.threshold}"
    return Problem(
        f"alert:{one.alert}:{one.series}",
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
