"""A rule at work, and how it is shown and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltern_master.alerts.acknowledgements import Acknowledgement
from saltern_master.alerts.book import Problem
from saltern_master.alerts.rule import CRIT, OK, WARN, Rule
from saltern_master.alerts.silence import Silence
from saltern_master.alerts.source import Series
from saltern_master.alerts.state import MAX_SERIES, Change, Sample, SeriesState


@dataclass(slots=True)
class Watch:
    """A rule at work: its series' states, and how its last evaluation went.

    ``answered`` is false until the source answered for it, and again after it didn't. ``note`` is what is odd
    about an answer that was used all the same, ``script_fault`` why its script could not be started.
    """

    rule: Rule
    states: dict[str, SeriesState] = field(default_factory=dict)
    answered: bool = False
    error: str = ""
    note: str = ""
    script_fault: str = ""
    last_evaluated: float | None = None


def alert_of(rule: Rule, series: str, change: Change, *, silenced: bool = False) -> dict[str, Any]:
    """Return what an event and a script are told."""
    return {
        "name": rule.name,
        "series": series,
        "state": change.state,
        "previous": change.previous,
        "value": change.value,
        "threshold": threshold_of(rule, change),
        "since": change.since,
        rule.kind: rule.target,
        "message": rule.message,
        "when": change.when,
        "silenced": silenced,
    }


def threshold_of(rule: Rule, change: Change) -> str:
    """Return the threshold of the level that was entered, or, back at ok, that was left."""
    return rule.threshold_text(change.state if change.state in (WARN, CRIT) else change.previous)


def oddity(series: list[Series], samples: Mapping[str, Sample], states: Mapping[str, SeriesState]) -> str:
    """Return what is odd about an answer, or ``""``."""
    if len({one.name for one in series}) < len(series):
        return "several series have the same name, of which the first counts: name them apart"
    if not samples.keys() <= states.keys():
        return f"has over {MAX_SERIES:,} series, of which the first count: narrow it"
    return ""


def listed(
    watch: Watch,
    silences: Mapping[str, Silence],
    acknowledged: Callable[[str, str], Acknowledgement | None],
    *,
    wrong: bool = False,
) -> dict[str, Any]:
    """Return a rule as ``alerts.list`` shows it; *silences* are those of its series, *wrong*: those that aren't ok."""
    rule = watch.rule
    return {
        "name": rule.name,
        "target": rule.target,
        "warn": rule.threshold_text(WARN),
        "crit": rule.threshold_text(CRIT),
        "for": rule.for_s,
        "message": rule.message,
        "enabled": rule.enabled,
        "error": "; ".join(filter(None, (watch.script_fault, watch.error or watch.note))),
        "last_evaluated": watch.last_evaluated,
        "place": rule.where,
        "editable": rule.editable,
        "rule": dict(rule.given),
        "series": [
            {
                "series": series,
                "state": state.state,
                "value": state.value,
                "since": state.since,
                "acknowledged": one.shown() if (one := acknowledged(rule.name, series)) else None,
                "silenced": _silenced(silences.get(series)),
            }
            for series, state in sorted(watch.states.items())
            if not wrong or state.state != OK
        ],
    }


def listed_problem(problem: Problem) -> dict[str, Any]:
    """Return a rule or file that can't be used as ``alerts.list`` shows it."""
    unknown = dict.fromkeys(("target", "warn", "crit", "for", "last_evaluated"))
    mended = {"message": "", "place": problem.place, "editable": problem.editable, "rule": problem.given}
    return {"name": problem.name, **unknown, "enabled": False, "error": problem.text, **mended, "series": []}


def _silenced(silence: Silence | None) -> dict[str, Any] | None:
    if silence is None:
        return None
    return {"id": silence.id, "until": silence.ends, "by": silence.by, "reason": silence.reason}
