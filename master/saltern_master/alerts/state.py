"""The state machine of one series, and of all the series of a rule. Nothing here reads, writes or waits.

A value leads to a *level*: ``ok``, ``warn`` or ``crit``. A level is entered when its threshold has matched for the
rule's ``for``, and left at once when its ``recover`` matches (or, without one, when its threshold no longer does).
What is at ``crit`` is also at ``warn``, so 95 counts towards a ``warn`` of ``> 80``. A series is silent when its
newest value is older than ``nodata_after``; then the rule's ``nodata`` decides its *state*, which otherwise is the
level::

    state   nodata: ok   warn   crit   nodata   keep
    becomes         ok   warn   crit   nodata   (stays)

When values come back, the level is judged from where it was; after ``nodata: ok`` it starts from ``ok``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from saltern_master.alerts.rule import KEEP, NODATA, OK, SEVERITY, Level, Rule

NO_SERIES = ""
"""The name under which a rule without any series has a state."""

FORGET_AFTER_S = 7 * 86400.0
"""A series silent for this long is forgotten: its host is gone for good, not away for a weekend."""

MAX_SERIES = 10_000  # of one rule


class Sample(NamedTuple):
    """The newest value of a series: a finite number, and its time in epoch seconds."""

    value: float
    at: float


class Change(NamedTuple):
    """A state that became another one at *when*; ``since`` is when the new one began (they differ in reminders)."""

    state: str
    previous: str
    value: float | None
    since: float
    when: float


@dataclass(frozen=True, slots=True)
class SeriesState:
    """One series; times in epoch seconds.

    ``level`` is what its values led to, ``state`` what is reported. ``seen`` is its newest value's time, ``value``
    that value, ``None`` while silent. ``held`` says since when each level's condition holds. ``notified`` is when
    its state was last told. ``withheld`` is the state that scripts were told last, when a silence has kept a change
    from them since, else ``""``.
    """

    state: str
    since: float
    seen: float
    level: str = OK
    value: float | None = None
    held: Mapping[str, float] = field(default_factory=dict)
    notified: float = 0.0
    withheld: str = ""


def newest(points: Iterable[tuple[float, float | None]], until: float) -> Sample | None:
    """Return the last finite value of ``(time, value)`` *points* up to the time *until*; nulls are passed over."""
    found = None
    for at, value in points:
        if value is not None and math.isfinite(value) and at <= until and (found is None or at >= found.at):
            found = Sample(float(value), float(at))
    return found


def not_ahead(state: SeriesState, now: float) -> SeriesState:
    """Return *state* without a time beyond *now*: from before the clock was set back, it would be waited for."""
    if max(state.since, state.seen, state.notified, *state.held.values()) <= now:
        return state
    return replace(
        state,
        since=min(state.since, now),
        seen=min(state.seen, now),
        notified=min(state.notified, now),
        held={level: min(at, now) for level, at in state.held.items()},
    )


def moved(state: SeriesState, by_s: float) -> SeriesState:
    """Return *state* by a clock that was set by *by_s* seconds: everything is as long ago as it was before."""
    return replace(
        state,
        since=state.since + by_s,
        seen=state.seen + by_s,
        notified=state.notified + by_s if state.notified else 0.0,
        held={level: at + by_s for level, at in state.held.items()},
    )


def born(rule: Rule, series: str, sample: Sample | None, now: float) -> SeriesState:
    """Return the state of a series that was not known before.

    It starts from ``ok``; but "no series" under ``nodata: keep`` has no state to keep and says ``nodata``, untold.
    """
    state = NODATA if series == NO_SERIES and rule.nodata == KEEP else OK
    return SeriesState(state=state, since=now, seen=min(sample.at, now) if sample else now)


def step(rule: Rule, state: SeriesState, sample: Sample | None, now: float) -> tuple[SeriesState, Change | None]:
    """Return the series' state after an evaluation at *now* that found *sample*, and the change, if it is one."""
    state = not_ahead(state, now)
    if sample is not None:
        state = replace(state, seen=max(state.seen, min(sample.at, now)), value=sample.value)
    if now - state.seen >= rule.nodata_after_s:
        after = _silent(rule, state)
    elif sample is not None:
        after = _judged(rule, state, sample.value, now)
    else:
        after = state
    if after.state == state.state:
        return after, None
    after = replace(after, since=now, notified=now)
    return after, Change(after.state, state.state, after.value, now, now)


