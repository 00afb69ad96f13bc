"""Functions that pair, weigh and group whole lists of series."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from support.known_series import START, Numbers, X, evaluate, numbers, shown

METRICS: dict[str, Numbers] = {
    "a.x.used": [1, 2, X, 4],
    "a.x.size": [10, X, X, 0],
    "a.y.used": [3, X, 6, 8],
    "a.y.size": [4, 4, 4, 4],
    "b": [0, -1, 2, 0.5],
    "c": [2, 2, 2, X],
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            "sumSeriesLists(a.*.used,a.*.size)",
            {"sumSeries(a.x.used,a.x.size)": [11, 2, X, 4], "sumSeries(a.y.used,a.y.size)": [7, 4, 10, 12]},
        ),
        ("diffSeriesLists(a.y.size,a.y.used)", {"diffSeries(a.y.size,a.y.used)": [1, 4, -2, -4]}),
        ("multiplySeriesLists(a.y.size,a.y.used)", {"multiplySeries(a.y.size,a.y.used)": [12, X, 24, 32]}),
        ("divideSeriesLists(a.x.used,a.x.size)", {"divideSeries(a.x.used,a.x.size)": [0.1, X, X, X]}),
        ("aggregateSeriesLists(b,c,'max')", {"maxSeries(b,c)": [2, 2, 2, 0.5]}),
        ("aggregateSeriesLists(b,c,'max',1)", {"maxSeries(b,c)": [2, 2, 2, X]}),
        ("aggregateSeriesLists(scale(b,2),c,'sumSeries')", {"sumSeries(scale(b,2),c)": [2, 0, 6, 1]}),
        ("sumSeriesLists(nope,nope)", {}),
        ("powSeries(c,b)", {"powSeries(c,b)": [1, 0.5, 4, X]}),
        ("powSeries(b,c)", {"powSeries(b,c)": [0, 1, 4, X]}),
        ("powSeries(b,c,c)", {"powSeries(b,c,c)": [0, 1, 16, X]}),
        ("powSeries(constantLine(0),constantLine(-1))", {"powSeries(0.0,-1.0)": [X, X, X]}),
        ("powSeries(constantLine(10),constantLine(400))", {"powSeries(10.0,400.0)": [X, X, X]}),
        ("powSeries(b)", {"powSeries(b)": [0, -1, 2, 0.5]}),
        ("powSeries(nope)", {}),
        (
            "weightedAverage(a.*.used,a.*.size,1)",
            {"weightedAverage(a.*.used, a.*.size, 1)": [22 / 14, X, 6, 8]},
        ),
        ("weightedAverage(b,c,7,'name')", {}),
        ("weightedAverage(b,c)", {"weightedAverage(b, c, )": [0, -1, 2, X]}),
        ("weightedAverage(nope,nope,1)", {}),
        (
            "mapSeries(a.*.*,2)",
            {"a.x.size": [10, X, X, 0], "a.y.size": [4] * 4, "a.x.used": [1, 2, X, 4], "a.y.used": [3, X, 6, 8]},
        ),
        (
            "reduceSeries(mapSeries(a.*.*,1),'sumSeries',2,'used','size')",
            {"a.x.reduce.sumSeries": [11, 2, X, 4], "a.y.reduce.sumSeries": [7, 4, 10, 12]},
        ),
        (
            "reduce(map(a.*.*,1),'divideSeries',-1,'used','size')",
            {"a.x.reduce.divideSeries": [0.1, X, X, X], "a.y.reduce.divideSeries": [0.75, X, 1.5, 2]},
        ),
        ("reduceSeries(mapSeries(a.*.*,1),'asPercent',2,'used','nope')", {}),
        ("reduceSeries(mapSeries(nope,1),'asPercent',2,'used','size')", {}),
        ("groupByTags(a.*.used,'sum','name')", {"a.x.used": [1, 2, X, 4], "a.y.used": [3, X, 6, 8]}),
        ("groupByTags(a.*.used,'maxSeries','rack')", {"maxSeries;rack=": [3, 2, 6, 8]}),
        ("groupByTags(scale(c,2),'sum','scale')", {"c;scale=2.0": [4, 4, 4, X]}),
        ("groupByTags(nope,'sum','name')", {}),
    ],
)
def test_values_and_names(target: str, expected: dict[str, list[float | None]]) -> None:
    made = shown(target, METRICS)
    assert list(made) == list(expected)
    for name, values in expected.items():
        assert made[name] == pytest.approx(values), name


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("sumSeriesLists(a.*.used,b)", "must be of one length, not 2 and 1"),
        ("divideSeriesLists(a.*.used,b)", "dividendSeriesList and divisorSeriesList must be of one length"),
        ("weightedAverage(a.*.used,b,1)", "seriesListAvg and seriesListWeight must be of one length, not 2 and 1"),
        ("reduceSeries(mapSeries(a.*.*,1),'sumseries',2,'used')", "there is no function 'sumseries'"),
        ("reduceSeries(mapSeries(b,0),'sumSeries',1,'used')", "reduceNode is 1, but 'b' has 1 elements"),
        ("groupByTags(b,'most','name')", "unknown aggregation 'most'"),
        ("groupByTags(b,'sum')", "tags must be given"),
    ],
)
def test_wrong_arguments_are_explained(target: str, complaint: str) -> None:
    with pytest.raises(FunctionError, match=complaint):
        evaluate(target, METRICS)


def test_pairs_keep_the_paths_that_they_came_from() -> None:
    made = evaluate("sumSeriesLists(a.*.used,a.*.size)", METRICS)
    assert [one.path for one in made] == ["sumSeries(a.*.used,a.*.size)"] * 2
    assert made[0].tags == {"name": "sumSeries(a.*.used,a.*.size)", "aggregatedBy": "sum"}


def test_groups_by_tags_have_those_tags_and_no_empty_ones() -> None:
    made = evaluate("groupByTags(group(scale(b,2),c),'sum','scale','name')", METRICS)
    assert [one.name for one in made] == ["b;scale=2.0", "c;scale="]
    assert [one.tags for one in made] == [{"name": "b", "scale": "2.0"}, {"name": "c"}]
    assert [one.path for one in made] == ["b;scale=2.0", "c;scale="]


def test_a_group_keeps_to_the_window() -> None:
    made = evaluate("reduceSeries(mapSeries(a.*.*,1),'diffSeries',2,'size','used')", METRICS)
    assert [one.start for one in made] == [START + 60] * 2
    assert numbers(made[1]) == [1, 4, -2, -4]


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=20))
def test_powers_are_the_math_modules(pairs: list[tuple[float, float]]) -> None:
    bases, exponents = zip(*pairs, strict=True)
    made = shown("powSeries(base,exponent)", {"base": bases, "exponent": exponents})["powSeries(base,exponent)"]
    for value, base, exponent in zip(made, bases, exponents, strict=True):
        try:
            expected = math.pow(base, exponent)
        except (ValueError, OverflowError):
            assert value is None
        else:
            assert value == pytest.approx(expected, rel=1e-12)
