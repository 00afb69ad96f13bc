"""The rules and their series' states, as one login sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import quote

from saltern_web.api.client import Api
from saltern_web.session.console import Asked
from saltern_web.session.who import Remembered

CRIT, WARN, NODATA, OK = "crit", "warn", "nodata", "ok"
STATES = (CRIT, WARN, NODATA, OK)
"""The worst first."""
RANK = {state: rank for rank, state in enumerate(STATES)}
KNOWN_S = 2.0
ROOM = "alerts.book"
RESERVED = ("silences", "silence", "acknowledge", "unacknowledge", "history", "rules")
"""Words that are pages below ``/alerts/``: a rule of such a name is shown among the rules."""


class Series(NamedTuple):
    """One series of a rule. ``since``: epoch seconds; ``acknowledged`` and ``silenced`` as the master has them."""

    alert: str
    name: str
    state: str
    value: float | None
    threshold: str
    since: float | None
    acknowledged: Mapping[str, Any] | None
    silenced: Mapping[str, Any] | None

    @property
    def key(self) -> str:
        """What forms name it by: names of rules have no colon."""
        return f"{self.alert}:{self.name}"

    @property
    def seen_to(self) -> bool:
        """Whether somebody knows of it, or silenced it."""
        return self.acknowledged is not None or self.silenced is not None

    @property
    def said(self) -> str:
        """What to call it where a rule has no series."""
        return self.name or "no series at all"


@dataclass(frozen=True)
class Alert:
    """One rule; of one that can't be used there is but a name, a place and an ``error``."""

    name: str
    target: str
    warn: str
    crit: str
    for_s: float
    message: str
    enabled: bool
    error: str
    place: str
    editable: bool
    rule: Mapping[str, Any] | None
    series: tuple[Series, ...]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many series are in each state, the worst first, states without any left out."""
        counts = dict.fromkeys(STATES, 0)
        for one in self.series:
            counts[one.state] = counts.get(one.state, 0) + 1
        return {state: count for state, count in counts.items() if count}

    @property
    def worst(self) -> str:
        """The worst state of its series; without any: unknown."""
        return next(iter(self.counts), "unknown")

    @property
    def url(self) -> str:
        """Where it is shown."""
        return alert_url(self.name)


@dataclass(frozen=True)
class Book:
    """All rules, in the master's order."""

    alerts: tuple[Alert, ...]

    @cached_property
    def by_name(self) -> dict[str, Alert]:
        """The rules by name; of two with one name the one that counts, which comes first."""
        return {alert.name: alert for alert in reversed(self.alerts)}

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """All series of all rules, what is worst and nobody has seen to first, then the newest."""
        return tuple(sorted((one for alert in self.alerts for one in alert.series), key=_urgency))

    @cached_property
    def by_key(self) -> dict[str, Series]:
        """The series by what forms name them by."""
        return {one.key: one for one in self.series}

    @property
    def faulty(self) -> list[Alert]:
        """The rules that something is wrong with."""
        return [alert for alert in self.alerts if alert.error]


def alert_url(name: str) -> str:
    """Return where a rule of this *name* is shown."""
    return f"/alerts/{'rules/' if name in RESERVED else ''}{quote(name, safe='')}"


async def book_of(request: Asked) -> Book:
    """Return what the login sees, at most moments old. Raises what the API does."""
    return await _remembered(request).get(request.api)


def forget_book(request: Asked) -> None:
    """Ask anew the next time: something was changed."""
    _remembered(request).forget(request.api)
    request.console.alerts.forget(request.api)


def _remembered(request: Asked) -> Remembered[Book]:
    return request.console.held(ROOM, lambda: Remembered(_ask, KNOWN_S))


async def _ask(api: Api) -> Book:
    return read_book(await api.runner("alerts.list"))


def read_book(told: Iterable[Mapping[str, Any]]) -> Book:
    """Return the rules that the master lists."""
    return Book(tuple(map(_alert, told)))


def _alert(told: Mapping[str, Any]) -> Alert:
    name = str(told["name"])
    levels = {WARN: str(told.get("warn") or ""), CRIT: str(told.get("crit") or "")}
    rule = told.get("rule")
    return Alert(
        name,
        str(told.get("target") or ""),
        levels[WARN],
        levels[CRIT],
        float(told.get("for") or 0),
        str(told.get("message") or ""),
        bool(told.get("enabled")),
        str(told.get("error") or ""),
        str(told.get("place") or ""),
        bool(told.get("editable")),
        rule if isinstance(rule, dict) else None,
        tuple(_series(name, levels, one) for one in told.get("series", ())),
    )


def _series(alert: str, levels: Mapping[str, str], told: Mapping[str, Any]) -> Series:
    state, value, since = str(told["state"]), told.get("value"), told.get("since_s")
    return Series(
        alert,
        str(told["series"]),
        state,
        float(value) if isinstance(value, int | float) else None,
        levels.get(state, ""),
        float(since) if isinstance(since, int | float) else None,
        told.get("acknowledged"),
        told.get("silenced"),
    )


def _urgency(one: Series) -> tuple[bool, bool, int, float, str]:
    return (one.state == OK, one.seen_to, RANK.get(one.state, len(RANK)), -(one.since or 0), one.key)
