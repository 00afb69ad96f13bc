"""``format=dygraph`` and ``rickshaw``: what charts in browsers read."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.evaluation.times import UTC
from saltern_graphite.render.formats import FORMATS, Options
from saltern_graphite.series.series import Series

INF = float("inf")


def line(name: str, values: list[float], start: int = 60, step: int = 60) -> Series:
    return Series(name, start, start + step * len(values), step, np.array(values, dtype=np.float64), name)


def answered(kind: str, *series: Series, **options: Any) -> str:
    body, media_type = FORMATS[kind](series, Options(UTC, **options))
    assert media_type == ("text/javascript" if "jsonp" in options else "application/json")
    return body.decode()


def test_dygraph_is_graphites_text() -> None:
    body = answered("dygraph", line("a.b", [1.0, float("nan")]), line('say "hi"', [84.0, 0.5]))
    assert body == '{"labels" : ["Time", "a.b", "say \\"hi\\""], "data" : [[60000, 1.0, 84.0], [120000, null, 0.5]]}'


def test_rickshaw_is_graphites_text() -> None:
    body = answered("rickshaw", line("a", [1.0, float("nan")]), line("b", [2.5]))
    assert body == (
        '[{"target": "a", "datapoints": [{"x": 60, "y": 1.0}, {"x": 120, "y": null}]}, '
        '{"target": "b", "datapoints": [{"x": 60, "y": 2.5}]}]'
    )


def test_rickshaw_pretty_is_jsons_indentation() -> None:
    series = [line("a", [1.0, 2.0]), line("empty", [])]
    plain = json.loads(answered("rickshaw", *series))
    assert answered("rickshaw", *series, pretty=True) == json.dumps(plain, indent=2)
    assert answered("rickshaw", pretty=True) == "[]"


def test_infinities_are_numbers_that_every_reader_takes() -> None:
    series = line("a", [INF, -INF, 1.0])
    assert json.loads(answered("dygraph", series))["data"] == [[60000, INF], [120000, -INF], [180000, 1.0]]
    assert [point["y"] for point in json.loads(answered("rickshaw", series))[0]["datapoints"]] == [INF, -INF, 1.0]
    for kind in ("dygraph", "rickshaw", "json"):
        assert "Infinity" not in answered(kind, series, pretty=True), "JSON.parse of browsers refuses that"


@pytest.mark.parametrize("kind", ["dygraph", "rickshaw", "json"])
def test_a_name_may_speak_of_infinity(kind: str) -> None:
    name = 'to Infinity, "and": Infinity'
    for pretty in (False, True):
        assert json.dumps(name) in answered(kind, line(name, [INF, 1.0]), pretty=pretty)


@pytest.mark.parametrize(("kind", "empty"), [("dygraph", "{}"), ("rickshaw", "[]")])
def test_nothing(kind: str, empty: str) -> None:
    assert answered(kind) == empty
    assert answered(kind, jsonp="draw") == f"draw({empty})"


def test_points_are_as_many_as_there_are_whatever_max_data_points_says() -> None:
    series = line("a", [float(value) for value in range(50)])
    assert len(json.loads(answered("dygraph", series, max_data_points=5))["data"]) == 50
    assert len(json.loads(answered("rickshaw", series, max_data_points=5))[0]["datapoints"]) == 50


def test_dygraph_rows_of_one_grid_moved_by_less_than_a_step_belong_together() -> None:
    body = json.loads(answered("dygraph", line("a", [1.0, 2.0]), line("b", [3.0, 4.0], start=70)))
    assert body["data"] == [[60000, 1.0, 3.0], [120000, 2.0, 4.0]]


def test_dygraph_with_different_steps_has_a_row_for_every_time() -> None:
    body = json.loads(answered("dygraph", line("a", [1.0, 2.0, 3.0]), line("b", [7.0, 8.0], step=90)))
    assert body["data"] == [
        [60000, 1.0, 7.0],
        [120000, 2.0, None],
        [150000, None, 8.0],
        [180000, 3.0, None],
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(1, 100), st.lists(st.floats(allow_nan=True), max_size=12)),
        min_size=1,
        max_size=4,
    )
)
def test_dygraph_loses_and_invents_nothing(grids: list[tuple[int, int, list[float]]]) -> None:
    series = [line(f"s{number}", values, start, step) for number, (start, step, values) in enumerate(grids)]
    body = json.loads(answered("dygraph", *series))
    assert body["labels"] == ["Time", *(one.name for one in series)]
    times = [row[0] for row in body["data"]]
    assert times == sorted(set(times))
    for number, one in enumerate(series):
        told = [row[number + 1] for row in body["data"] if row[number + 1] is not None]
        np.testing.assert_array_equal(np.array(told, dtype=np.float64), one.values[~np.isnan(one.values)])
