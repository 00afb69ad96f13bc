"""Functions on single series that came last: curves, gaps, running numbers, lines, slices, names."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.functions.gaps import interpolated
from saltern_graphite.functions.running import exponential_average
from saltern_graphite.functions.slices import MAX_SHIFTS
from support.known_series import START, STEP, Numbers, X, evaluate, numbers, shown

METRICS: dict[str, Numbers] = {
    "a": [1, 2, X, 4],
    "down": [3, 2, 1, 0],
    "share": [0, 0.5, 1, 2],
    "flat": [5, 5, X, 5],
    "empty": [X, X, X, X],
    "gaps": [X, 1, X, X, 4, X, 6, X],
    "regular": [X, 7, X, X, 8, X, X, 9, X, X, 4, X],
    "regular_at_once": [7, X, X, 8, X, X, 9, X, X, 4, X, X],
    "Upper.Case": [0, 0, 0, 0],
}
E = math.e


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("exp(share)", {"exp(share)": [1, E**0.5, E, E**2]}),
        ("exp(scale(a,400))", {"exp(scale(a,400))": [E**400, X, X, X]}),
        ("logit(share)", {"logit(share)": [X, 0, X, X]}),
        ("sigmoid(a)", {"sigmoid(a)": [1 / (1 + E**-1), 1 / (1 + E**-2), X, 1 / (1 + E**-4)]}),
        ("sigmoid(scale(a,-1000))", {"sigmoid(scale(a,-1000))": [0, 0, X, 0]}),
        ("minMax(a)", {"minMax(a)": [0, 1 / 3, X, 1]}),
        ("minMax(flat)", {"minMax(flat)": [0, 0, X, 0]}),
        ("minMax(empty)", {"minMax(empty)": [X] * 4}),
        ("offsetToZero(a)", {"offsetToZero(a)": [0, 1, X, 3]}),
        ("offsetToZero(empty)", {"offsetToZero(empty)": [X] * 4}),
        ("interpolate(gaps)", {"interpolate(gaps)": [X, 1, 2, 3, 4, 5, 6, X]}),
        ("interpolate(gaps,1)", {"interpolate(gaps)": [X, 1, X, X, 4, 5, 6, X]}),
        ("interpolate(gaps,0)", {"interpolate(gaps)": METRICS["gaps"]}),
        ("compressPeriodicGaps(regular)", {"compressPeriodicGaps(regular)": [7, 8, 9, 4]}),
        ("compressPeriodicGaps(regular_at_once)", {"compressPeriodicGaps(regular_at_once)": [7, 8, 9, 4]}),
        ("compressPeriodicGaps(a)", {"compressPeriodicGaps(a)": [1, 2, X, 4]}),
        ("compressPeriodicGaps(gaps)", {"compressPeriodicGaps(gaps)": METRICS["gaps"]}),
        ("compressPeriodicGaps(empty)", {"compressPeriodicGaps(empty)": [X] * 4}),
        ("integralByInterval(a,'2min')", {"integralByInterval(a,'2min')": [1, 2, 2, 4]}),
        ("integralByInterval(a,'10s')", {"integralByInterval(a,'10s')": [1, 2, 0, 4]}),
        ("integralByInterval(a,'1h')", {"integralByInterval(a,'1h')": [1, 3, 3, 7]}),
        ("stdev(down,2)", {"stdev(down,2)": [0, 0.5, 0.5, 0.5]}),
        ("stdev(a,2,1)", {"stdev(a,2)": [X, 0.5, X, X]}),
        ("stdev(a,9)", {"stdev(a,9)": [0, 0.5, 0.5, math.sqrt(14) / 3]}),
        ("stdev(a,0)", {"stdev(a,0)": [X] * 4}),
        ("aggregateLine(a)", {"aggregateLine(a, 2.33333)": [7 / 3] * 3}),
        ("aggregateLine(a,'max',true)", {"aggregateLine(a, 4)": [4] * 4}),
        ("aggregateLine(empty)", {"aggregateLine(empty, None)": [X] * 3}),
        ("sinFunction('s',2.5,120)", {"s": [2.5 * math.sin(START), 2.5 * math.sin(START + 120)]}),
        ("identity('id')", {"id": [START, START + 60, START + 120, START + 180]}),
        ("linearRegression(down)", {f"linearRegression(down, {START}, {START + 240})": [3, 2, 1, 0]}),
        ("linearRegression(empty)", {}),
        ("timeSlice(down,'1718020860','1718020920')", {"timeSlice(down, 1718020860, 1718020920)": [X, 2, 1, X]}),
        ("timeSlice(down,'-2min')", {f"timeSlice(down, {START + 120}, {START + 240})": [X, X, 1, 0]}),
        ("upper(Upper.Case)", {"UPPER.CASE": [0] * 4}),
        ("lower(Upper.Case,0,-4,99,-99)", {"upper.case": [0] * 4}),
        (
            "averageOutsidePercentile(group(a,down,flat,empty,share),80)",
            {"flat": [5, 5, X, 5], "share": [0, 0.5, 1, 2]},
        ),
        ("averageOutsidePercentile(nope,60)", {}),
        ("removeBetweenPercentile(group(down,flat,empty),50)", {"down": [3, 2, 1, 0], "flat": [5, 5, X, 5]}),
        ("removeBetweenPercentile(nope,50)", {}),
        ("areaBetween(group(a,scale(down,2)))", {"areaBetween(scale(down,2))": [6, 4, 2, 0]}),
    ],
)
def test_values_and_names(target: str, expected: dict[str, list[float | None]]) -> None:
    points = 8 if "gaps" in target else 12 if "regular" in target else 4
    made = shown(target, METRICS, points=points) if points > 4 else shown(target, FOUR)
    assert list(made) == list(expected)
    for name, values in expected.items():
        assert made[name] == pytest.approx(values), name


FOUR = {name: values for name, values in METRICS.items() if len(values) == 4}


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("integralByInterval(a,'0s')", "intervalUnit must be an interval such as '1d', not '0s'"),
        ("stdev(a,-1)", "points must not be negative"),
        ("exponentialMovingAverage(a,0)", "windowSize must be 1 point"),
        ("exponentialMovingAverage(a,'0s')", "windowSize must be 1 point, or 1 second, or more, not '0s'"),
        ("averageOutsidePercentile(a,101)", "n must be from 0 to 100, not 101"),
        ("removeBetweenPercentile(a,-1)", "n must be from 0 to 100, not -1"),
        ("areaBetween(a)", "exactly two series, the lower and the upper, not 1"),
        ("timeSlice(a,'someday')", "startSliceAt: time 'someday'"),
        ("linearRegression(a,None,'someday')", "endSourceAt: time 'someday'"),
        ("timeStack(a,'1h',0,1000000000000)", f"{MAX_SHIFTS} are allowed"),
        ("sin('x',1,0)", "step must be from 1 to"),
        ("sin('x','high')", "amplitude must be a number, not 'high'"),
        ("upper(a,'x')", "pos must be an integer"),
    ],
)
def test_wrong_arguments_are_explained(target: str, complaint: str) -> None:
    with pytest.raises(FunctionError, match=complaint):
        evaluate(target, FOUR)


@pytest.mark.parametrize(
    ("target", "tags"),
    [
        ("exp(a)", {"exp": "e"}),
        ("logit(a)", {"logit": "logit"}),
        ("sigmoid(a)", {"sigmoid": "sigmoid"}),
        ("minMax(a)", {}),
        ("offsetToZero(a)", {"offsetToZero": "1.0"}),
        ("offsetToZero(empty)", {"offsetToZero": "None", "name": "empty"}),
        ("interpolate(a)", {}),
        ("integralByInterval(a,'-1h')", {"integralByInterval": "-1h"}),
        ("stdev(a,3)", {"stdev": "3"}),
        ("exponentialMovingAverage(a,2)", {"exponentialMovingAverage": "2"}),
        ("aggregateLine(a,'sum')", {"name": "7.0"}),
        ("aggregateLine(a,'count')", {"name": "3"}),
        ("aggregateLine(empty)", {"name": "None"}),
        ("aggregateLine(a,'sum',true)", {}),
        ("identity('id')", {"name": "id"}),
        ("timeSlice(a,'1718020860','1718020920')", {"timeSliceStart": "1718020860", "timeSliceEnd": "1718020920"}),
        ("timeStack(a,'1h',0,1)", {"timeShiftUnit": "-1h", "timeShift": "0"}),
        ("linearRegression(a)", {"linearRegressions": f"{START}, {START + 240}"}),
    ],
)
def test_tags(target: str, tags: dict[str, str]) -> None:
    assert evaluate(target, FOUR)[0].tags == {"name": "a", **tags}


def test_compressed_gaps_have_the_real_step() -> None:
    made = evaluate("compressPeriodicGaps(regular)", METRICS)[0]
    assert (made.start, made.step, made.end) == (START + 2 * STEP, 3 * STEP, START + 11 * STEP)


def test_areas_keep_both_lines() -> None:
    lower, upper = evaluate("areaBetween(group(a,down))", FOUR)
    assert numbers(lower) == [1, 2, X, 4]
    assert numbers(upper) == [3, 2, 1, 0]
    assert lower.options == {"stacked": True, "invisible": True}
    assert upper.options == {"stacked": True}
    assert lower.tags == upper.tags == {"name": "down", "areaBetween": "1"}


def test_stacked_times_are_drawn_over_the_window() -> None:
    metrics: dict[str, Numbers] = {"a": [1, 2, 3, 4, 5, 6]}
    made = evaluate("timeStack(a,'2min',0,3)", metrics, points=2)
    assert [one.name for one in made] == [f"timeShift(a, -2min, {shift})" for shift in range(3)]
    assert [numbers(one) for one in made] == [[5, 6], [3, 4], [1, 2]]
    assert {(one.start, one.end) for one in made} == {(START + STEP, START + 3 * STEP)}
    assert evaluate("timeStack(nope,'2min',0,3)", metrics) == []


def test_a_regression_can_look_at_another_time() -> None:
    metrics: dict[str, Numbers] = {"a": [0, 2, 4, 6, 50, 99]}
    made = evaluate("linearRegression(a,'-6min','-2min')", metrics, points=2)
    assert numbers(made[0]) == pytest.approx([8, 10])


@given(
    values=st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=80),
    lead=st.integers(0, 90),
    window=st.integers(1, 500),
)
def test_exponential_averages_are_the_plain_loops(values: list[float | None], lead: int, window: int) -> None:
    weight = 2 / (window + 1)
    known = [value for value in values[:lead] if value is not None]
    average = math.fsum(known) / len(known) if known else 0.0
    expected = [average]
    for value in values[lead:]:
        if value is not None:
            average = weight * value + (1 - weight) * average
        expected.append(math.nan if value is None else average)
    column = np.array([math.nan if value is None else value for value in values])
    np.testing.assert_allclose(exponential_average(column, lead, weight), expected, rtol=1e-9, atol=1e-6)


def test_an_exponential_average_begins_one_window_earlier() -> None:
    metrics: dict[str, Numbers] = {"a": [1, 3, 8, X, 2]}
    by_points = evaluate("exponentialMovingAverage(a,2)", metrics, points=3)[0]
    assert (by_points.name, by_points.start) == ("exponentialMovingAverage(a,2)", START + STEP)
    assert numbers(by_points) == [2, 6, X, 3.333333]
    by_time = evaluate("exponentialMovingAverage(a,'-2min')", metrics, points=3)[0]
    weight = 2 / 121
    assert by_time.name == 'exponentialMovingAverage(a,"-2min")'
    assert numbers(by_time)[:2] == pytest.approx([2, round(8 * weight + 2 * (1 - weight), 6)])


@given(st.lists(st.none() | st.integers(-1000, 1000), max_size=40), st.integers(0, 5) | st.just(math.inf))
def test_interpolation_fills_short_gaps_alone(values: list[int | None], limit: float) -> None:
    column = np.array([math.nan if value is None else float(value) for value in values])
    filled = interpolated(column, limit)
    known = [place for place, value in enumerate(values) if value is not None]
    expected = column.copy()
    for left, right in itertools.pairwise(known):
        if right - left - 1 <= limit:
            expected[left : right + 1] = np.linspace(column[left], column[right], right - left + 1)
    np.testing.assert_allclose(filled, expected, atol=1e-9)


@given(st.lists(st.none() | st.integers(-50, 50), min_size=1, max_size=40), st.integers(1, 45), st.floats(0, 1))
def test_deviations_of_a_window_are_the_plain_ones(values: list[int | None], points: int, share: float) -> None:
    made = shown(f"stdev(a,{points},{share:.3f})", {"a": values})[f"stdev(a,{points})"]
    for place, value in enumerate(made):
        window = [one for one in values[max(place - points + 1, 0) : place + 1] if one is not None]
        if window and len(window) / points >= float(f"{share:.3f}"):
            assert value == pytest.approx(float(np.std(window)), abs=1e-6)
        else:
            assert value is None


@given(st.lists(st.none() | st.integers(0, 50), min_size=1, max_size=40), st.integers(1, 700))
def test_integrals_begin_again_with_each_interval(values: list[int | None], interval: int) -> None:
    made = shown(f"integralByInterval(a,'{interval}s')", {"a": values})[f"integralByInterval(a,'{interval}s')"]
    total, period = 0, None
    for place, value in enumerate(values):
        now = (place + 1) * STEP // interval
        total = (0 if now != period else total) + (value or 0)
        period = now
        assert made[place] == total
