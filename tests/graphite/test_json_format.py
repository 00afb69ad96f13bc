"""``format=json``: the text, held against the standard library's reading and writing of it."""

from __future__ import annotations

import json
import math
from datetime import UTC

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_graphite.render.formats.base import Options
from saltern_graphite.render.formats.json import render
from saltern_graphite.series.series import Series

START, STEP = 1_718_020_560, 60

numbers = st.floats() | st.integers(-1000, 1000).map(float)
columns = st.lists(numbers, max_size=12)


def series(values: list[float], name: str = "a.b", *, start: int = START, step: int = STEP) -> Series:
    return Series(name, start, start + step * len(values), step, np.array(values), name, {"name": name})


def plain(one: Series, *, no_null_points: bool = False) -> dict[str, object]:
    """What JSON has of a series."""
    points = [
        [None if math.isnan(value) else value, one.start + place * one.step]
        for place, value in enumerate(one.values.tolist())
        if not (no_null_points and math.isnan(value))
    ]
    return {"target": one.name, "tags": dict(one.tags), "datapoints": points}


@settings(max_examples=300, deadline=None)
@given(st.lists(columns, max_size=4), st.booleans())
@example([[math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308]], False)
@example([[1e16, 1e-5, 123456789012345680.0, 0.1, 1 / 3]], True)
def test_every_number_comes_back_as_it_was(rows: list[list[float]], no_null_points: bool) -> None:
    lines = [series(row, f"a.{number}", step=STEP + number) for number, row in enumerate(rows)]
    body, media_type = render(lines, Options(UTC, no_null_points=no_null_points))
    wanted = [plain(one, no_null_points=no_null_points) for one in lines if len(one.values) or any(map(len, rows))]
    if no_null_points:
        wanted = [one for one in wanted if one["datapoints"]]
    read = json.loads(body)
    assert read == wanted
    assert repr(read) == repr(wanted)  # whole times stay whole, -0.0 is not 0.0
    assert media_type == "application/json"


def test_text_of_special_numbers() -> None:
    body, _ = render([series([math.nan, math.inf, -math.inf, 2.0])], Options(UTC))
    assert b'"datapoints": [[null, 1718020560], [1e9999, 1718020620], [-1e9999, 1718020680], [2.0, 1718020740]]' in body


def test_two_series_on_one_grid_and_one_on_another() -> None:
    lines = [series([1.0, 2.0], "a"), series([3.0, 4.0], "b"), series([5.0], "c", start=START + 1)]
    read = json.loads(render(lines, Options(UTC))[0])
    assert [one["datapoints"] for one in read] == [
        [[1.0, START], [2.0, START + STEP]],
        [[3.0, START], [4.0, START + STEP]],
        [[5.0, START + 1]],
    ]


def test_values_that_are_every_other_one_of_a_column() -> None:
    """Functions may answer with views."""
    column = np.arange(6.0)
    one = Series("a", START, START + 3 * STEP, STEP, column[::2], "a", {"name": "a"})
    assert json.loads(render([one], Options(UTC))[0])[0]["datapoints"] == [
        [0.0, START],
        [2.0, START + STEP],
        [4.0, START + 2 * STEP],
    ]


def test_more_values_than_the_end_allows() -> None:
    """Times stop at the series' end, and so do its points."""
    one = Series("a", START, START + STEP, STEP, np.arange(5.0), "a", {"name": "a"})
    assert json.loads(render([one], Options(UTC))[0])[0]["datapoints"] == [[0.0, START], [1.0, START + STEP]]


def test_names_are_escaped() -> None:
    one = series([1.0], 'say("ü%b\\")')
    assert json.loads(render([one], Options(UTC))[0])[0]["target"] == one.name


def test_jsonp_and_pretty() -> None:
    one = series([math.inf, 1.0])
    body, media_type = render([one], Options(UTC, jsonp="cb", pretty=True))
    assert media_type == "text/javascript"
    assert body.startswith(b"cb([\n  {")
    assert json.loads(body[3:-1]) == [plain(one)]
