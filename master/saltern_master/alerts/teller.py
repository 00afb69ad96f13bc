"""Tells of changes: to who follows events, to scripts, and to the history; what is silenced, not to scripts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from saltern_master.alerts.acknowledgements import Acknowledgements
from saltern_master.alerts.history import Entry, History
from saltern_master.alerts.rule import OK, Rule
from saltern_master.alerts.scripts import Job, ScriptRunner
from saltern_master.alerts.silence import Silence
from saltern_master.alerts.silences import Silences
from saltern_master.alerts.state import Change, reminder, settled, withholding
from saltern_master.alerts.watch import Watch, alert_of, threshold_of
from saltern_master.annotations.places import Places

_log = logging.getLogger(__name__)

Fire = Callable[[str, dict[str, Any]], object]


class Teller:
    """Events go to *fire* as ``salt/alert/<rule>/<state>``; *places* tells which minions a series is about."""

    def __init__(
        self,
        fire: Fire,
        scripts: ScriptRunner,
        silences: Silences,
        acknowledged: Acknowledgements,
        history: History,
        places: Places | None,
    ) -> None:
        self._fire = fire
        self._scripts = scripts
        self._silences = silences
        self._acknowledged = acknowledged
        self._history = history
        self._places = places
        self._entries: list[Entry] = []  # of the evaluation under way

    def tell(self, watch: Watch, changes: Mapping[str, Change], now: float) -> None:
        """Tell what changed, what a silence that is over has kept back, and what is to be told again."""
        rule, states = watch.rule, watch.states
        due = {name for name, state in states.items() if state.withheld or (rule.repeat_s and state.state != OK)}
        silences = self._silences.of(rule.name, due | changes.keys())
        self._note(rule, changes, silences)
        for name, change in changes.items():
            silenced = name in silences
            if name in states:
                states[name] = withholding(states[name], change) if silenced else replace(states[name], withheld="")
            self._say(rule, name, change, silenced=silenced)
        for name in sorted(due - silences.keys()):
            states[name], late = settled(states[name], now)
            if late is not None:
                self._say(rule, name, late)
            elif self._acknowledged.of(rule.name, name) is None:
                states[name], reminded = reminder(rule, states[name], now)
                if reminded is not None:
                    self._run_script(rule, name, alert_of(rule, name, reminded))

    async def keep(self) -> None:
        """Have the history keep what was told since the last time."""
        entries, self._entries = self._entries, []
        await self._history.put(entries)

    def _note(self, rule: Rule, changes: Mapping[str, Change], silences: Mapping[str, Silence]) -> None:
        names = list(changes)
        about = self._places.whose(names) if self._places is not None else [None] * len(names)
        for name, minions in zip(names, about, strict=True):
            change, known = changes[name], self._acknowledged.of(rule.name, name)
            self._entries.append(
                Entry(
                    at=change.when,
                    alert=rule.name,
                    series=name,
                    minions=None if minions is None else tuple(sorted(minions)),
                    state=change.state,
                    previous=change.previous,
                    value=change.value,
                    threshold=threshold_of(rule, change),
                    silenced=name in silences,
                    acknowledged_by=known.by if known is not None else "",
                )
            )

    def _say(self, rule: Rule, series: str, change: Change, *, silenced: bool = False) -> None:
        alert = alert_of(rule, series, change, silenced=silenced)
        value = "no data" if change.value is None else f"{change.value:.15g}"
        kept = " (silenced)" if silenced else ""
        text = "alert %s: %s is %s, was %s: %s%s"
        _log.info(text, rule.name, series or "-", change.state, change.previous, value, kept)
        try:
            self._fire(f"salt/alert/{rule.name}/{change.state}", dict(alert))
        except Exception as error:
            _log.error("alert %s: its event failed: %s: %s", rule.name, type(error).__name__, error)
        if not silenced:
            self._run_script(rule, series, alert)

    def _run_script(self, rule: Rule, series: str, alert: dict[str, Any]) -> None:
        if rule.script:
            self._scripts.submit((rule.name, series), Job(rule.script, alert, rule.timeout_s))
