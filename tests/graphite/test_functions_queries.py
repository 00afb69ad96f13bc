"""Functions that write targets: what they evaluate, and that they stay within the request's limits."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.evaluation.evaluator import Limits
from saltern_graphite.functions.queries import MAX_NESTING
from support.known_series import STEP, Numbers, X, evaluate, shown

METRICS: dict[str, Numbers] = {
    "host.a.cpu": [1, 5, 2],
    "host.b.cpu": [1, X, 1],
    "host.a.size": [10, 20, X],
    "host.b.size": [100, 100, 100],
    "empty": [X, X, X],
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("aliasQuery(host.*.cpu,'cpu','size','of %d')", {"of 20": [1, 5, 2], "of 100": [1, X, 1]}),
        ("aliasQuery(host.a.cpu,'^host\\.(.).*','scale(host.\\1.size,0.1)','%.2f %%')", {"2.00 %": [1, 5, 2]}),
        ("aliasQuery(nope,'a','b','%d')", {}),
        (
            "applyByNode(host.*.cpu,1,'divideSeries(%.cpu,%.size)','% share')",
            {"host.a share": [0.1, 0.25, X], "host.b share": [0.01, X, 0.01]},
        ),
        ("applyByNode(host.*.cpu,0,'maxSeries(%.*.cpu)')", {"maxSeries(host.*.cpu)": [1, 5, 2]}),
        ("applyByNode(host.a.cpu,2,'scale(%,2)')", {"scale(host.a.cpu,2)": [2, 10, 4]}),
        ("applyByNode(host.a.cpu,1,'nope.%')", {}),
        ("applyByNode(nope,1,'%.size')", {}),
        ("useSeriesAbove(host.*.cpu,4,'cpu','size')", {"host.a.size": [10, 20, X]}),
        ("useSeriesAbove(host.*.cpu,5,'cpu','size')", {}),
        ("useSeriesAbove(empty,0,'empty','host.a.cpu')", {}),
        (
            "useSeriesAbove(host.*.cpu,0,'^(.*)$','scale(\\1,2)')",
            {"scale(host.a.cpu,2)": [2, 10, 4], "scale(host.b.cpu,2)": [2, X, 2]},
        ),
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
        ("aliasQuery(host.a.cpu,'cpu','nope','%d')", "aliasQuery: no series found with 'host.a.nope'"),
        ("aliasQuery(host.a.cpu,'^.*$','empty','%d')", "'empty' has no last value"),
        ("aliasQuery(host.a.cpu,'cpu','size','size')", "newName must hold one place for a number"),
        ("aliasQuery(host.a.cpu,'cpu','size','%d of %d')", "newName must hold one place for a number"),
        ("aliasQuery(host.a.cpu,'cpu','size','%(x)s')", "newName must hold one place for a number"),
        ("aliasQuery(host.a.cpu,'cpu','size','%999999999d')", "newName must hold one place for a number"),
        ("aliasQuery(host.a.cpu,'cpu','size','%x')", "newName must hold one place for a number"),
        ("aliasQuery(host.a.cpu,'(','b','%d')", "search '\\(' is no regular expression"),
        ("useSeriesAbove(host.a.cpu,0,'cpu','\\9')", "does not fit search 'cpu'"),
        ("applyByNode(host.*.cpu,3,'%')", "nodeNum 3: 'host.a.cpu' has only the elements 0 to 2"),
        ("applyByNode(host.a.cpu,1,'scale(%.cpu')", r"in the target 'scale\(host.a.cpu': column 17"),
        ("applyByNode(host.a.cpu,1,'sumseries(%.cpu)')", "column 1: applyByNode: in the target .* 'sumSeries'"),
    ],
)
def test_wrong_arguments_are_explained(target: str, complaint: str) -> None:
    with pytest.raises(FunctionError, match=complaint):
        evaluate(target, METRICS)


def test_applied_results_have_the_prefix_for_a_path_and_the_lists_window() -> None:
    made = evaluate('applyByNode(host.*.cpu,1,\'summarize(%.cpu,"1h","sum")\')', METRICS)
    assert [one.path for one in made] == ["host.a", "host.b"]
    assert [one.end - one.start for one in made] == [3 * STEP] * 2
    assert [one.step for one in made] == [3600, 3600]


def test_a_target_that_writes_itself_ends() -> None:
    itself = "template(applyByNode(host.a.cpu,0,$t))"
    with pytest.raises(FunctionError, match=f"more than {MAX_NESTING} deep"):
        evaluate(itself, METRICS, template={"t": itself})


def test_targets_count_against_the_requests_points() -> None:
    metrics = {f"n.m{place}": [1.0] for place in range(100)}
    with pytest.raises(FunctionError, match="this takes over 50000 points"):
        evaluate("applyByNode(n.*,1,'nope.%')", metrics, limits=Limits(points=50_000))


@given(st.text(max_size=12) | st.text("%.0123456789#+- dfgsxcr(*a", max_size=12))
def test_no_new_name_fails_otherwise_than_by_saying_so(name: str) -> None:
    name = name.replace("'", "").replace("\\", "").replace("\n", "").replace("\r", "")
    target = f"aliasQuery(host.a.cpu,'cpu','size','{name}')"
    if re.fullmatch("[^%]*", name):
        with pytest.raises(FunctionError, match="newName must"):
            evaluate(target, METRICS)
        return
    with suppress(FunctionError):
        assert len(evaluate(target, METRICS)[0].name) < 2000
