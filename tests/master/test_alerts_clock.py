"""Alerts when the master's clock is set: nothing waits for a time that was seen once, and no time passes by it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import master_config
from saltern_master.alerts.engine import AlertEngine
from saltern_master.alerts.parse import parse_rule
from saltern_master.alerts.rule import CRIT, OK, WARN, Rule
from saltern_master.alerts.sources.memory import MemorySource
from saltern_master.alerts.state import Sample, SeriesState, born, moved, not_ahead, reminder, step, step_all

NOW = 1_700_000_000.0
EVERY = 10
HOUR = 3600.0


def rule_of(**keys: Any) -> Rule:
    return parse_rule("r", {"metric": "a.*", **keys})


RULE = rule_of(warn="> 5", **{"for": 60}, nodata="crit", nodata_after=60)


def test_what_was_seen_in_the_future_holds_up_neither_a_condition_nor_a_silence() -> None:
    state, _ = step(RULE, born(RULE, "a", None, NOW), Sample(9, NOW + HOUR), NOW + HOUR)
    told = []
    for n in range(180):
        at = NOW + EVERY * n
        state, change = step(RULE, state, Sample(9, at), at)
        told += [(change.state, change.when - NOW)] if change else []
    for n in range(180, 360):
        at = NOW + EVERY * n
        state, change = step(RULE, state, None, at)
        told += [(change.state, change.when - NOW)] if change else []
    assert told == [(WARN, 60), (CRIT, 1790 + 60)]


def test_a_sample_that_is_ahead_makes_nobody_heard_of_for_longer_than_it_is() -> None:
    for state in (
        born(RULE, "a", Sample(1, NOW + HOUR), NOW),
        step(RULE, born(RULE, "a", None, NOW), Sample(1, NOW + HOUR), NOW)[0],
    ):
        assert step(RULE, state, None, NOW + 60)[0].state == CRIT


def test_a_reminder_is_not_due_only_when_a_time_that_was_seen_once_comes() -> None:
    rule = rule_of(crit=90, repeat="10m")
    state = SeriesState(CRIT, NOW + HOUR, NOW + HOUR, level=CRIT, value=95, notified=NOW + HOUR)
    state, change = reminder(rule, state, NOW)
    assert change is None
    state, change = reminder(rule, state, NOW + 600)
    assert change is not None
    assert (change.since, change.when) == (NOW, NOW + 600)


def test_a_series_that_was_seen_in_the_future_is_forgotten_as_any_other() -> None:
    states = {"a": SeriesState(OK, NOW + 1e9, NOW + 1e9)}
    states, _ = step_all(RULE, states, {}, NOW)
    assert states["a"].seen == NOW
    assert list(step_all(RULE, states, {}, NOW + 7 * 86400)[0]) == [""]


times = st.floats(NOW - 1e6, NOW + 1e6)
states_ = st.builds(
    SeriesState,
    st.sampled_from([OK, WARN, CRIT]),
    times,
    times,
    held=st.dictionaries(st.sampled_from([WARN, CRIT]), times),
    notified=st.just(0.0) | times,
)


@given(state=states_, now=times, value=st.floats(0, 10) | st.none(), at=times)
def test_no_time_of_a_state_is_ever_ahead(state: SeriesState, now: float, value: float | None, at: float) -> None:
    for after in (
        not_ahead(state, now),
        step(RULE, state, None if value is None else Sample(value, at), now)[0],
        reminder(rule_of(crit=90, repeat="1m"), state, now)[0],
    ):
        assert max(after.since, after.seen, after.notified, *after.held.values()) <= now


@given(state=states_, by_s=st.floats(-1e6, 1e6))
def test_moving_keeps_how_long_ago_everything_was(state: SeriesState, by_s: float) -> None:
    after = moved(state, by_s)
    assert after.since - state.since == pytest.approx(by_s, abs=1e-3)
    assert after.seen - state.seen == pytest.approx(by_s, abs=1e-3)
    assert {name: at + by_s for name, at in state.held.items()} == after.held
    assert (after.notified == 0) == (state.notified == 0) or state.notified + by_s == 0
    assert (after.state, after.level, after.value) == (state.state, state.level, state.value)


class Bench:
    """An engine whose master's clock is set while time goes on; values bear its time, as agents' samples do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steady = 0.0
        self.ahead = NOW
        self.events: list[tuple[str, float]] = []
        self.source = MemorySource()
        (folder / "alerts.d").mkdir()
        (folder / "alerts.d" / "rules.yaml").write_text(
            "r: {metric: 'a.*', warn: '> 5', for: 60, nodata: crit, nodata_after: 60, window: 60}\n"
        )
        (folder / "master").write_text(f"root_dir: {folder}\n")
        self.start()

    def start(self) -> None:
        self.engine = AlertEngine(
            master_config(self.folder),
            self.source,
            lambda tag, data: self.events.append((tag.rpartition("/")[2], self.steady)),
            clock=lambda: self.steady + self.ahead,
            steady=lambda: self.steady,
        )

    def run(self, value: float | None, seconds: float) -> list[tuple[str, float]]:
        """Have *value*, or none, come for *seconds*; return what was told, and after how long."""
        began, before = self.steady, len(self.events)

        async def main() -> None:
            while self.steady < began + seconds:
                self.steady += EVERY
                if value is not None:
                    self.source.put("a.b", int(self.steady + self.ahead), value)
                await self.engine.evaluate_once()

        asyncio.run(main())
        return [(state, at - began) for state, at in self.events[before:]]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("by_s", [HOUR, -HOUR, 86400.0, -86400.0])
def test_a_step_is_neither_silence_nor_time_in_which_a_condition_held(bench: Bench, by_s: float) -> None:
    bench.run(1, 120)
    bench.run(9, 30)
    bench.ahead += by_s
    assert bench.run(9, 120) == [("warn", 40)], "60 s from the first bad value on, of which 30 were before the step"
    bench.ahead -= by_s
    assert bench.run(9, 600) == []
    bench.ahead += by_s
    assert bench.run(None, 600) == [("crit", 60)]


@pytest.mark.parametrize("by_s", [HOUR, -HOUR])
def test_a_step_while_the_master_was_stopped_waits_for_nothing(bench: Bench, by_s: float) -> None:
    bench.run(1, 120)
    bench.ahead += by_s
    bench.start()
    assert bench.run(9, 120) == [("warn", 70)]
    bench.ahead += by_s
    bench.start()
    assert bench.run(None, 600) == [("crit", 70)]
    (rule,) = bench.engine.listing()
    assert rule["series"][0]["since"] <= bench.steady + bench.ahead


def test_states_from_the_future_are_none_of_it_once_they_are_read(bench: Bench) -> None:
    bench.run(9, 120)
    bench.ahead -= HOUR
    bench.start()
    asyncio.run(bench.engine._reread())
    (rule,) = bench.engine.listing()
    assert rule["series"][0]["since"] == bench.steady + bench.ahead


def test_without_a_steady_clock_time_is_what_the_clock_says(bench: Bench) -> None:
    bench.run(1, 60)
    bench.engine = AlertEngine(
        master_config(bench.folder), bench.source, lambda *_: None, clock=lambda: bench.steady + bench.ahead
    )
    bench.run(1, 60)
    bench.ahead += HOUR
    bench.run(None, 10)
    assert bench.engine.listing()[0]["series"][0]["state"] == CRIT
