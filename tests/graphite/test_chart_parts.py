"""What charts are made of: axes, colours, legends and areas, each by itself."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from saltern.errors import GraphiteError
from saltern_graphite.render.formats.charts.areas import filled
from saltern_graphite.render.formats.charts.axis_wishes import axis_wishes
from saltern_graphite.render.formats.charts.colors import NAMED, Color, parse_color
from saltern_graphite.render.formats.charts.legend import fitted
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.trace import Trace, stepped, without_gaps
from saltern_graphite.render.formats.charts.x_axis import TimeMarks, time_marks
from saltern_graphite.render.formats.charts.y_axis import ValueAxis, value_axis
from saltern_graphite.render.times import UTC
from saltern_graphite.units import UNIT_SYSTEMS, prefixed

NAN = float("nan")
BERLIN = ZoneInfo("Europe/Berlin")
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def axis(low: float, high: float, rows: float = 10, **parameters: str) -> ValueAxis:
    return value_axis(low, high, axis_wishes(Parameters(parameters), rows))


def labels(made: ValueAxis) -> list[str]:
    return [tick.label for tick in made.ticks]


@given(FINITE, FINITE, st.sampled_from(sorted(UNIT_SYSTEMS)), st.floats(0, 30))
def test_an_axis_holds_its_data_in_few_round_steps(one: float, other: float, system: str, rows: float) -> None:
    low, high = min(one, other), max(one, other)
    made = axis(low, high, rows, yUnitSystem=system)
    room = 1e-3 * (made.top - made.bottom)
    assert made.bottom <= max(low, -1e300) + room
    assert made.top >= min(high, 1e300) - room
    assert math.isfinite(made.bottom)
    assert made.bottom < made.top
    assert 1 <= len(made.ticks) <= 10
    assert all(made.bottom - room <= tick.value <= made.top + room for tick in made.ticks)


@given(st.floats(1e-6, 1e15), st.floats(1e-3, 1e3))
def test_labels_of_one_axis_differ(low: float, ratio: float) -> None:
    made = axis(low, low * (1 + ratio))
    assert len(set(labels(made))) == len(made.ticks)


@given(st.floats(1e-300, 1e290), st.floats(1, 1e6), st.sampled_from(["2", "e", "10", "1.5"]))
def test_a_logarithmic_axis_goes_from_power_to_power(low: float, ratio: float, base: str) -> None:
    made = axis(low, low * ratio, logBase=base)
    assert made.bottom <= low * 1.001
    assert made.top >= low * ratio * 0.999
    places = made.position(np.array([low, 0.0, -1.0, NAN]))
    assert places[0] > -1e-3
    assert np.isnan(places[1:]).all()
    assert made.base(np.array([0.0]))[0] < 0, "an area's lower edge at 0 lies under the axis"


def test_labels() -> None:
    assert labels(axis(0, 450)) == ["0", "100", "200", "300", "400", "500"]
    assert labels(axis(0, 0.9)) == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert labels(axis(0, 4.1e9)) == ["0", "1 G", "2 G", "3 G", "4 G", "5 G"]
    assert labels(axis(1.2e9, 1.21e9, yStep="5e6")) == ["1200 M", "1205 M", "1210 M"]
    assert labels(axis(0, 3 * 2**20, yUnitSystem="binary", yStep=str(2**20))) == ["0", "1 Mi", "2 Mi", "3 Mi"]
    assert labels(axis(0, 240, yUnitSystem="sec")) == ["0", "1 m", "2 m", "3 m", "4 m"]
    assert labels(axis(0, 5000, yUnitSystem="msec", yStep="2500")) == ["0", "2.5 s", "5.0 s"]
    assert labels(axis(-10, 10, yStep="10")) == ["-10", "0", "10"]
    assert len(labels(axis(0, 450, rows=2))) == 3, "a low chart has fewer labels"


def test_limits() -> None:
    assert (axis(3, 97, yMin="0", yMax="50").bottom, axis(3, 97, yMin="0", yMax="50").top) == (0, 50)
    assert axis(3, 97, yMax="max").top == 97
    assert axis(3, 97, yLimit="60").top == 60
    assert axis(3, 97, yLimit="98").top == 98, "no rounding beyond it"
    assert axis(3, 97, min="-50", max="150").bottom == -50, "their old names"
    flat = axis(5, 5)
    assert flat.bottom < 5 < flat.top
    assert axis(-1, 1, yDivisors="1").bottom <= -1, "one part can't hold both sides of 0"
    assert axis(0, 1e6, yStep="0.001").ticks, "a step that would make a million labels is replaced"
    sides = Parameters({"yMin": "1", "yMinRight": "2", "yMax": "9"})
    assert (axis_wishes(sides, 9, "Left").low, axis_wishes(sides, 9, "Right").low) == (1, 2)


def test_positions() -> None:
    made = axis(0, 100, yMin="0", yMax="100")
    np.testing.assert_allclose(made.position(np.array([0.0, 50.0, 100.0])), [0, 0.5, 1])
    places = made.position(np.array([np.inf, -np.inf, NAN]))
    assert places[0] > 1 > places[1]
    assert np.isfinite(places[:2]).all()
    assert np.isnan(places[2])


def marks(start: float, end: float, zone: tzinfo = UTC, width: float = 400, wanted: str = "") -> TimeMarks:
    return time_marks(start, end, zone, width, lambda text: 6.0 * len(text), wanted)


NOON = 1_718_020_800  # 2024-06-10 12:00 UTC, a Monday


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (30, ["12:00:00", "12:00:05", "12:00:10", "12:00:15", "12:00:20", "12:00:25", "12:00:30"]),
        (1200, ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10", "12:12", "12:14", "12:16", "12:18", "12:20"]),
        (6 * 3600, ["12:00", "13:00", "14:00", "15:00", "16:00", "17:00", "18:00"]),
        (2 * 86400, ["Mon 12:00", "Tue 00:00", "Tue 12:00", "Wed 00:00", "Wed 12:00"]),
        (7 * 86400, ["Jun 11", "Jun 12", "Jun 13", "Jun 14", "Jun 15", "Jun 16", "Jun 17"]),
        (60 * 86400, ["Jun 17", "Jun 24", "Jul 01", "Jul 08", "Jul 15", "Jul 22", "Jul 29", "Aug 05"]),
        (200 * 86400, ["Jul 2024", "Aug 2024", "Sep 2024", "Oct 2024", "Nov 2024", "Dec 2024"]),
        (5 * 365 * 86400, ["2025", "2026", "2027", "2028", "2029"]),
    ],
)
def test_times_of_the_axis(seconds: int, shown: list[str]) -> None:
    width = 520 if seconds > 30 * 86400 else 460
    assert [label for _, label in marks(NOON, NOON + seconds, width=width).major] == shown


def test_times_follow_the_clock_on_the_wall() -> None:
    change = int(datetime(2024, 10, 27, 1, tzinfo=UTC).timestamp())  # 03:00 becomes 02:00 in Berlin
    hours = marks(change - 6 * 3600, change + 6 * 3600, BERLIN, width=800).major
    assert [label for _, label in hours][:6] == ["21:00", "22:00", "23:00", "00:00", "01:00", "02:00"]
    assert all(datetime.fromtimestamp(time, BERLIN).strftime("%H:%M") == label for time, label in hours)
    days = marks(change - 3 * 86400, change + 4 * 86400, BERLIN).major
    assert all(datetime.fromtimestamp(time, BERLIN).hour == 0 for time, _ in days)
    minutes = marks(change - 1800, change + 1800, BERLIN).major
    assert np.ptp(np.diff([time for time, _ in minutes])) == 0, "short steps go on through the change"


@given(
    st.integers(0, 2**33),
    st.integers(1, 2**33),
    st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")]),
    st.floats(1, 4096),
)
def test_marks_are_in_order_within_and_apart(start: int, span: int, zone: tzinfo, width: float) -> None:
    made = marks(start, start + span, zone, width)
    for times in ([time for time, _ in made.major], list(made.minor)):
        assert times == sorted(set(times))
        assert all(start <= time <= start + span for time in times)
    assert len(made.major) * 20 <= width + 60
    assert len(made.minor) <= 1001


def test_a_format_that_strftime_refuses() -> None:
    with pytest.raises(GraphiteError, match="xFormat must be a format for times"):
        marks(NOON, NOON + 60, wanted="\udc80")
    with pytest.raises(GraphiteError, match="xFormat has 101 characters"):
        marks(NOON, NOON + 60, wanted="x" * 101)


def test_colours() -> None:
    assert parse_color("c", "#FF0080") == Color(1.0, 0.0, 128 / 255)
    assert parse_color("c", "%2300ff00aa") == Color(0.0, 1.0, 0.0, 170 / 255)
    assert parse_color("c", " Rose ") is NAMED["rose"]
    assert NAMED["red"].faded(0.5).alpha == 0.5
    assert NAMED["red"].faded(7.0).alpha == 1.0
    assert NAMED["red"].faded(None) is NAMED["red"]


@given(st.text(max_size=12))
def test_what_is_no_colour_is_said(text: str) -> None:
    assume(text.strip().lower() not in NAMED)
    try:
        color = parse_color("bgcolor", text)
    except GraphiteError as error:
        message = str(error)
    else:
        message = "bgcolor: fine"
        assert all(0 <= part <= 1 for part in color)
        assert len(text.strip().lstrip("#").removeprefix("%23")) in (6, 8)
    assert message.startswith("bgcolor: ")


@given(st.text(max_size=50), st.integers(0, 60))
def test_a_fitted_text_fits(text: str, room: int) -> None:
    shown = fitted(text, room, lambda shown: float(len(shown)))
    assert len(shown) <= room
    assert shown == text or text.startswith(shown.removesuffix("…"))
    assert len(text) > room or shown == text


def trace(
    values: list[float], *, start: float = 0, step: float = 60, filled: bool = False, right: bool = False
) -> Trace:
    numbers = np.array(values, dtype=np.float64)
    times = start + step * np.arange(len(values), dtype=np.float64)
    return Trace("a", NAMED["red"], times, numbers, step, filled=filled, right=right)


def edges(made: Trace) -> tuple[list[float], list[float]]:
    assert made.low is not None
    assert made.high is not None
    return made.low.tolist(), made.high.tolist()


def test_stacked_areas_stand_on_one_another() -> None:
    low, high = filled([trace([1, 2, 3]), trace([10, NAN, 10])], "stacked")
    assert edges(low) == ([0, 0, 0], [1, 2, 3])
    np.testing.assert_array_equal(edges(high), ([1, 2, 3], [11, NAN, 13]))
    third = filled([trace([1, 2]), trace([NAN, 5]), trace([1, 1])], "stacked")[2]
    assert edges(third) == ([1, 7], [2, 8]), "a gap adds nothing"
    other = filled([trace([1, 2]), trace([1, 2], right=True)], "stacked")[1]
    assert edges(other) == ([0, 0], [1, 2]), "each axis has a stack of its own"


def test_stacks_of_different_steps_meet_by_time() -> None:
    coarse = trace([0.0, 6.0], step=120)
    fine = filled([coarse, trace([1.0, 1.0, 1.0])], "stacked")[1]
    assert edges(fine) == ([0, 3, 6], [1, 4, 7])


def test_areas_before_hide_those_after() -> None:
    first, second = filled([trace([5, 5, -5]), trace([3, 8, -9])], "all")
    assert edges(first) == ([0, 0, -5], [5, 5, 0])
    assert edges(second) == ([5, 5, -9], [5, 8, -5])
    summed = filled([trace([1, 2], filled=True), trace([4, 6], filled=True), trace([9, 9])], "none")
    assert edges(summed[1]) == ([1, 2], [4, 6]), "what stacked() has summed lies side by side"
    assert summed[2].low is None, "lines come last"
    modes = filled([trace([1]), trace([2])], "first")
    assert [one.low is not None for one in modes] == [True, False]


@given(st.lists(st.lists(st.floats(-100, 100) | st.just(NAN), min_size=5, max_size=5), min_size=1, max_size=4))
def test_a_stack_ends_at_the_sum(rows: list[list[float]]) -> None:
    last = filled([trace(row) for row in rows], "stacked")[-1]
    known = ~np.isnan(rows[-1])
    np.testing.assert_allclose(last.values[known], np.nansum(rows, axis=0)[known], atol=1e-9)
    assert np.isnan(last.values[~known]).all()


def test_bridged_gaps_and_stairs() -> None:
    holes = trace([1, NAN, NAN, 2, NAN, 3])
    np.testing.assert_array_equal(without_gaps(holes, math.inf).values, [1, 2, 3])
    np.testing.assert_array_equal(without_gaps(holes, 1).values, [1, NAN, 2, 3])
    np.testing.assert_array_equal(without_gaps(holes, 0).values, [1, NAN, 2, NAN, 3])
    assert without_gaps(trace([NAN, NAN]), 5).values.shape == (2,)
    stairs = stepped(trace([1, 2]))
    assert (stairs.times.tolist(), stairs.values.tolist()) == ([0, 60, 60, 120], [1, 1, 2, 2])


@pytest.mark.parametrize(
    ("value", "system", "step", "wanted"),
    [
        (1500.0, "si", None, (1.5, "k")),
        (-2.5e9, "si", None, (-2.5, "G")),
        (1024.0, "binary", None, (1.0, "Ki")),
        (999.0, "si", None, (999.0, "")),
        (5000.0, "si", 500.0, (5000.0, "")),
        (7200.0, "sec", None, (2.0, "H")),
        (1e9, "none", None, (1e9, "")),
    ],
)
def test_units(value: float, system: str, step: float | None, wanted: tuple[float, str]) -> None:
    assert prefixed(value, system, step=step) == wanted
