"""Names that carry numbers, and hints for charts, as graphite-web makes them."""

from __future__ import annotations

from datetime import UTC
from functools import reduce
from operator import add
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from saltern.errors import FunctionError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.functions import graph, legend
from saltern_graphite.functions.registry import Function
from saltern_graphite.series.series import Series

NOW = 1_718_020_800
NAN = float("nan")
EVALUATION = SimpleNamespace(stacks={}, x_files_factor=0.0, spend_names=lambda names: None)
CONTEXT = Context(NOW - 300, NOW, NOW, UTC, cast(Any, EVALUATION))


def line(name: str, *values: float) -> Series:
    start = NOW - 60 * len(values)
    return Series(name, start, NOW, 60, np.array(values, dtype=np.float64), name, {"name": name})


def call(function: Function, *args: Any) -> list[Series]:
    return function(CONTEXT, *function.bind(list(args), {}))


def names(function: Function, *args: Any) -> list[str]:
    return [one.name for one in call(function, *args)]


def test_cacti_style_aligns_columns() -> None:
    series = [line("web.host0.cpu", 34.529, 39.618, 36.435), line("web.host2.cpu", 95.07, 101.95, 99.795)]
    assert names(legend.cacti_style, series) == [
        "web.host0.cpu Current:36.44    Max:39.62     Min:34.53    ",
        "web.host2.cpu Current:99.80    Max:101.95    Min:95.07    ",
    ]


def test_cacti_style_with_units() -> None:
    series = [line("net.in", 700_630_992.15, 701_648_139.65), line("net.out", 304_980_000.0, 306_920_457.88)]
    assert names(legend.cacti_style, series, "si") == [
        "net.in  Current:701.65M    Max:701.65M    Min:700.63M    ",
        "net.out Current:306.92M    Max:306.92M    Min:304.98M    ",
    ]
    assert names(legend.cacti_style, series[:1], "si", "b") == [
        "net.in Current:701.65 Mb    Max:701.65 Mb    Min:700.63 Mb    "
    ]
    assert names(legend.cacti_style, series[:1], "", "b") == [
        "net.in Current:701648139.65 b    Max:701648139.65 b    Min:700630992.15 b    "
    ]
    binary = [line("bytes.free", 3_693_119_350.0)]
    assert names(legend.cacti_style, binary, "binary") == ["bytes.free Current:3.44Gi    Max:3.44Gi    Min:3.44Gi    "]


def test_cacti_style_of_nothing_known() -> None:
    assert names(legend.cacti_style, [line("a", NAN)]) == ["a Current:nan     Max:nan     Min:nan     "]
    assert names(legend.cacti_style, []) == []
    with pytest.raises(FunctionError, match="system must be one of si, binary"):
        call(legend.cacti_style, [line("a", 1.0)], "metric")


def test_legend_value() -> None:
    series = [line("net.in", 1.0, 4.0)]
    assert names(legend.legend_value, series, "avg", "max") == ["net.in (avg: 2.5) (max: 4.0)"]
    assert names(legend.legend_value, series, "count", "sumSeries") == ["net.in (count: 2) (sumSeries: (?))"]
    assert names(legend.legend_value, series, "nonsense") == ["net.in (nonsense: (?))"]
    assert names(legend.legend_value, [line("net.in", NAN)], "last") == ["net.in (last: None)"]
    assert names(legend.legend_value, series) == ["net.in"], "where graphite-web fails"
    assert names(legend.legend_value, series, "si") == ["net.in"]


def test_legend_value_adds_up_in_order() -> None:
    numbers = [0.1 * value for value in range(1, 60)]
    assert names(legend.legend_value, [line("a", *numbers)], "sum") == [f"a (sum: {reduce(add, numbers)!r})"]


def test_hints_leave_the_path_alone() -> None:
    """``sumSeries(dashed(a))`` is called ``sumSeries(a)``."""
    for function in (graph.dashed, graph.second_y_axis, graph.draw_as_infinite):
        (hinted,) = call(function, [line("a", 1.0)])
        assert hinted.name != "a"
        assert hinted.path == "a"


def test_legend_value_in_units() -> None:
    series = [line("web.host0.cpu", 34.53, 39.62, 36.49)]
    assert names(legend.legend_value, series, "avg", "max", "si") == [
        "web.host0.cpu       avg  36.88     max  39.62     "
    ]
    big = [line("net.in", 701_109_675.0)]
    assert names(legend.legend_value, big, "total", "binary") == ["net.in              total668.63Mi  "]
    assert names(legend.legend_value, [line("a", NAN)], "last", "si") == ["a                   last None      "]
    assert names(legend.legend_value, [line("a", 1.0)], "nonsense", "si") == ["a                   nonsense(?)       "]


def test_dashes_may_be_fractions() -> None:
    (short,) = call(graph.dashed, [line("a", 1.0)])
    assert (short.name, short.tags["dashed"], short.options["dashed"]) == ("dashed(a, 5)", "5", 5)
    (other,) = call(graph.dashed, [line("a", 1.0)], 2.5)
    assert (other.name, other.tags["dashed"], other.options["dashed"]) == ("dashed(a, 2.5)", "2.5", 2.5)
    with pytest.raises(FunctionError, match="dashLength must be a number"):
        call(graph.dashed, [line("a", 1.0)], "long")


def test_a_vertical_line_is_one_moment() -> None:
    (event,) = call(graph.vertical_line, "11:58_20240610", "release", "red")
    assert (event.name, event.start, event.end, event.step, event.values.tolist()) == (
        "release", NOW - 120, NOW - 120, 1, [1.0, 1.0]
    )  # fmt: skip
    assert event.options == {"drawAsInfinite": True, "color": "red"}
    (relative,) = call(graph.vertical_line, "-4min")
    assert (relative.name, relative.start) == ("", NOW - 240)


@pytest.mark.parametrize(
    ("moment", "why"),
    [
        ("-10min", r"is before the start of the time range"),
        ("12:30_20240610", r"is after the end of the time range"),
        ("no time", r"ts: .*'no time'"),
    ],
)
def test_a_vertical_line_elsewhere_is_refused(moment: str, why: str) -> None:
    with pytest.raises(FunctionError, match=why):
        call(graph.vertical_line, moment)
