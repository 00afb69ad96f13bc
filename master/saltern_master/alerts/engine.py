"""The alerts engine: asks for every rule's series at each interval, and tells what changed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import SalternError
from saltern_master.alerts.acknowledgements import Acknowledgement, Acknowledgements
from saltern_master.alerts.book import RuleBook
from saltern_master.alerts.history import History
from saltern_master.alerts.rehearsal import Rehearsal
from saltern_master.alerts.rule import OK, STATES, Rule
from saltern_master.alerts.scripts import ScriptRunner
from saltern_master.alerts.silences import Silences
from saltern_master.alerts.source import NoAnswer, RenderSource
from saltern_master.alerts.state import (
    Sample,
    SeriesState,
    moved,
    newest,
    not_ahead,
    resumed,
    step_all,
)
from saltern_master.alerts.store import Kept, StateFile
from saltern_master.alerts.teller import Fire, Teller
from saltern_master.alerts.watch import Watch, listed, listed_problem, oddity
from saltern_master.annotations.places import Places
from saltern_master.clock_steps import ClockSteps

STATE_FILE, SILENCES_FILE, ACKNOWLEDGED_FILE = "alerts.state", "alerts.silences", "alerts.acknowledged"
HISTORY_FILE = "alerts.db"
MAX_REQUESTS_AT_ONCE = 4
MAX_PUT_OFF = 5
"""Evaluations that wait for states which can't be read just now; then alerts start from ok."""

_log = logging.getLogger(__name__)


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
        places: Places | None = None,
    ) -> None:
        """*steady*, in seconds, is never set: it tells steps of *clock*, which otherwise are taken for time passed.

        *places* tells which minions a series is about; without it, that is not known of any.
        """
        cache = options["cachedir"]
        self._interval_s = float(options["alerts_interval"])
        self._state_file = StateFile(os.path.join(cache, STATE_FILE))
        self.silences = Silences(os.path.join(cache, SILENCES_FILE), places, clock)
        self._acknowledged = Acknowledgements(os.path.join(cache, ACKNOWLEDGED_FILE))
        self.history = History(os.path.join(cache, HISTORY_FILE), clock)
        self._source = source
        self._wall = clock
        self._clock = ClockSteps(clock, steady or clock)
        self._book = RuleBook(options)
        self._reading = asyncio.Lock()
        self._read = False
        self._put_off = 0
        self._watches: dict[str, Watch] = {}
        self._kept: dict[str, Kept] = {}  # states that have no rule in force, from the file or of a bad rule
        self._problems: list[str] = []
        self._source_up: bool | None = None
        self._evaluations = 0
        self._evaluation_ms = 0.0
        self.scripts = ScriptRunner(options["config_dir"])
        self._teller = Teller(fire, self.scripts, self.silences, self._acknowledged, self.history, places)
        self._rehearsal = Rehearsal(source, self._interval_s)

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
            self.history.close()

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
        await self.silences.tend(set_s)
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
        await self._teller.keep()  # before the states: what is lost in between is found, and told, once more
        if not self._state_file.unread:
            await self._acknowledged.tend(self._stands)
        await self._save()

    def listing(self, *, wrong: bool = False) -> list[dict[str, Any]]:
        """Return every rule, those that can't be used too, with its series' states, for ``alerts.list``.

        *wrong*: with the series alone that aren't ok. Any thread may ask.
        """
        rules = [
            listed(
                watch, self.silences.of_all(watch.rule.name, watch.states.keys()), self._acknowledged.of, wrong=wrong
            )
            for watch in list(self._watches.values())
        ]
        return rules + [listed_problem(problem) for problem in self._book.problems]

    def state_of(self, alert: str, series: str) -> SeriesState | None:
        """Return the state of one series; ``None``: there is no such one."""
        watch = self._watches.get(alert)
        return None if watch is None else watch.states.get(series)

    def acknowledgement_of(self, alert: str, series: str) -> Acknowledgement | None:
        """Return who knows of a series."""
        return self._acknowledged.of(alert, series)

    async def acknowledge(self, alert: str, series: str, by: str, comment: str) -> Acknowledgement:
        """Note that *by* knows of a series that isn't ok, and return that.

        Raises ``CommandError`` when it can't be saved, ``Busy`` when there are too many.
        """
        await self.ready()
        one = Acknowledgement(alert, series, by, self._wall(), comment)
        await self._acknowledged.put(one)
        return one

    async def unacknowledge(self, alert: str, series: str) -> None:
        """Take that back. Raises ``CommandError`` when that can't be saved."""
        await self._acknowledged.remove(alert, series)

    async def set_rule(self, name: str, given: Mapping[str, Any]) -> None:
        """Keep a rule, in the place of one before, and put it in force.

        Raises ``RuleFault``, and ``CommandError`` for one that is written by hand, or can't be saved.
        """
        await self.ready()
        self._book.check(name, given)
        await asyncio.to_thread(self._book.put, name, given)
        await self._reread()

    async def delete_rule(self, name: str) -> None:
        """Forget a rule that the master keeps. Raises ``RuleFault``, ``CommandError``."""
        await self.ready()
        await asyncio.to_thread(self._book.remove, name)
        await self._reread()

    async def try_rule(self, given: Mapping[str, Any], hours: float) -> dict[str, Any]:
        """Return what ``alerts.try`` shows. Raises ``RuleFault``."""
        return await self._rehearsal.run(self._book.check("tried", given), hours, self._wall())

    async def ready(self) -> None:
        """Return when rules and states have been read, which is before the first evaluation."""
        if not self._read:
            await self._reread()

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters and gauges."""
        states = [state.state for watch in self._watches.values() for state in watch.states.values()]
        files = self._state_file.file, self.silences.kept, self._acknowledged.kept
        aside = self.history.set_aside + sum(file.set_aside for file in files)
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
            "silences": len(self.silences.kept.all),
            "acknowledged": len(self._acknowledged.kept.all),
            "state_failures": sum(file.failures for file in files),
            "state_set_aside": aside,
            **self.history.metrics(),
            **{f"series_{state}": states.count(state) for state in STATES},
        }

    async def _reread(self) -> None:
        async with self._reading:
            if self._read and not self._book.changed():
                return
            if not self._read:
                self._kept = await asyncio.to_thread(self._load)
                now = self._clock.look().now
                self._each_state(lambda state: not_ahead(state, now))
            await asyncio.to_thread(self._book.refresh)
            problems = [problem.text for problem in self._book.problems]
            for text in problems:
                if text not in self._problems:
                    _log.error("alerts: %s", text)
            self._problems = problems
            self._take(self._book.rules)
            self._read = True

    def _load(self) -> dict[str, Kept]:
        self.silences.load()
        self._acknowledged.load()
        return self._state_file.load()

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
        if watch.rule is not rule or self._watches.get(rule.name) is not watch:  # it was changed meanwhile
            return True
        states = watch.states if watch.answered else resumed(rule, watch.states, now)
        watch.answered, watch.error, watch.last_evaluated = True, "", now
        samples: dict[str, Sample] = {}
        for one in series:
            sample = newest(one.points, now)
            if sample is not None:
                samples.setdefault(one.name or rule.target, sample)
        watch.states, changes = step_all(rule, states, samples, now)
        self._teller.tell(watch, dict(changes), now)
        self._note(watch, oddity(series, samples, watch.states))
        return True

    def _stands(self, alert: str, series: str) -> bool:
        """Return whether there is something to acknowledge; a rule that has a fault just now keeps its states."""
        kept = self._kept.get(alert)
        state = self.state_of(alert, series) or (kept.series.get(series) if kept is not None else None)
        return state is not None and state.state != OK

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
