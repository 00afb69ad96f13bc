"""What a rule would have said, on the values of the last hours. Nothing here reads, writes or waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

from saltern_master.alerts.rule import CRIT, NODATA, OK, WARN, Rule
from saltern_master.alerts.source import Series
from saltern_master.alerts.state import NO_SERIES, Sample, SeriesState, born, newest, step

MAX_LOOKS = 100_000
"""Of all series together: a second or two of computing."""
MAX_SHOWN = 200
MAX_CHANGES = 200
"""Shown of one series, the latest."""
COARSER = 1.5
LATE = 3.0
_WORST = {OK: 0, NODATA: 1, WARN: 2, CRIT: 3}


class Span(NamedTuple):
    """From when until when, epoch seconds, and how far looks are apart, in seconds."""

    start: float
    end: float
    step_s: float


def span_of(end: float, hours: float, interval_s: float, series: int) -> Span:
    """Return the looks at so many *series* that stay within ``MAX_LOOKS``, not oftener than every *interval_s*."""
    seconds = hours * 3600.0
    return Span(end - seconds, end, max(interval_s, seconds * max(series, 1) / MAX_LOOKS))


def spacing_of(series: Iterable[Series]) -> float:
    """Return how far the points of some series are mostly apart, in seconds; 0 where there are too few to tell."""
    found = [
        median(later[0] - earlier[0] for earlier, later in zip(one.points, one.points[1:], strict=False))
        for one in series
        if len(one.points) > 2
    ]
    return min(found, default=0.0)


def fitted(rule: Rule, recent_s: float, past_s: float) -> Rule:
    """Return *rule* for values of the past that are *past_s* apart, where recent ones are *recent_s* apart.

    What was rolled up, or joined because it is much, is no silence.
    """
    if past_s <= max(recent_s, 1.0) * COARSER:
        return rule
    longer = LATE * past_s
    return replace(rule, window_s=max(rule.window_s, longer), nodata_after_s=max(rule.nodata_after_s, longer))


def tried(rule: Rule, series: Sequence[Series], span: Span) -> list[dict[str, Any]]:
    """Return for each of *series* what ``alerts.try`` shows, the worst first; without any, that of no series."""
    named: dict[str, Series] = {}
    for one in series:
        named.setdefault(one.name or rule.target, one)
    found = [_tried(rule, name, one.points, span) for name, one in named.items()]
    found = found or [_tried(rule, NO_SERIES, [], span)]
    found.sort(key=lambda one: (-_WORST[one["state"]], -one["seconds"][CRIT], -one["seconds"][WARN], one["series"]))
    return found[:MAX_SHOWN]


def _tried(rule: Rule, name: str, points: Sequence[tuple[float, float | None]], span: Span) -> dict[str, Any]:
    seconds = dict.fromkeys((WARN, CRIT, NODATA), 0.0)
    changes: list[list[Any]] = []
    state: SeriesState | None = None
    ahead = 0
    last: Sample | None = None
    at = span.start
    while at <= span.end:
        begin = ahead
        while ahead < len(points) and points[ahead][0] <= at:
            ahead += 1
        last = newest(points[begin:ahead], at) or last
        sample = last if last is not None and last.at > at - rule.window_s else None
        if state is None:
            state = born(rule, name, sample, at)
        elif state.state in seconds:
            seconds[state.state] += span.step_s
        state, change = step(rule, state, sample, at)
        if change is not None:
            changes.append([at, change.state])
        at += span.step_s
    return {
        "series": name,
        "state": state.state if state is not None else OK,
        "value": state.value if state is not None else None,
        "changes": changes[-MAX_CHANGES:],
        "seconds": seconds,
    }
