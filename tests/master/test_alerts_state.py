"""The pure state machine: what a value, a silence and the time lead to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from saltern_master.alerts import state as machine
from saltern_master.alerts.parse import parse_rule
from saltern_master.alerts.rule import CRIT, NODATA, OK, SEVERITY, WARN, Rule
from saltern_master.alerts.state import Change, Sample, SeriesState, born, newest, reminder, resumed, step, step_all

START = 1_000_000.0
EVERY = 15.0

values = st.integers(0, 100).map(float) | st.none()
policies = st.sampled_from(["ok", "warn", "crit", "nodata", "keep"])


def rule_of(**keys: Any) -> Rule:
    keys.setdefault("for", keys.pop("for_", 0))
    return parse_rule("r", {"metric": "a.*", **keys})


class Run:
    """One series under one rule, fed a value (or a null) every 15 s."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.now = START
        self.state = born(rule, "a", None, self.now)
        self.changes: list[Change] = []

    def feed(self, *values: float | None) -> list[str]:
        """Return the state after each value."""
        states = []
        for value in values:
            self.now += EVERY
            sample = None if value is None else Sample(value, self.now)
            self.state, change = step(self.rule, self.state, sample, self.now)
            if change is not None:
                self.changes.append(change)
            states.append(self.state.state)
        return states


def test_a_series_goes_through_its_levels_and_back() -> None:
    run = Run(rule_of(warn=80, crit=90))
    assert run.feed(10, 81, 95, 85, 80) == [OK, WARN, CRIT, WARN, OK]
    assert [(one.previous, one.state, one.value) for one in run.changes] == [
        (OK, WARN, 81),
        (WARN, CRIT, 95),
        (CRIT, WARN, 85),
        (WARN, OK, 80),
    ]
    assert run.changes[0].since == run.changes[0].when == START + 2 * EVERY


def test_a_condition_has_to_hold() -> None:
    run = Run(rule_of(crit=90, for_="30s"))
    assert run.feed(95, 95, 95) == [OK, OK, CRIT]
    assert run.feed(10, 95, 95, 10, 95, 95, 95) == [OK, OK, OK, OK, OK, OK, CRIT]


def test_what_is_at_crit_counts_towards_warn() -> None:
    run = Run(rule_of(warn=80, crit=90, for_="30s"))
    assert run.feed(85, 95, 85, 95, 95, 95) == [OK, OK, WARN, WARN, WARN, CRIT]


def test_a_level_is_left_only_at_its_recovery() -> None:
    run = Run(rule_of(warn="> 80", crit="> 90", recover={"warn": 60, "crit": 85}))
    assert run.feed(95, 88, 86, 85, 75, 61, 60, 75) == [CRIT, CRIT, CRIT, WARN, WARN, WARN, OK, OK]


def test_one_recovery_for_both_levels_goes_straight_to_ok() -> None:
    run = Run(rule_of(warn="< 10", crit="< 5", recover=20))
    assert run.feed(4, 15, 20) == [CRIT, CRIT, OK]


def test_the_two_levels_may_look_to_two_sides() -> None:
    run = Run(rule_of(warn="> 90", crit="< 5"))
    assert run.feed(50, 95, 3, 50) == [OK, WARN, CRIT, OK]


def test_nulls_shorter_than_the_patience_change_nothing() -> None:
    run = Run(rule_of(crit=90, for_="45s", nodata="crit"))
    assert run.feed(95, None, None, 95) == [OK, OK, OK, CRIT]


def test_silence_means_what_the_rule_says() -> None:
    for policy, expected in (("ok", OK), ("warn", WARN), ("crit", CRIT), ("nodata", NODATA), ("keep", CRIT)):
        run = Run(rule_of(crit=90, nodata=policy))
        run.feed(95)
        assert run.feed(None, None, None) == [CRIT] * 3
        assert run.feed(None, None) == [expected] * 2
        assert run.state.value is None
        assert len(run.changes) == (1 if expected == CRIT else 2)


