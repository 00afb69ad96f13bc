"""Whether the monitoring is well itself: a few lines, each with its own state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern_web.api.client import Api
from saltern_web.fleet import CRIT, OK, RANK, UNKNOWN, WARN
from saltern_web.templatetags.saltern import UNKNOWN as DASH
from saltern_web.templatetags.saltern import duration, number, percent

WARN_COMPLETE, CRIT_COMPLETE = 99.9, 95.0
"""Percent of what was due in the last hour."""
WARN_LAG_S, CRIT_LAG_S = 60.0, 300.0
WARN_SKEW_S, CRIT_SKEW_S = 2.0, 30.0
OTHERS = ("missing", "lost", "dropped", "skipped", "failed", "late")
"""What may become of a sample that was due, but for received."""


class Line(NamedTuple):
    """One thing about the monitoring: what it is called, how it is, in words, and where there is more."""

    name: str
    state: str
    said: str
    url: str = ""


async def ask_health(api: Api) -> Mapping[str, Any]:
    """Return ``manage.health`` as the login of *api* sees it. Raises what the API does."""
    told: Mapping[str, Any] = await api.runner("manage.health")
    return told


def lines_of(told: Mapping[str, Any]) -> list[Line]:
    """Return the lines; what isn't known, or is the master's own and not shown to this login, is unknown."""
    return [*_points(told), *_store(told["store"]), *_clocks(told["clocks"]), *_alerts(told["alerts"])]


def verdict(lines: Sequence[Line]) -> str:
    """Return the worst of their states that are known; of none: unknown."""
    states = [line.state for line in lines if line.state in RANK and line.state != UNKNOWN]
    return min(states, key=RANK.__getitem__, default=UNKNOWN)


def _points(told: Mapping[str, Any]) -> Iterator[Line]:
    complete = told["hour"]["completeness"]
    yield Line("Samples of the last hour", _below(complete, WARN_COMPLETE, CRIT_COMPLETE), _complete(complete))
    points = told["points"]
    others = ", ".join(f"{number(points[name])} {name}" for name in OTHERS if points.get(name))
    received = f"{number(points['received'])} of {number(points['expected'])} received"
    yield Line("Samples so far", "", f"{received}{'; ' + others if others else ''}")
    pending = told["minions"].get("pending")
    if pending:
        yield Line("New machines", "", f"{number(pending)} wait to be accepted", "/keys")


def _complete(value: float | None) -> str:
    return DASH if value is None else f"{percent(value)} received"


def _store(store: Mapping[str, Any]) -> Iterator[Line]:
    connected, lag = store.get("connected"), store.get("lag_s")
    if connected is None:
        yield Line("Store", UNKNOWN, DASH)
        return
    behind = "up to date" if not lag or lag < 1 else f"{duration(lag)} behind"
    waiting = store.get("waiting_records")
    waits = f", {number(waiting)} records wait" if waiting else ""
    state = _above(lag, WARN_LAG_S, CRIT_LAG_S) if connected else CRIT
    yield Line(
        "Store", OK if connected and lag is None else state, f"{'' if connected else 'not connected, '}{behind}{waits}"
    )


def _clocks(clocks: Mapping[str, Any]) -> Iterator[Line]:
    skew, minion = clocks.get("worst_s"), clocks.get("minion")
    if skew is None or minion is None:
        yield Line("Clocks", UNKNOWN, DASH)
        return
    state = _above(abs(skew), WARN_SKEW_S, CRIT_SKEW_S)
    said = (
        "all within a second" if abs(skew) < 1 else f"{minion} is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}"
    )
    yield Line("Clocks", state, said)


def _alerts(alerts: Mapping[str, Any]) -> Iterator[Line]:
    rules, bad, is_up = alerts.get("rules"), alerts.get("bad_rules"), alerts.get("source_up")
    if rules is None or is_up is None:
        yield Line("Alerts", UNKNOWN, DASH)
    elif not rules and not bad:
        yield Line("Alerts", UNKNOWN, "no rules yet", "/alerts")
    elif not is_up:
        yield Line("Alerts", CRIT, "their source doesn't answer: no state is new", "/alerts")
    else:
        said = f"{number(rules)} rule{'s' * (rules != 1)} at work"
        yield Line("Alerts", WARN if bad else OK, f"{said}, {number(bad)} with a fault" if bad else said, "/alerts")


def _below(value: float | None, warn: float, crit: float) -> str:
    return UNKNOWN if value is None else CRIT if value < crit else WARN if value < warn else OK


def _above(value: float | None, warn: float, crit: float) -> str:
    return UNKNOWN if value is None else CRIT if value >= crit else WARN if value >= warn else OK
