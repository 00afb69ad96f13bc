"""What charts are made of: axes, colours, legends and areas, each by itself."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saltern.errors import GraphiteError
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.render.formats.charts.colors import NAMED, TEMPLATES, parse_color
from saltern_graphite.render.formats.charts.legend import Entry, draw_legend, fitted
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.style import settings
from saltern_graphite.render.formats.charts.time_axis import DAY_S, scale_times
from saltern_graphite.render.formats.charts.trace import Trace, filled, line_colors, thinned, traces
from saltern_graphite.render.formats.charts.value_axis import scale_values
from saltern_graphite.series.series import Series
from saltern_graphite.series.units import UNIT_SYSTEMS, prefixed

NAN = float("nan")
BERLIN = ZoneInfo("Europe/Berlin")
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@contextmanager
def drawing(**parameters: str) -> Iterator[Figure]:
    """A figure as charts have them."""
    with mpl.rc_context(settings(Parameters(parameters))), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Figure()


def axis(low: float, high: float, rows: float = 10, side: str = "", **parameters: str) -> Axes:
    with drawing() as figure:
        axes = figure.add_subplot()
        scale_values(axes, np.array([low, high]), Parameters(parameters), rows, side)
        return axes


def ticks(axes: Axes) -> list[tuple[float, str]]:
    """What is drawn beside the axis."""
    bottom, top = axes.get_ylim()
    with mpl.rc_context(settings(Parameters({}))):  # as where it is drawn: locators look there too
        values = axes.get_yticks()
    shown = zip(values.tolist(), axes.yaxis.get_major_formatter().format_ticks(values), strict=True)
    room = 1e-9 * (top - bottom)
    return [(value, label) for value, label in shown if bottom - room <= value <= top + room]


def labels(axes: Axes) -> list[str]:
    return [label for _, label in ticks(axes)]


@examples(max_examples=40, deadline=None)
@given(FINITE, FINITE, st.sampled_from(sorted(UNIT_SYSTEMS)), st.floats(1, 30))
def test_an_axis_holds_its_data_in_few_round_steps(one: float, other: float, system: str, rows: float) -> None:
    low, high = min(one, other), max(one, other)
    made = axis(low, high, rows, yUnitSystem=system)
    bottom, top = made.get_ylim()
    room = 1e-3 * (top - bottom)
    assert bottom <= min(max(low, -1e300), 1e300) + room
    assert top >= max(min(high, 1e300), -1e300) - room
    assert math.isfinite(bottom)
    assert bottom < top
    assert 1 <= len(ticks(made)) <= 10


@examples(max_examples=40, deadline=None)
@given(st.floats(1e-6, 1e15), st.floats(1e-3, 1e3))
@example(0.46875, 0.5)
def test_labels_of_one_axis_differ(low: float, ratio: float) -> None:
    made = labels(axis(low, low * (1 + ratio)))
    assert len(set(made)) == len(made)


@examples(max_examples=40, deadline=None)
@given(st.floats(1e-300, 1e290), st.floats(1, 1e6), st.sampled_from(["2", "e", "10"]))
def test_a_logarithmic_axis_goes_from_power_to_power(low: float, ratio: float, base: str) -> None:
    made = axis(low, low * ratio, logBase=base)
    bottom, top = made.get_ylim()
    assert bottom <= low * 1.001
    assert top >= low * ratio * 0.999
    with np.errstate(all="ignore"):
        places = made.transAxes.inverted().transform(made.transData.transform([(0, low), (0, 0.0), (0, -1.0)]))[:, 1]
    assert places[0] > -1e-3
    assert (places[1:] < 0).all(), "an area's lower edge at 0 lies under the axis"
    powers = [math.log(value) / math.log(math.e if base == "e" else float(base)) for value, _ in ticks(made)]
    np.testing.assert_allclose(powers, np.round(powers), atol=1e-6)
    assert 1 <= len(powers) <= 11


def test_labels() -> None:
    assert labels(axis(0, 450)) == ["0", "100", "200", "300", "400", "500"]
    assert labels(axis(0, 0.9)) == ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert labels(axis(0, 4.1e9)) == ["0", "1 G", "2 G", "3 G", "4 G", "5 G"]
    assert labels(axis(1.2e9, 1.21e9, yStep="5e6")) == ["1200 M", "1205 M", "1210 M"]
    assert labels(axis(0, 3 * 2**20, yUnitSystem="binary", yStep=str(2**20))) == ["0", "1 Mi", "2 Mi", "3 Mi"]
    assert labels(axis(0, 2**20, yUnitSystem="binary")) == ["0", "256 Ki", "512 Ki", "768 Ki", "1024 Ki"]
    assert labels(axis(0, 240, yUnitSystem="sec")) == ["0", "1 m", "2 m", "3 m", "4 m"]
    assert labels(axis(0, 5000, yUnitSystem="msec", yStep="2500")) == ["0", "2.5 s", "5.0 s"]
    assert labels(axis(0, 90_000, yUnitSystem="msec")) == ["0", "15 s", "30 s", "45 s", "60 s", "75 s", "90 s"]
    assert labels(axis(-10, 10, yStep="10")) == ["-10", "0", "10"]
    assert labels(axis(1, 5e6, logBase="10", rows=4)) == ["1", "100", "10 k", "1 M"]
    assert len(labels(axis(0, 450, rows=2))) == 3, "a low chart has fewer labels"
    assert labels(axis(0, 10, rows=3, yStep="1")) == ["0", "", "", "3", "", "", "6", "", "", "9", ""]
    assert len(labels(axis(0, 450, yDivisors="12"))) == 10


def test_limits() -> None:
    assert axis(3, 97, yMin="0", yMax="50").get_ylim() == (0, 50)
    assert axis(3, 97, yMax="max").get_ylim() == (0, 97)
    assert axis(3, 97, yLimit="60").get_ylim()[1] == 60
    assert axis(3, 97, yLimit="98").get_ylim()[1] == 98, "no rounding beyond it"
    assert axis(3, 97, min="-50", max="150").get_ylim() == (-50, 150), "their old names"
    bottom, top = axis(5, 5).get_ylim()
    assert bottom < 5 < top
    assert axis(0, 0).get_ylim() == (-1, 1)
    assert axis(3, 97, yMin="200").get_ylim()[0] == 200, "above all that there is"
    assert axis(3, 97, yMax="1").get_ylim()[1] == 1
    assert axis(-1, 1, yDivisors="1").get_ylim()[0] <= -1, "one part can't hold both sides of 0"
    assert 1 < len(ticks(axis(0, 1e6, yStep="0.001"))) < 10, "a step that would make a million labels is replaced"
    assert axis(3, 97, side="Left", yMin="1", yMinRight="2").get_ylim()[0] == 1
    assert axis(3, 97, side="Right", yMin="1", yMinRight="2").get_ylim()[0] == 2
    assert axis(3, 97, yMin="-5", yMax="2000", logBase="10").get_ylim() == (1, 10_000), "from power to power"
    with pytest.raises(GraphiteError, match=r"yMinRight \(5\) must be below yMaxRight \(2\)"):
        axis(3, 97, side="Right", yMin="5", yMax="2")


def test_fine_lines_between_labels() -> None:
    assert axis(0, 4).yaxis.get_minorticklocs().tolist() == [0.5, 1.5, 2.5, 3.5]
    assert len(axis(0, 4, minorY="3").yaxis.get_minorticklocs()) == 12
    assert len(axis(0, 4, minorY="0").yaxis.get_minorticklocs()) == 0
    assert len(axis(1, 1000, logBase="10").yaxis.get_minorticklocs()) == 0


def marks(
    start: float, end: float, zone: tzinfo = UTC, width: float = 400, wanted: str = "", *, minor: bool = False
) -> list[tuple[float, str]]:
    """Times and labels of the axis."""
    with drawing() as figure:
        axes = figure.add_subplot()
        scale_times(axes, start, end, zone, width, wanted)
        days = axes.get_xticks(minor=minor)
        shown = axes.xaxis.get_major_formatter().format_ticks(days)
    return [(round(day * DAY_S, 3), label) for day, label in zip(days.tolist(), shown, strict=True)]


NOON = 1_718_020_800  # 2024-06-10 12:00 UTC, a Monday


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (3, ["12:00:00", "12:00:01", "12:00:02", "12:00:03"]),
        (30, ["12:00:00", "12:00:05", "12:00:10", "12:00:15", "12:00:20", "12:00:25", "12:00:30"]),
        (1200, ["12:00", "12:02", "12:04", "12:06", "12:08", "12:10", "12:12", "12:14", "12:16", "12:18", "12:20"]),
        (6 * 3600, ["12:00", "13:00", "14:00", "15:00", "16:00", "17:00", "18:00"]),
        (2 * 86400, ["Mon 12:00", "Tue 00:00", "Tue 12:00", "Wed 00:00", "Wed 12:00"]),
        (7 * 86400, ["Jun 11", "Jun 12", "Jun 13", "Jun 14", "Jun 15", "Jun 16", "Jun 17"]),
        (60 * 86400, ["Jun 15", "Jun 22", "Jul 01", "Jul 08", "Jul 15", "Jul 22", "Aug 01", "Aug 08"]),
        (200 * 86400, ["Jul 2024", "Aug 2024", "Sep 2024", "Oct 2024", "Nov 2024", "Dec 2024"]),
        (5 * 365 * 86400, ["2025", "2026", "2027", "2028", "2029"]),
    ],
)
def test_times_of_the_axis(seconds: int, shown: list[str]) -> None:
    width = 520 if seconds > 30 * 86400 else 460
    assert [label for _, label in marks(NOON, NOON + seconds, width=width)] == shown


def test_times_follow_the_clock_on_the_wall() -> None:
    change = int(datetime(2024, 10, 27, 1, tzinfo=UTC).timestamp())  # 03:00 becomes 02:00 in Berlin
    hours = marks(change - 6 * 3600, change + 6 * 3600, BERLIN, width=800)
    assert [label for _, label in hours][:6] == ["21:00", "22:00", "23:00", "00:00", "01:00", "02:00"]
    assert all(datetime.fromtimestamp(time, BERLIN).strftime("%H:%M") == label for time, label in hours)
    days = marks(change - 3 * 86400, change + 4 * 86400, BERLIN)
    assert all(datetime.fromtimestamp(time, BERLIN).hour == 0 for time, _ in days)
    minutes = marks(change - 1800, change + 1800, BERLIN)
    assert len(minutes) > 4
    assert np.ptp(np.diff([time for time, _ in minutes])) == 0, "short steps go on through the change"


@examples(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**33),
    st.integers(1, 2**33),
    st.sampled_from([UTC, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")]),
    st.floats(1, 4096),
)
def test_marks_are_in_order_within_and_apart(start: int, span: int, zone: tzinfo, width: float) -> None:
    for minor in (False, True):
        times = [time for time, _ in marks(start, start + span, zone, width, minor=minor)]
        assert times == sorted(set(times))
        assert all(start - 1 <= time <= start + span + 1 for time in times)
        assert all(time.is_integer() for time in times)
        assert len(times) * 25 <= width * (4 if minor else 1) + 240


@pytest.mark.parametrize("days", [16, 20, 30, 40, 45])
def test_days_at_the_end_of_a_month_keep_their_distance(days: int) -> None:
    for width in range(250, 900, 50):
        times = [time for time, _ in marks(NOON, NOON + days * 86400, width=width)]
        steps = np.diff(times)
        assert len(times) > 1
        assert steps.min() >= 0.8 * np.median(steps)


def test_a_format_that_strftime_refuses_and_times_that_have_no_name() -> None:
    with pytest.raises(GraphiteError, match="xFormat must be a format for times"):
        marks(NOON, NOON + 60, wanted="\udc80")
    with pytest.raises(GraphiteError, match="xFormat has 101 characters"):
        marks(NOON, NOON + 60, wanted="x" * 101)
    with pytest.raises(GraphiteError, match="within the years 1 to 9999"):
        marks(NOON, 10**12)


def test_colours() -> None:
    assert parse_color("c", "#FF0080") == (1.0, 0.0, 128 / 255, 1.0)
    assert parse_color("c", "%2300ff00aa") == (0.0, 1.0, 0.0, 170 / 255)
    assert parse_color("c", " Rose ") == (200 / 255, 150 / 255, 200 / 255, 1.0)
    assert len(NAMED) == 22
    with pytest.raises(GraphiteError, match="colorList has 1001 colours: 1000 are allowed"):
        line_colors(Parameters({"colorList": "," * 1000}))


def test_every_template_has_colours() -> None:
    assert len(TEMPLATES) == 19
    for name, look in TEMPLATES.items():
        assert len(line_colors(Parameters({"template": name}))) >= 3
        assert all(parse_color(name, color) for color in look[1:])
    assert line_colors(Parameters({"template": "lava2"})) == line_colors(Parameters({"template": "lava1"}))[::-1]


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


def legend_of(*entries: Entry, **parameters: str) -> tuple[list[str], int]:
    """Names in the legend, column by column, and how many columns there are."""
    with drawing(**parameters) as figure:
        draw_legend(figure, Parameters(parameters), entries)
        return [text.get_text() for text in figure.legends[0].get_texts()], figure.legends[0]._ncols  # type: ignore[attr-defined]  # no public name


def entries(count: int, *, right: bool = False) -> list[Entry]:
    return [Entry(f"name {number}", (0, 0, 0, 1), right) for number in range(count)]


def test_names_run_row_by_row() -> None:
    names, columns = legend_of(*entries(7), width="240")
    assert columns == 3
    assert names == ["name 0", "name 3", "name 6", "name 1", "name 4", "", "name 2", "name 5", ""]


def test_names_of_the_right_axis_are_on_the_right() -> None:
    names, columns = legend_of(*entries(3), *entries(1, right=True), width="200")
    assert columns == 2
    assert names == ["name 0", "name 1", "name 2", "name 0", "", ""]
    long = Entry("a name that is too long for half of the page", (0, 0, 0, 1))
    assert legend_of(long, *entries(1, right=True), width="200")[1] == 1


def trace(
    values: list[float], *, start: float = 0, step: float = 60, filled: bool = False, right: bool = False
) -> Trace:
    points = np.full((4, len(values)), NAN)
    points[0] = start + step * np.arange(len(values))
    points[1] = values
    return Trace("a", (0, 0, 0, 1), points, step, 1, 0, right, filled, False, "")


def edges(made: Trace) -> tuple[list[float], list[float]]:
    return made.points[2].tolist(), made.points[3].tolist()


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
    assert np.isnan(edges(summed[2])).all(), "a line"
    modes = filled([trace([1]), trace([2])], "first")
    assert [np.isfinite(edges(one)).all() for one in modes] == [True, False]


@given(st.lists(st.lists(st.floats(-100, 100) | st.just(NAN), min_size=5, max_size=5), min_size=1, max_size=4))
def test_a_stack_ends_at_the_sum(rows: list[list[float]]) -> None:
    last = filled([trace(row) for row in rows], "stacked")[-1].points[1]
    known = ~np.isnan(rows[-1])
    np.testing.assert_allclose(last[known], np.nansum(rows, axis=0)[known], atol=1e-9)
    assert np.isnan(last[~known]).all()


def test_bridged_gaps_and_stairs() -> None:
    holes = trace([1, NAN, NAN, 2, NAN, 3])
    np.testing.assert_array_equal(holes.without_gaps(math.inf).points[1], [1, 2, 3])
    np.testing.assert_array_equal(holes.without_gaps(1).points[1], [1, NAN, 2, 3])
    np.testing.assert_array_equal(holes.without_gaps(0).points[1], [1, NAN, 2, NAN, 3])
    assert trace([NAN, NAN]).without_gaps(5).points.shape == (4, 0)
    stairs = trace([1, 2]).stepped().points
    assert (stairs[0].tolist(), stairs[1].tolist()) == ([0, 60, 60, 120], [1, 1, 2, 2])


def series(values: list[float], step: int = 60, **hints: object) -> Series:
    return Series("a", 0, step * len(values), step, np.array(values), "a", options=hints)


def test_points_closer_than_pixels_are_consolidated() -> None:
    dense = series(list(range(100)))
    assert thinned(dense, 6000, 100, 1) is dense
    made = thinned(dense, 6000, 50, 1)
    assert (made.step, made.values.tolist()[:3]) == (120, [0.5, 2.5, 4.5])
    assert len(thinned(dense, 6000, 50, 0).values) == 100, "several points on a pixel if they are wanted"
    assert len(thinned(series([1.0, 2.0], 1), 86400, 100, 1).values) == 1, "a short one stays"


def test_hints_and_what_a_side_says() -> None:
    left, right = traces(
        [series([1, 2], dashed=True, alpha=0.5), series([NAN], secondYAxis=True, color="red", dashed=3)],
        Parameters({"leftWidth": "4", "rightColor": "gold", "rightDashed": "7", "drawNullAsZero": "1"}),
    )
    assert (left.width, left.dash, left.color[3], left.right) == (4, 5, 0.5, False)
    assert (right.width, right.dash, right.color, right.right) == (1.2, 7, parse_color("", "gold"), True)
    assert right.points[1].tolist() == [0]
    alone = traces([series([1, 2])], Parameters({"leftWidth": "4", "leftDashed": "yes", "lineWidth": "2"}))[0]
    assert (alone.width, alone.dash) == (2, 0)
    dashed = traces([series([1], secondYAxis=True)], Parameters({"rightDashed": "true"}))[0]
    assert dashed.dash == 5


@pytest.mark.parametrize(
    ("value", "system", "wanted"),
    [
        (1500.0, "si", (1.5, "k")),
        (-2.5e9, "si", (-2.5, "G")),
        (1024.0, "binary", (1.0, "Ki")),
        (999.0, "si", (999.0, "")),
        (7200.0, "sec", (2.0, "H")),
        (1e9, "none", (1e9, "")),
    ],
)
def test_units(value: float, system: str, wanted: tuple[float, str]) -> None:
    assert prefixed(value, system) == wanted