def test_values_after_a_silence_are_judged_from_where_they_were() -> None:
    band = {"crit": 90, "recover": 80, "for": "30s"}
    for policy, back in (("nodata", CRIT), ("warn", CRIT), ("keep", CRIT), ("ok", OK)):
        run = Run(rule_of(**band, nodata=policy))
        run.feed(95, 95, 95, *[None] * 5)
        assert run.feed(85) == [back]
    run = Run(rule_of(**band, nodata="crit"))
    assert run.feed(10, *[None] * 4, 85) == [OK, OK, OK, OK, CRIT, OK]


def test_a_condition_before_a_silence_does_not_count_after_it() -> None:
    run = Run(rule_of(crit=90, for_="30s"))
    assert run.feed(95, *[None] * 10, 95, 95, 95)[-3:] == [OK, OK, CRIT]


def test_a_value_that_is_old_is_silence_even_inside_the_window() -> None:
    rule = rule_of(crit=90, window=600, nodata_after=60, nodata="warn")
    state = born(rule, "a", Sample(95, START), START)
    state, _ = step(rule, state, Sample(95, START), START + 59)
    assert state.state == CRIT
    state, _ = step(rule, state, Sample(95, START), START + 60)
    assert state.state == WARN


@given(st.lists(values, max_size=60), policies, st.sampled_from([0, 20, 60]), st.booleans())
def test_it_never_tells_without_a_change_nor_changes_without_telling(
    feed: list[float | None], policy: str, hold: int, band: bool
) -> None:
    extra = {"recover": {"warn": 30, "crit": 50}} if band else {}
    run = Run(rule_of(warn=40, crit=60, for_=hold, nodata=policy, **extra))
    before, told = OK, 0
    for value in feed:
        (after,) = run.feed(value)
        assert (after != before) == (len(run.changes) > told)
        if after != before:
            assert (run.changes[-1].previous, run.changes[-1].state) == (before, after)
            assert run.state.since == run.now
        before, told = after, len(run.changes)


@given(st.lists(st.integers(0, 100).map(float), max_size=60), st.sampled_from([15, 30, 45, 90]))
def test_for_is_honoured(feed: list[float], hold: int) -> None:
    run = Run(rule_of(warn=40, crit=60, for_=hold))
    for index, value in enumerate(feed):
        before = run.state.state
        (after,) = run.feed(value)
        need = int(hold / EVERY) + 1
        recent = feed[max(0, index - need + 1) : index + 1]
        for level, number in ((WARN, 40), (CRIT, 60)):
            held = len(recent) == need and all(one > number for one in recent)
            if SEVERITY[before] < SEVERITY[level] <= SEVERITY[after]:
                assert held
            if held:
                assert SEVERITY[after] >= SEVERITY[level]


@given(st.lists(st.floats(80, 90, exclude_min=True), min_size=1, max_size=30), st.sampled_from([10.0, 95.0]))
def test_it_never_flaps_inside_the_band(feed: list[float], first: float) -> None:
    run = Run(rule_of(crit="> 90", recover=80))
    (start,) = run.feed(first)
    assert set(run.feed(*feed)) == {start}


@given(st.lists(values, max_size=40), st.data())
def test_a_series_is_not_touched_by_the_others(feed: list[float | None], data: st.DataObject) -> None:
    rule = rule_of(warn=40, crit=60, for_=15, nodata=data.draw(policies))
    alone: dict[str, SeriesState] = {}
    crowd: dict[str, SeriesState] = {}
    for index, value in enumerate([50.0, *feed]):
        now = START + EVERY * index
        mine = {} if value is None else {"mine": Sample(value, now)}
        others = {f"other{n}": Sample(one, now) for n in range(2) if (one := data.draw(values)) is not None}
        alone, told = step_all(rule, alone, mine, now)
        crowd, told_in_crowd = step_all(rule, crowd, {**mine, **others}, now)
        assert alone["mine"] == crowd["mine"]
        assert told == [one for one in told_in_crowd if one[0] == "mine"]


