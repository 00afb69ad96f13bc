"""Render functions at their bounds: the last gap that is filled, what leaves no trace, how many a callback gives."""

from __future__ import annotations

import numpy as np
import pytest

from saltern.errors import FunctionError
from saltern_graphite.series.series import Series
from support.known_series import X, evaluate, shown

METRICS = {"a.one": [1, X, X, 4, X], "a.two": [9, 9, 9, 9, 9], "a.none": [X, X, X, X, X]}


def test_a_gap_of_the_limit_is_filled_and_one_longer_stays() -> None:
    assert shown("keepLastValue(a.one,2)", METRICS) == {"keepLastValue(a.one)": [1, 1, 1, 4, 4]}
    assert shown("keepLastValue(a.one,1)", METRICS) == {"keepLastValue(a.one)": [1, X, X, 4, 4]}


def test_a_percentile_leaves_a_trace_where_there_is_one() -> None:
    one, none = evaluate("removeAbovePercentile(group(a.one,a.none),50)", METRICS)
    assert one.tags["nPercentile"] == "50.0"
    assert "nPercentile" not in none.tags


def test_of_each_group_a_callback_gives_one_series() -> None:
    assert list(shown("groupByNode(a.*,0,'group')", METRICS)) == ["a"]
    assert len(evaluate("groupByTags(a.*,'group','none')", METRICS)) == 1


def test_a_series_without_a_step_has_no_times() -> None:
    assert list(Series("a", 60, 60, 0, np.array([5.0]), "a").times()) == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("randomWalk('x',99999999999999999999)", "step must be from 1 to 1099511627776 seconds"),
        ("sin('x',1,-5)", "step must be from 1 to"),
        ("sum(time('x',1000000007),time('y',1000000009),time('z',1000000021))", "no common step: summarize them"),
    ],
)
def test_a_step_beyond_all_times_is_refused(target: str, message: str) -> None:
    with pytest.raises(FunctionError, match=message):
        evaluate(target, METRICS)


@pytest.mark.parametrize(
    ("function", "levels"),
    [
        ("pct({},None)", 12),
        ("aliasSub({},'(.*)$','\\1\\1\\1\\1')", 14),
        ("applyByNode(alias({},'" + "a" * 900 + "'),0,'a.one','" + "%" * 900 + "')", 1),
        ("aliasSub({},'x*','" + "a" * 9000 + "')", 2),
    ],
)
def test_names_that_multiply_are_given_up(function: str, levels: int) -> None:
    target = "a.*"
    for _ in range(levels):
        target = function.format(target)
    with pytest.raises(
        FunctionError, match=r"names that this makes are too long|may make a name of over|with it come to over"
    ):
        evaluate(target, METRICS)
