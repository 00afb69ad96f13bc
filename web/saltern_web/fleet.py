"""The fleet as one login sees it: a row a minion, and the groups."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from saltern.metric_segment import owner
from saltern_web.api.client import Api

CRIT, AWAY, WARN, STALE, UNKNOWN, OK = "crit", "away", "warn", "stale", "unknown", "ok"
ORDER = (CRIT, AWAY, WARN, STALE, UNKNOWN, OK)
"""The states of a host, the worst first."""
RANK = {state: rank for rank, state in enumerate(ORDER)}
STALE_AFTER = 3
"""Intervals without a sample after which what is known is old."""
_GRACE_S = 10.0
MAX_SERIES_CHARS = 2000
_BETWEEN_NAMES = re.compile(r"[\s(),'\"{}]+")
_USUAL, _PLACES = (1,), (1, 0, 2, 3)
"""Where in a metric's name the minion is, ``saltern.web1.stats.load.1m``, and may be by another ``metric_pattern``."""


class Host(NamedTuple):
    """One minion. Times are epoch seconds; ``None``: not known."""

    id: str
    state: str
    up: bool
    since: float | None
    """When it came, or went."""
    sampled: float | None
    """Which slot its newest sample is for."""
    alert: str | None
    silenced: bool
    completeness: float | None
    """Percent received of what became due in the last hour."""
    version: str
    groups: tuple[str, ...]
    interval: float | None = None
    """Seconds between its samples."""
    via: str | None = None
    """The host that speaks for it; ``None``: it is no device."""


class Tile(NamedTuple):
    """A group at a glance: its worst state, and how many are in each that isn't empty."""

    name: str
    state: str
    total: int
    counts: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Fleet:
    """All minions, by id, at a moment; equal to itself alone, so that what is made of one can be kept."""

    at: float
    hosts: tuple[Host, ...]
    groups: Mapping[str, tuple[int, ...]]
    """Rows of each group's minions."""

    @cached_property
    def by_id(self) -> dict[str, Host]:
        """The minions by their ids."""
        return {host.id: host for host in self.hosts}

    def of(self, group: str) -> list[Host]:
        """Return the minions of *group*."""
        return [self.hosts[row] for row in self.groups.get(group, ())]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        return counted(self.hosts)

    @cached_property
    def devices(self) -> dict[str, int]:
        """How many devices each host speaks for."""
        return dict(Counter(host.via for host in self.hosts if host.via))

    @cached_property
    def by_segment(self) -> dict[str, Host]:
        """The minions by what stands for them in the names of metrics."""
        return {owner(host.id): host for host in self.hosts}

    def tiles(self) -> list[Tile]:
        """Return the groups, the worst first; those without a minion last."""
        found = []
        for name in self.groups:
            members = self.of(name)
            counts = {state: count for state, count in counted(members).items() if count}
            found.append(Tile(name, worst(members), len(members), counts))
        return sorted(found, key=lambda tile: (not tile.total, RANK[tile.state], tile.name))

    def about(self, series: str) -> Host | None:
        """Return the minion that a series is about: of ``max(saltern.web1.stats.load.1m)`` it is web1."""
        for name in _BETWEEN_NAMES.split(series[:MAX_SERIES_CHARS]):
            parts = name.split(".")
            places = _USUAL if parts[0] == "saltern" else _PLACES if len(parts) > 1 else ()
            for at in places:
                host = self.by_segment.get(parts[at]) if at < len(parts) else None
                if host is not None:
                    return host
        return None


def counted(hosts: Iterable[Host]) -> dict[str, int]:
    """Return how many of *hosts* are in each state, the worst first."""
    counts = dict.fromkeys(ORDER, 0)
    for host in hosts:
        counts[host.state] += 1
    return counts


def worst(hosts: Iterable[Host]) -> str:
    """Return the worst state among *hosts*; of none: unknown, never ok."""
    return min((host.state for host in hosts), key=RANK.__getitem__, default=UNKNOWN)


def state_of(
    *,
    up: bool,
    alert: str | None,
    sampled: float | None,
    interval: float | None,
    now: float,
    device_up: bool | None = None,
) -> str:
    """Return a host's state. No data is never ok: what it isn't asked for is unknown, what is old is stale.

    *device_up*: of a device, whether its host reaches it, where that is known.
    """
    if not up or device_up is False:
        return CRIT if alert == CRIT else AWAY
    if alert in (CRIT, WARN):
        return str(alert)
    if sampled is None or alert == "nodata":
        return UNKNOWN
    if interval is not None and now - sampled > STALE_AFTER * interval + _GRACE_S:
        return STALE
    return OK


async def ask_fleet(api: Api) -> Fleet:
    """Return the fleet as the login of *api* sees it. Raises what the API does."""
    return read_fleet(await api.runner("manage.overview"))


def read_fleet(told: Mapping[str, Any]) -> Fleet:
    """Return the fleet that the master's columns tell of."""
    now = float(told.get("at") or time.time())
    groups = {str(name): tuple(rows) for name, rows in told.get("groups", {}).items()}
    in_groups: dict[int, list[str]] = {}
    for name, rows in groups.items():
        for row in rows:
            in_groups.setdefault(row, []).append(name)
    return Fleet(now, tuple(_rows(told, now, in_groups)), groups)


def _rows(told: Mapping[str, Any], now: float, in_groups: Mapping[int, list[str]]) -> Iterator[Host]:
    names = ("id", "up", "since", "sampled", "interval", "alert", "silenced", "completeness", "version")
    via, device_up = (told.get(name) or (None,) * len(told["id"]) for name in ("via", "device_up"))
    for row, (minion, up, since, sampled, interval, alert, silenced, complete, version) in enumerate(
        zip(*(told[name] for name in names), strict=True)
    ):
        state = state_of(up=up, alert=alert, sampled=sampled, interval=interval, now=now, device_up=device_up[row])
        groups = tuple(in_groups.get(row, ()))
        yield Host(minion, state, up, since, sampled, alert, silenced, complete, version, groups, interval, via[row])