@given(st.lists(values, max_size=60), policies)
def test_silence_needs_its_time_and_then_always_counts(feed: list[float | None], policy: str) -> None:
    run = Run(rule_of(crit=60, nodata=policy))
    seen = START
    for value in feed:
        kept = run.state.state
        (after,) = run.feed(value)
        seen = run.now if value is not None else seen
        if run.now - seen >= 60:
            assert after == (kept if policy == "keep" else policy)
        elif value is None:
            assert after == kept


def test_a_rule_without_any_series_is_silent_under_the_empty_name() -> None:
    rule = rule_of(crit=90, nodata="crit")
    states, changes = step_all(rule, {}, {}, START)
    assert (states[""].state, changes) == (OK, [])
    states, changes = step_all(rule, states, {}, START + 60)
    assert [(series, one.state) for series, one in changes] == [("", CRIT)]
    states, changes = step_all(rule, states, {}, START + 75)
    assert changes == []
    states, changes = step_all(rule, states, {"a": Sample(1, START + 90)}, START + 90)
    assert [(series, one.previous, one.state) for series, one in changes] == [("", CRIT, OK)]
    assert list(states) == ["a"]


def test_no_series_under_keep_is_shown_but_not_told() -> None:
    rule = rule_of(crit=90)
    states, changes = step_all(rule, {}, {}, START)
    assert (states[""].state, changes) == (NODATA, [])
    states, changes = step_all(rule, states, {}, START + 600)
    assert (states[""].state, changes) == (NODATA, [])
    states, changes = step_all(rule, states, {"a": Sample(1, START + 615)}, START + 615)
    assert (list(states), changes) == (["a"], [])


def test_a_series_that_stays_away_is_forgotten_and_an_open_alert_closed() -> None:
    rule = rule_of(crit=90)
    both = {"bad": Sample(95, START), "good": Sample(5, START)}
    states, _ = step_all(rule, {}, both, START)
    states, changes = step_all(rule, states, {}, START + machine.FORGET_AFTER_S)
    assert [(series, one.previous, one.state) for series, one in changes] == [("bad", CRIT, NODATA)]
    assert list(states) == [""]


def test_the_number_of_series_is_bounded_and_known_ones_stay() -> None:
    rule = rule_of(crit=90)
    known, _ = step_all(rule, {}, {"known": Sample(95, START)}, START)
    many = {f"s{n}": Sample(1, START) for n in range(machine.MAX_SERIES + 5)}
    states, _ = step_all(rule, known, many, START)
    assert len(states) == machine.MAX_SERIES
    assert states["known"].state == CRIT


def test_time_without_answers_is_nobodys_silence() -> None:
    rule = rule_of(crit=90, for_="30s", nodata="crit")
    states, _ = step_all(rule, {}, {"a": Sample(95, START)}, START)
    later = START + 3600
    states, changes = step_all(rule, resumed(rule, states, later), {}, later)
    assert (states["a"].state, changes) == (OK, [])
    states, changes = step_all(rule, states, {"a": Sample(95, later + 15)}, later + 15)
    assert (states["a"].state, changes) == (OK, []), "an hour without answers doesn't show that it held"
    short = resumed(rule, {"a": SeriesState(OK, START, START, held={CRIT: START})}, START + 30)
    assert short["a"].held == {CRIT: START}


def test_reminders_come_only_while_not_ok() -> None:
    rule = rule_of(crit=90, repeat="1m")
    run = Run(rule)
    run.feed(95)
    state, change = reminder(rule, run.state, run.now + 59)
    assert change is None
    state, change = reminder(rule, state, run.now + 60)
    assert change == Change(CRIT, CRIT, 95, run.now, run.now + 60)
    state, change = reminder(rule, state, run.now + 119)
    assert change is None
    run.feed(10)
    assert reminder(rule, run.state, run.now + 900)[1] is None


def test_the_newest_value_passes_over_nulls_and_what_is_no_number() -> None:
    points = [(10, 1.0), (30, 3.0), (20, 2.0), (40, None), (50, float("nan")), (60, float("inf")), (99, 9.0)]
    assert newest(points, until=60) == Sample(3.0, 30)
    assert newest([(10, None)], until=60) is None
