"""The alerts engine: asks for every rule's series at each interval, and tells what changed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import SalternError
from saltern_master.alerts.book import RuleBook
from saltern_master.alerts.rule import STATES, Rule
from saltern_master.alerts.scripts import Job, ScriptRunner
from saltern_master.alerts.source import NoAnswer, RenderSource
from saltern_master.alerts.state import (
    Change,
    Sample,
    SeriesState,
    moved,
    newest,
    not_ahead,
    reminder,
    resumed,
    step_all,
)
from saltern_master.alerts.store import Kept, StateFile
from saltern_master.alerts.watch import Watch, alert_of, listed, listed_problem, oddity
from saltern_master.clock_steps import ClockSteps

STATE_FILE = "alerts.state"
MAX_REQUESTS_AT_ONCE = 4
MAX_PUT_OFF = 5
"""Evaluations that wait for states which can't be read just now; then alerts start from ok."""

_log = logging.getLogger(__name__)

Fire = Callable[[str, dict[str, Any]], object]


class AlertEngine:
    """Evaluates the rules of a master's *options* on *source*.

    Changes of state go to *fire* as ``salt/alert/<rule>/<state>`` events and to the rules' scripts.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        source: RenderSource,
        fire: Fire,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
    ) -> None:
        """*steady*, in seconds, is never set: it tells steps of *clock*, which otherwise are taken for time passed."""
        self._interval_s = float(options["alerts_interval"])
        self._state_file = StateFile(os.path.join(options["cachedir"], STATE_FILE))
        self._source = source
        self._fire = fire
        self._clock = ClockSteps(clock, steady or clock)
        self._book = RuleBook(options)
        self._read = False
        self._put_off = 0
        self._watches: dict[str, Watch] = {}
        self._kept: dict[str, Kept] = {}  # states that have no rule in force, from the file or of a bad rule
        self._problems: list[str] = []
        self._source_up: bool | None = None
        self._evaluations = 0
        self._evaluation_ms = 0.0
        self.scripts = ScriptRunner(options["config_dir"])

    async def run(self) -> None:
        """Evaluate at every interval until cancelled; then kill running scripts and save the states."""
        try:
            while True:
                started = time.monotonic()
                try:
                    await self.evaluate_once()
                except Exception as error:
                    _log.exception("alerts: an evaluation failed within Saltern: %s", type(error).__name__)
                await asyncio.sleep(max(0.0, started + self._interval_s - time.monotonic()))
        finally:
            await self.scripts.close()
            if self._read:
                await self._save()

    def reread(self, options: Mapping[str, Any]) -> None:
        """Read the rules again, of *options* and files, before they are evaluated next."""
        self._book.take(options)

    async def evaluate_once(self) -> None:
        """Read rules that changed, evaluate each rule once, tell the changes, save the states."""
        started = time.monotonic()
        await self._reread()
        await self._look_at_scripts()
        if self._state_file.unread:
            await self._read_late()
            if self._put_off < MAX_PUT_OFF:
                self._put_off += 1
                return
        now, set_s = self._clock.look()
        if set_s:
            self._each_state(lambda state: moved(state, set_s))
        slots = asyncio.Semaphore(MAX_REQUESTS_AT_ONCE)
        answers: list[bool] = []

        async def one(watch: Watch) -> None:
            async with slots:
                if answers and not any(answers):  # it is away: no use in waiting once for every rule
                    watch.answered, watch.error = False, "not asked: the source doesn't answer"
                else:
                    answers.append(await self._evaluate(watch, now))

        async with asyncio.TaskGroup() as tasks:
            for watch in self._watches.values():
                if watch.rule.enabled:
                    tasks.create_task(one(watch))
        if answers:
            self._note_source(any(answers))
        self._evaluations += 1
        self._evaluation_ms = (time.monotonic() - started) * 1000
        await self._save()

    def listing(self) -> list[dict[str, Any]]:
        """Return every rule, those that can't be used too, with its series' states, for ``alerts.list``."""
        rules = [listed(watch) for watch in self._watches.values()]
        return rules + [listed_problem(problem) for problem in self._book.problems]

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters and gauges."""
        states = [state.state for watch in self._watches.values() for state in watch.states.values()]
        return {
            "rules": len(self._watches),
            "bad_rules": len(self._book.problems),
            "errors": sum(bool(watch.error or watch.script_fault) for watch in self._watches.values()),
            "source_up": float(self._source_up is not False),
            "evaluations": self._evaluations,
            "evaluation_ms": self._evaluation_ms,
            "scripts_run": self.scripts.started,
            "scripts_failed": self.scripts.failed,
            "scripts_dropped": self.scripts.dropped,
            **self._state_file.metrics(),
            **{f"series_{state}": states.count(state) for state in STATES},
        }

    async def _reread(self) -> None:
        if self._read and not self._book.changed():
            return
        if not self._read:
            self._kept = await asyncio.to_thread(self._state_file.load)
            now = self._clock.look().now
            self._each_state(lambda state: not_ahead(state, now))
            self._read = True
        await asyncio.to_thread(self._book.refresh)
        problems = [problem.text for problem in self._book.problems]
        for text in problems:
            if text not in self._problems:
                _log.error("alerts: %s", text)
        self._problems = problems
        self._take(self._book.rules)

    async def _look_at_scripts(self) -> None:
        """Find out now, and not when it is needed, whether a rule's script is there; the log is told once."""
        watches = [watch for watch in self._watches.values() if watch.rule.script and watch.rule.enabled]
        faults = await asyncio.to_thread(lambda: [self.scripts.fault(watch.rule.script[0]) for watch in watches])
        for watch, fault in zip(watches, faults, strict=True):
            if fault and fault != watch.script_fault:
                _log.error("alerts: %s: %s: %s", watch.rule.where, watch.rule.name, fault)
            watch.script_fault = fault

    async def _read_late(self) -> None:
        """Try to read the states that could not be read when the master started; those that are known now are newer."""
        late = await asyncio.to_thread(self._state_file.load)
        now = self._clock.look().now
        for name, kept in late.items():
            watch = self._watches.get(name)
            before = {series: not_ahead(state, now) for series, state in kept.series.items()}
            if watch is None:
                self._kept.setdefault(name, kept._replace(series=before))
            elif watch.rule.enabled and watch.rule.target == kept.target:
                watch.states = {**before, **watch.states}

    def _each_state(self, change: Callable[[SeriesState], SeriesState]) -> None:
        for watch in self._watches.values():
            watch.states = {series: change(state) for series, state in watch.states.items()}
        for name, kept in self._kept.items():
            self._kept[name] = kept._replace(series={series: change(state) for series, state in kept.series.items()})

    def _take(self, rules: Mapping[str, Rule]) -> None:
        """Put *rules* in force; states of the same rule name and target are carried over."""
        for name, watch in self._watches.items():
            self._kept[name] = Kept(watch.rule.target, watch.states)
        watches: dict[str, Watch] = {}
        for name, rule in rules.items():
            before = self._watches.get(name)
            kept = self._kept.pop(name, None)
            if not rule.enabled or kept is None or kept.target != rule.target:
                watches[name] = Watch(rule)
            elif before is not None:
                before.rule = rule
                watches[name] = before
            else:
                watches[name] = Watch(rule, dict(kept.series))
        self._watches = watches
        if not self._book.problems:  # else a rule may be missing only until its fault is mended
            self._kept.clear()

    async def _evaluate(self, watch: Watch, now: float) -> bool:
        """Evaluate one rule; return whether the source answered at all."""
        rule = watch.rule
        try:
            series = await self._source.render(rule.target, int(now - rule.window_s), int(now))
        except NoAnswer as error:
            watch.answered, watch.error = False, str(error)
            return False
        except SalternError as error:
            if not watch.error:
                _log.error("alert %s: its %s was refused: %s", rule.name, rule.kind, error)
            watch.answered, watch.error = False, str(error)
            return True
        except Exception as error:  # a fault of ours must not stop the other rules
            _log.exception("alert %s: couldn't be evaluated", rule.name)
            watch.answered, watch.error = False, f"{type(error).__name__} within Saltern: {error}"
            return True
        states = watch.states if watch.answered else resumed(rule, watch.states, now)
        watch.answered, watch.error, watch.last_evaluated = True, "", now
        samples: dict[str, Sample] = {}
        for one in series:
            sample = newest(one.points, now)
            if sample is not None:
                samples.setdefault(one.name or rule.target, sample)
        watch.states, changes = step_all(rule, states, samples, now)
        for name, change in changes:
            self._tell(rule, name, change)
        for name, state in watch.states.items():
            watch.states[name], reminded = reminder(rule, state, now)
            if reminded is not None:
                self._run_script(rule, name, alert_of(rule, name, reminded))
        self._note(watch, oddity(series, samples, watch.states))
        return True

    def _tell(self, rule: Rule, series: str, change: Change) -> None:
        alert = alert_of(rule, series, change)
        value = "no data" if change.value is None else f"{change.value:.15g}"
        _log.info("alert %s: %s is %s, was %s: %s", rule.name, series or "-", change.state, change.previous, value)
        try:
            self._fire(f"salt/alert/{rule.name}/{change.state}", dict(alert))
        except Exception as error:
            _log.error("alert %s: its event failed: %s: %s", rule.name, type(error).__name__, error)
        self._run_script(rule, series, alert)

    def _run_script(self, rule: Rule, series: str, alert: dict[str, Any]) -> None:
        if rule.script:
            self.scripts.submit((rule.name, series), Job(rule.script, alert, rule.timeout_s))

    def _note(self, watch: Watch, note: str) -> None:
        if note and note != watch.note:
            _log.warning("alert %s: %s", watch.rule.name, note)
        watch.note = note

    def _note_source(self, is_up: bool) -> None:
        if is_up and self._source_up is False:
            _log.info("alerts: the source of values answers again")
        elif not is_up and self._source_up is not False:
            error = next((watch.error for watch in self._watches.values() if watch.error), "")
            _log.error("alerts: the source of values is away, rules keep their states: %s: %s", self._source, error)
        self._source_up = is_up

    async def _save(self) -> None:
        watched = {name: Kept(watch.rule.target, dict(watch.states)) for name, watch in self._watches.items()}
        await self._state_file.save({**self._kept, **watched})
