"""The charts of a host: those that are known to be wanted, then a chart for everything else that it reports."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from saltern_web.charts.number import RATE, Number, number_of
from saltern_web.charts.panel import Panel
from saltern_web.pages.host.curated import SECTIONS, Wanted

MINION = "saltern.$minion"
COLLECTION = "stats"
"""The module whose numbers describe themselves."""
MAX_LINES = 12
"""Of a chart that nobody arranged."""
MAX_PANELS = 400
_FEW = 3
_SCHEDULE = "schedule"
_PLURAL = {"B": "bytes", "%": "percent", "s": "seconds", "ms": "time", "h": "hours"}
_OF_TIME = {"ms/s": ("%", 0.1), "µs/s": ("%", 0.0001)}
"""Time that is used in a time is a share of it."""


class Shown(NamedTuple):
    """A heading with its panels."""

    key: str
    title: str
    panels: tuple[Panel, ...]


class _Group(NamedTuple):
    """What comes into one chart."""

    title: str
    unit: str
    rate: bool


@functools.lru_cache(maxsize=64)
def sections(names: tuple[str, ...]) -> tuple[Shown, ...]:
    """Return headings with charts of all *names*, which are series' names below the host's place.

    Hosts of a kind report the same: it is made once for them.
    """
    left = set(names)
    found: dict[str, tuple[str, list[Panel]]] = {}
    at_home: dict[str, str] = {}
    everything = frozenset(left)
    for section in SECTIONS:
        panels = []
        for wanted in section.charts:
            taken = _taken(everything, wanted.paths)
            if taken:
                left -= taken
                panels.append(_panel(wanted, everything))
        found[section.key] = (section.title, panels)
        at_home.update(dict.fromkeys(section.collectors, section.key))
    for collector, panels in _others(_without_rated(left, everything)):
        key = at_home.get(collector, collector)
        found.setdefault(key, (collector.replace("_", " ").capitalize(), []))[1].extend(panels)
    return _bounded(found)


def _bounded(found: Mapping[str, tuple[str, list[Panel]]]) -> tuple[Shown, ...]:
    shown, room = [], MAX_PANELS
    for key, (title, panels) in found.items():
        if panels and room > 0:
            shown.append(Shown(re.sub(r"\W", "-", key), title, tuple(panels[:room])))
            room -= len(panels)
    return tuple(shown)


def _taken(names: Iterable[str], paths: Iterable[str]) -> set[str]:
    patterns = [_pattern(path) for path in paths]
    return {name for name in names if any(pattern.fullmatch(name) for pattern in patterns)}


def _pattern(path: str) -> re.Pattern[str]:
    words = {"*": "[^.]*", "{": "(?:", "}": ")", ",": "|"}
    return re.compile("".join(words.get(char, re.escape(char)) for char in path))


def _panel(wanted: Wanted, names: frozenset[str]) -> Panel:
    targets = []
    for path in wanted.paths:
        if _taken(names, (path,)):
            series = wanted.wrap.format(f"{MINION}.{path}")
            series = f"perSecond({series})" if wanted.rate else series
            targets.append(f"aliasByNode({series},{wanted.nodes})")
    return Panel(
        wanted.title,
        tuple(targets),
        wanted.unit,
        wanted.kind,
        wanted.stacked,
        max=wanted.max,
        help=wanted.help,
        steps=tuple({"value": least, "color": colour} for least, colour in wanted.steps),
        words=dict(wanted.words),
    )


def _without_rated(names: set[str], everything: frozenset[str]) -> set[str]:
    """Return *names* without counters whose rate is there as well, accounts, which have a page, and a device's type."""
    others = (f"{_SCHEDULE}.", "stats.device.type.")
    return {name for name in names if not _is_rated(name, everything) and not name.startswith(others)}


def _is_rated(name: str, everything: frozenset[str]) -> bool:
    """Return whether the rate of *name* is there: beside it, or in a table of rates, as devices have their own rows."""
    table, _, row = name.rpartition(".")
    return f"{name}{RATE}" in everything or f"{table}{RATE}.{row}" in everything


def _others(names: set[str]) -> list[tuple[str, list[Panel]]]:
    """Return by collector, or by module, a chart for each kind of number."""
    by_place: dict[tuple[str, str], dict[str, Number]] = {}
    for name in sorted(names):
        module, _, rest = name.partition(".")
        if module == COLLECTION and "." in rest:
            collector, _, below = rest.partition(".")
            by_place.setdefault((f"{COLLECTION}.{collector}", collector), {})[below] = number_of(rest)
        else:
            by_place.setdefault((module if rest else "", module), {})[rest or module] = number_of(name)
    return [(collector, _charts(place, numbers)) for (place, collector), numbers in by_place.items()]


def _charts(place: str, numbers: Mapping[str, Number]) -> list[Panel]:
    instances = {path.rpartition(".")[0] for path in numbers} - {""}
    groups: dict[_Group, list[str]] = {}
    for path, number in numbers.items():
        parent, _, leaf = path.rpartition(".")
        unit = f"{number.unit}/s" if number.counter else number.unit
        if len(instances) > _FEW and parent:
            group = _Group(leaf, unit, number.counter)
        else:
            group = _Group(parent.replace(".", " "), unit, number.counter)
        groups.setdefault(group, []).append(path)
    panels = []
    for group, paths in groups.items():
        for at in range(0, len(paths), MAX_LINES):
            panels.append(_chart(place, group, paths[at : at + MAX_LINES], numbers))
    return panels


def _chart(place: str, group: _Group, paths: list[str], numbers: Mapping[str, Number]) -> Panel:
    depth = 2 + (place.count(".") + 1 if place else 0)  # of a whole name's first segment below the place
    by_parent: dict[str, list[str]] = {}
    for path in paths:
        parent, _, leaf = path.rpartition(".")
        by_parent.setdefault(parent, []).append(leaf)
    leaves_alike = len({path.rpartition(".")[2] for path in paths}) == 1
    unit, factor = _OF_TIME.get(group.unit, (group.unit, 1.0))
    targets = []
    for parent, leaves in by_parent.items():
        whole = ".".join(part for part in (MINION, place, parent) if part)
        series = f"{whole}.{leaves[0]}" if len(leaves) == 1 else f"{whole}.{{{','.join(leaves)}}}"
        series = f"perSecond({series})" if group.rate else series
        series = f"scale({series},{factor})" if factor != 1 else series
        leaf_node = depth + (parent.count(".") + 1 if parent else 0)
        first = leaf_node if len(by_parent) == 1 else depth
        last = leaf_node - 1 if len(by_parent) > 1 and leaves_alike else leaf_node
        targets.append(f"aliasByNode({series},{','.join(map(str, range(first, last + 1)))})")
    help_ = numbers[paths[0]].help if len(paths) == 1 else ""
    title = _title(place.rpartition(".")[2], group, paths, unit)
    return Panel(title, tuple(targets), unit, help=f"{help_[:1].upper()}{help_[1:]}." if help_ else "")


def _title(place: str, group: _Group, paths: list[str], unit: str) -> str:
    if len(paths) == 1:
        return _said(f"{place} {paths[0]}".replace(".", " "))
    words = _PLURAL.get(unit, "")
    return _said(f"{place} {group.title}".strip() + (f": {words}" if words else ""))


def _said(name: str) -> str:
    said = name.strip().replace("_", " ").removesuffix(" per s")
    return said[:1].upper() + said[1:]