def step_all(
    rule: Rule, states: Mapping[str, SeriesState], samples: Mapping[str, Sample], now: float
) -> tuple[dict[str, SeriesState], list[tuple[str, Change]]]:
    """Step every series of a rule on its own: those known, and those in *samples* (at most ``MAX_SERIES``).

    Returns the new states and the changes with their series' names. A rule without any series has a state under
    ``NO_SERIES``; one that was told as not ok goes back to ok when series appear.
    """
    after: dict[str, SeriesState] = {}
    changes: list[tuple[str, Change]] = []

    def note(series: str, change: Change | None) -> None:
        if change is not None:
            changes.append((series, change))

    known = {series: state for series, state in states.items() if series != NO_SERIES}
    for series, state in known.items():
        sample = samples.get(series)
        if sample is None and now - state.seen >= FORGET_AFTER_S:
            note(series, Change(NODATA, state.state, None, now, now) if state.state not in (OK, NODATA) else None)
        else:
            after[series], change = step(rule, state, sample, now)
            note(series, change)
    for series, sample in samples.items():
        if series not in known and len(after) < MAX_SERIES:
            after[series], change = step(rule, born(rule, series, sample, now), sample, now)
            note(series, change)
    nothing = states.get(NO_SERIES)
    if not after:
        after[NO_SERIES], change = step(rule, nothing or born(rule, NO_SERIES, None, now), None, now)
        note(NO_SERIES, change)
    elif nothing is not None and nothing.state != OK and rule.nodata != KEEP:
        note(NO_SERIES, Change(OK, nothing.state, None, now, now))
    return after, changes


def resumed(rule: Rule, states: Mapping[str, SeriesState], now: float) -> dict[str, SeriesState]:
    """Return *states* for the first answer after none came: the time without answers is no series' silence.

    Nor is it a time in which a condition was seen to hold, when it was longer than a series may be silent.
    """
    return {
        series: replace(state, seen=now, held={} if now - state.seen >= rule.nodata_after_s else state.held)
        for series, state in states.items()
    }


def reminder(rule: Rule, state: SeriesState, now: float) -> tuple[SeriesState, Change | None]:
    """Return a change to the same state when the rule's ``repeat`` asks for one now."""
    state = not_ahead(state, now)
    if not rule.repeat_s or state.state == OK or not state.notified or now - state.notified < rule.repeat_s:
        return state, None
    return replace(state, notified=now), Change(state.state, state.state, state.value, state.since, now)


def withholding(state: SeriesState, change: Change) -> SeriesState:
    """Return *state* after a *change* that a silence kept from scripts."""
    return replace(state, withheld=state.withheld or change.previous)


def settled(state: SeriesState, now: float) -> tuple[SeriesState, Change | None]:
    """Return *state* when no silence is for it any more, and the change that is to be told late, if one still is."""
    if not state.withheld:
        return state, None
    if state.state == state.withheld:
        return replace(state, withheld=""), None
    return replace(state, withheld="", notified=now), Change(state.state, state.withheld, state.value, state.since, now)


def _silent(rule: Rule, state: SeriesState) -> SeriesState:
    state = replace(state, value=None, held={})
    if rule.nodata == KEEP:
        return state
    return replace(state, state=rule.nodata, level=OK if rule.nodata == OK else state.level)


def _judged(rule: Rule, state: SeriesState, value: float, now: float) -> SeriesState:
    held: dict[str, float] = {}
    level = OK
    above = False
    for one in reversed(rule.levels):  # from crit down: what is at crit is at warn too
        above = above or _active(one, state.level, value)
        if above:
            held[one.name] = state.held.get(one.name, now)
            if level == OK and (_reached(one, state.level) or now - held[one.name] >= rule.for_s):
                level = one.name
    return replace(state, state=level, level=level, held=held)


def _active(one: Level, level: str, value: float) -> bool:
    return one.threshold.matches(value) or (_reached(one, level) and not one.recovered(value))


def _reached(one: Level, level: str) -> bool:
    return SEVERITY[level] >= SEVERITY[one.name]
