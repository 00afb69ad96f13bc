"""Holt-Winters: the numbers of a plain loop, whichever way they are computed, and the lines made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.functions import holt_winters
from support.known_series import START, STEP, KnownSeries, X, evaluate, numbers, shown

ALPHA = GAMMA = 0.1
BETA = 0.0035


@dataclass
class PlainLoop:
    """The method as its definition reads, one series and one value at a time."""

    season: int
    levels: list[float | None] = field(default_factory=list)
    trends: list[float] = field(default_factory=list)
    seasonals: list[float] = field(default_factory=list)
    predictions: list[float | None] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)
    ahead: float | None = None

    def before(self, past: list[float], place: int) -> float:
        return past[place - self.season] if place >= self.season else 0.0

    def feed(self, value: float | None) -> None:
        place = len(self.levels)
        if value is None:
            self.predictions.append(self.ahead)
            self.levels.append(None)
            self.trends.append(0.0)
            self.seasonals.append(0.0)
            self.deviations.append(0.0)
            self.ahead = None
            return
        last = self.levels[-1] if self.levels else None
        trend = self.trends[-1] if self.trends else 0.0
        prediction = value if place == 0 else self.ahead
        last = value if last is None else last
        seasonal = self.before(self.seasonals, place)
        level = ALPHA * (value - seasonal) + (1 - ALPHA) * (last + trend)
        trend = BETA * (level - last) + (1 - BETA) * trend
        self.ahead = level + trend + self.before(self.seasonals, place + 1)
        error = abs(value - (prediction or 0))
        deviation = GAMMA * error + (1 - GAMMA) * self.before(self.deviations, place)
        self.levels.append(level)
        self.trends.append(trend)
        self.seasonals.append(GAMMA * (value - level) + (1 - GAMMA) * seasonal)
        self.predictions.append(prediction)
        self.deviations.append(deviation)


Rows = list[list[float | None]]


@st.composite
def rows_of_values(draw: st.DrawFn) -> Rows:
    length = draw(st.integers(1, 40))
    value = st.none() | st.floats(-1e6, 1e6)
    return draw(st.lists(st.lists(value, min_size=length, max_size=length), min_size=1, max_size=4))


@given(rows=rows_of_values(), season=st.integers(2, 50), stepping=st.booleans(), at_once=st.sampled_from((3, 1 << 16)))
def test_any_values_give_the_plain_loops_numbers_to_the_last_bit(
    rows: Rows, season: int, stepping: bool, at_once: int
) -> None:
    matrix = np.array([[math.nan if value is None else value for value in row] for row in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holt_winters, "ROWS_WORTH_STEPPING", 1 if stepping else 1000)
        patch.setattr(holt_winters, "_STEPS_AT_ONCE", at_once)
        predictions, deviations = holt_winters.analyse(matrix, season)
    for row, values in enumerate(rows):
        loop = PlainLoop(season)
        for value in values:
            loop.feed(value)
        expected = [math.nan if one is None else one for one in loop.predictions]
        np.testing.assert_array_equal(predictions[row], expected)
        np.testing.assert_array_equal(deviations[row], loop.deviations)


def test_what_check_raises_ends_the_work() -> None:
    def enough() -> None:
        raise FunctionError("enough")

    with pytest.raises(FunctionError, match="enough"):
        holt_winters.analyse(np.ones((1, 10)), 2, enough)


def wave(length: int) -> list[float | None]:
    return [10 + 5 * math.sin(place * math.pi / 5) for place in range(length)]


def predicted(values: list[float | None], season: int) -> PlainLoop:
    loop = PlainLoop(season)
    for value in values:
        loop.feed(value)
    return loop


def test_it_learns_before_the_window() -> None:
    values = wave(100)
    made = evaluate("holtWintersForecast(a,'30min','10min')", {"a": values}, points=60)
    assert [one.name for one in made] == ["holtWintersForecast(a)"]
    assert (made[0].start, made[0].end, made[0].step) == (START + STEP, START + 61 * STEP, STEP)
    loop = predicted(values[10:], 10)
    assert numbers(made[0]) == loop.predictions[30:]
    assert made[0].tags == {"name": "a", "holtWintersForecast": "1", "holtWintersDeviation": "1"}


@pytest.mark.parametrize("season", ["2min", "1min", "10s", "-1d"])
def test_a_season_is_two_steps_long_at_least(season: str) -> None:
    values = wave(60)
    made = evaluate(f"holtWintersForecast(a,'20min','{season}')", {"a": values}, points=40)
    assert numbers(made[0]) == predicted(values, 2).predictions[20:]


def test_bands_lie_so_many_deviations_off_the_forecast() -> None:
    values = wave(60)
    made = evaluate("holtWintersConfidenceBands(a,2.5,'20min','10min')", {"a": values}, points=40)
    assert [one.name for one in made] == ["holtWintersConfidenceLower(a)", "holtWintersConfidenceUpper(a)"]
    assert [one.path for one in made] == ["a", "a"]
    loop = predicted(values, 10)
    for one, sign in zip(made, (-1, 1), strict=True):
        expected = [
            prediction + sign * 2.5 * deviation
            for prediction, deviation in zip(loop.predictions[20:], loop.deviations[20:], strict=True)
            if prediction is not None
        ]
        np.testing.assert_allclose(one.values, expected, rtol=1e-15)
        assert one.tags["holtWintersConfidenceUpper"] == one.tags["holtWintersConfidenceLower"] == "1"


def test_series_of_several_steps_and_lengths_are_learnt_apart() -> None:
    metrics = {"a": wave(60), "b": wave(45)}
    made = evaluate("holtWintersForecast(group(a,b,summarize(a,'2min','avg')),'20min','10min')", metrics, points=30)
    assert [one.step for one in made] == [60, 60, 120]
    assert numbers(made[0]) == predicted(metrics["a"][10:], 10).predictions[20:]
    assert len(made[1].values) == 25  # it begins later, and so has less to show


def test_an_area_is_one_series_bands_under_one_name() -> None:
    made = evaluate("holtWintersConfidenceArea(a,3,'10min','5min')", {"a": wave(40)}, points=30)
    assert [one.name for one in made] == ["holtWintersConfidenceArea(a)"] * 2
    assert (made[0].values <= made[1].values).all()
    assert made[0].options == {"stacked": True, "invisible": True}
    assert made[1].options == {"stacked": True}
    assert "areaBetween" not in made[0].tags
    assert made[0].tags["holtWintersConfidenceArea"] == "1"


def test_aberration_is_what_lies_outside_the_bands() -> None:
    values = [*[10.0] * 40, 50.0, 10.0, -30.0, None, *[10.0] * 6]
    metrics = {"a": values}
    made = evaluate("holtWintersAberration(a,1,'20min','10min')", metrics, points=30)
    lower, upper = evaluate("holtWintersConfidenceBands(a,1,'20min','10min')", metrics, points=30)
    assert made[0].name == "holtWintersAberration(a)"
    assert made[0].values[20] == 50 - upper.values[20] > 30
    assert made[0].values[22] == -30 - lower.values[22] < -30
    assert made[0].values[23] == 0
    assert numbers(evaluate("holtWintersAberration(a,1,'1d','10min')", metrics, points=30)[0]) == [0.0] * 30


class CoarseBefore(KnownSeries):
    """What reaches back before the window comes at twice the step, as from an archive's second ring."""

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        fine = super().fetch(name, start, end, now)
        if fine is None or start >= START:
            return fine
        first = fine.start - fine.start % (2 * STEP)
        values = fine.values[(first - fine.start) // STEP % 2 :: 2]
        return Fetched(first, first + len(values) * 2 * STEP, 2 * STEP, values, fine.method)


def test_bands_of_a_coarser_archive_are_compared_by_time() -> None:
    values = [*[10.0] * 50, 99.0, *[10.0] * 9]
    target = "holtWintersAberration(a,3,'20min','10min')"
    made = evaluate(target, {"a": values}, points=40, source=CoarseBefore)
    assert made[0].step == STEP
    assert len(made[0].values) == 40
    assert made[0].values[30] > 50
    assert np.count_nonzero(np.abs(made[0].values) > 50) == 1


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("holtWintersForecast(a,'-10min')", "bootstrapInterval must not be negative"),
        ("holtWintersForecast(a,'10')", "bootstrapInterval: '10' is no interval"),
        ("holtWintersConfidenceArea(a.*)", "exactly one series, not 0"),
        ("holtWintersConfidenceBands(a,'x')", "delta must be a number, not 'x'"),
    ],
)
def test_wrong_arguments_are_explained(target: str, complaint: str) -> None:
    with pytest.raises(FunctionError, match=complaint):
        evaluate(target, {"a": wave(20)})


def test_nothing_makes_nothing() -> None:
    for name in ("Forecast", "ConfidenceBands", "Aberration"):
        assert shown(f"holtWinters{name}(nope)", {"a": [1.0, X]}) == {}
