"""The key numbers of hosts: the newest of each, and an hour of them for small charts, in one request to the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.metric_segment import owner
from saltern_web.api.client import Api
from saltern_web.fleet import Host

HOUR_S = 3600
POINTS = 30
"""Of a small chart."""
NEWEST_S, NEWEST_MAX_S = 90, 3600
"""How far back the newest point may be: longer where samples are rarer."""
COLUMN_S = 300
"""The same, where all hosts are sorted by a number."""
DIGITS = 2


class Number(NamedTuple):
    """A column: its heading, the end of its metrics' names, its unit, and how many digits after the point."""

    name: str
    title: str
    metric: str
    unit: str = "%"
    digits: int = 1

    @property
    def heading(self) -> str:
        """What it is called, with its unit."""
        return f"{self.title} {self.unit}".rstrip()


NUMBERS = (
    Number("cpu", "CPU", "stats.cpu.total.percent"),
    Number("memory", "Memory", "stats.memory.percent"),
    Number("disk", "Fullest disk", "stats.disk.*.percent"),
    Number("load", "Load", "stats.load.1m", "", 2),
)
NAMES = tuple(number.name for number in NUMBERS)
_DISK = NUMBERS[2]


class Newest(NamedTuple):
    """The newest of a host's numbers, in the order of :data:`NUMBERS`, and which instant (epoch s) they are of."""

    values: tuple[float | None, ...] = (None,) * len(NUMBERS)
    at: float | None = None


async def ask_newest(api: Api, hosts: Sequence[Host]) -> dict[str, Newest]:
    """Return the newest numbers of *hosts*. Raises what the API does."""
    if not hosts:
        return {}
    interval = max((host.interval or 0 for host in hosts), default=0)
    back = int(min(max(NEWEST_S, 3 * interval + 15), NEWEST_MAX_S))
    values: dict[str, list[float | None]] = {}
    at: dict[str, float] = {}
    for minion, column, points in _found(hosts, await _render(api, _targets(hosts), f"-{back}s")):
        last = next((point for point in reversed(points) if point[0] is not None), None)
        if last is not None:
            values.setdefault(minion, [None] * len(NUMBERS))[column] = _short(last[0])
            at[minion] = max(at.get(minion, 0), last[1])
    return {minion: Newest(tuple(of_it), at[minion]) for minion, of_it in values.items()}


async def ask_sparks(api: Api, hosts: Sequence[Host]) -> dict[str, list[list[float | None]]]:
    """Return an hour of the numbers of *hosts*, ``POINTS`` each. Raises what the API does."""
    if not hosts:
        return {}
    found: dict[str, list[list[float | None]]] = {}
    for minion, column, points in _found(hosts, await _render(api, _targets(hosts), f"-{HOUR_S}s", POINTS)):
        found.setdefault(minion, [[] for _ in NUMBERS])[column] = [_short(value) for value, _ in points[-POINTS:]]
    return found


async def ask_column(name: str, api: Api) -> dict[str, float]:
    """Return the newest of one number for all hosts that have it, to sort by. Raises what the API does.

    They are by what stands for a host in the names of metrics.
    """
    number = NUMBERS[NAMES.index(name)]
    rows = await _render(api, [_target(number, "*", last=True)], f"-{COLUMN_S}s", 1)
    found = {}
    for row in rows:
        last = next((value for value, _ in reversed(row["datapoints"]) if value is not None), None)
        if last is not None:
            found[_names(row)[0]] = last
    return found


async def _render(api: Api, targets: Sequence[str], since: str, most: int = 0) -> list[dict[str, Any]]:
    data: dict[str, Any] = {"target": list(targets), "from": since, "until": "now", "format": "json"}
    rows = await api.json("POST", "/render", data=data | ({"maxDataPoints": most} if most else {}))
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _targets(hosts: Iterable[Host]) -> list[str]:
    segments = f"{{{','.join(owner(host.id) for host in hosts)}}}"
    return [_target(number, segments) for number in NUMBERS]


def _target(number: Number, segments: str, *, last: bool = False) -> str:
    """Return what draws *number*, each series named ``web1.cpu``; of the fullest disk ``web1`` alone.

    *last*: of several points that become one the last counts.
    """
    path = f"saltern.{segments}.{number.metric}"
    path = f"consolidateBy({path},'last')" if last else path
    return f"groupByNode({path},1,'max')" if number is _DISK else f"aliasByNode({path},1,3)"


def _names(row: Mapping[str, Any]) -> tuple[str, str]:
    segment, _, name = str(row.get("target", "")).partition(".")
    return segment, name or _DISK.name


def _found(hosts: Iterable[Host], rows: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int, Sequence[Any]]]:
    ids = {owner(host.id): host.id for host in hosts}
    for row in rows:
        segment, name = _names(row)
        if segment in ids and name in NAMES:
            yield ids[segment], NAMES.index(name), row["datapoints"]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
