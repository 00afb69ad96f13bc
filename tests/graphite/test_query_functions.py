"""Render functions: what they make of known series, how they name it, and that none fails on odd ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.evaluation.deadline import TookTooLong
from saltern_graphite.evaluation.evaluator import Evaluator, Limits
from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.functions import LIBRARY
from saltern_graphite.functions.arithmetic import round_decimal
from saltern_graphite.functions.params import Param, ParamType
from saltern_graphite.index.globs import compile_glob
from saltern_graphite.render.formats.json import downsample
from saltern_graphite.series.series import Series

START, STEP = 1_718_020_800, 60
X = None


@dataclass
class FakeSource:
    """Metrics by name: a step and the values that end at the window's end, repeated before it."""

    metrics: dict[str, tuple[int, list[float | None]]]
    method: str = "average"
    fetches: list[tuple[str, int, int]] = field(default_factory=list)

    def match(self, pattern: str, limit: int) -> list[str]:
        globs = [compile_glob(element) for element in pattern.split(".")]
        return sorted(
            name
            for name in self.metrics
            if name.count(".") + 1 == len(globs)
            and all(
                element in glob.literals if glob.literals else not glob.expression or glob.expression.match(element)
                for glob, element in zip(globs, name.split("."), strict=True)
            )
        )

    def tagged(self, expressions: Sequence[str], limit: int) -> list[str]:
        return []

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        return []

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        self.fetches.append((name, start, end))
        step, values = self.metrics[name]
        first, stop = start // step * step + step, end // step * step + step
        wanted = range(first, stop, step)
        pattern = [math.nan if value is None else value for value in values]
        # slot START + step holds the first value
        column = [pattern[(time - START - step) // step % len(pattern)] for time in wanted]
        return Fetched(first, stop, step, np.array(column, dtype=np.float64), self.method)


METRICS: dict[str, tuple[int, list[float | None]]] = {
    "a.x.n": (60, [1, 2, X, 4]),
    "a.y.n": (60, [10, X, X, 40]),
    "b.c": (60, [0, 5, 5, 3]),
    "coarse": (120, [6, 8]),
    "empty": (60, [X, X, X, X]),
}


def evaluate(
    target: str, source: FakeSource | None = None, *, points: int = 4, limits: Limits | None = None
) -> list[Series]:
    evaluator = Evaluator(source or FakeSource(METRICS), LIBRARY, limits)
    end = START + points * STEP
    return evaluator.evaluate(parse(target), evaluator.context(START, end, end, UTC))


def shown(series: list[Series]) -> dict[str, list[float | None]]:
    return {one.name: [X if math.isnan(value) else value for value in one.values.tolist()] for one in series}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("sumSeries(a.*.n)", {"sumSeries(a.*.n)": [11, 2, X, 44]}),
        ("sum(a.x.n,a.y.n,a.x.n)", {"sumSeries(a.x.n,a.y.n)": [12, 4, X, 48]}),
        ("averageSeries(a.*.n)", {"averageSeries(a.*.n)": [5.5, 2, X, 22]}),
        ("diffSeries(b.c,a.x.n)", {"diffSeries(b.c,a.x.n)": [-1, 3, 5, -1]}),
        ("multiplySeries(a.x.n,b.c)", {"multiplySeries(a.x.n,b.c)": [0, 10, X, 12]}),
        ("multiplySeries(a.x.n)", {"a.x.n": [1, 2, X, 4]}),
        ("multiplySeries(a.x.n,nope)", {"multiplySeries(a.x.n)": [1, 2, X, 4]}),
        ("divideSeries(a.x.n,b.c)", {"divideSeries(a.x.n,b.c)": [X, 0.4, X, 4 / 3]}),
        ("divideSeries(b.c,nope)", {"divideSeries(b.c,MISSING)": [X, X, X, X]}),
        ("countSeries(a.*.n)", {"countSeries(a.*.n)": [2, 2, 2, 2]}),
        ("rangeOfSeries(a.*.n)", {"rangeOfSeries(a.*.n)": [9, 0, X, 36]}),
        ("aggregate(a.*.n,'avg')", {"avgSeries(a.*.n)": [5.5, 2, X, 22]}),
        ("aggregate(a.*.n,'sum',1)", {"sumSeries(a.*.n)": [11, X, X, 44]}),
        ("sumSeries(setXFilesFactor(a.*.n,1))", {"sumSeries(a.*.n)": [11, X, X, 44]}),
        ("sumSeries(a.x.n,setXFilesFactor(a.y.n,1))", {"sumSeries(a.x.n,a.y.n)": [11, X, X, 44]}),
        ("sumSeries(aggregate(a.*.n,'max',1),b.c)", {"sumSeries(maxSeries(a.*.n),b.c)": [10, 5, 5, 43]}),
        ("sumSeries(b.c,coarse)", {"sumSeries(b.c,coarse)": [2.5 + 6, 4 + 8]}),
        ("sumSeries(consolidateBy(b.c,'sum'),coarse)", {'sumSeries(consolidateBy(b.c,"sum"),coarse)': [11, 16]}),
        ("groupByNode(a.*.n,1,'sum')", {"x": [1, 2, X, 4], "y": [10, X, X, 40]}),
        ("groupByNode(scale(a.*.n,2),0,'sumSeries')", {"a": [22, 4, X, 88]}),
        ("groupByNodes(a.*.n,'max',0,2)", {"a.n": [10, 2, X, 40]}),
        ("sumSeriesWithWildcards(a.*.n,1)", {"a.n": [11, 2, X, 44]}),
        ("asPercent(a.x.n,b.c)", {"asPercent(a.x.n,b.c)": [X, 40, X, 400 / 3]}),
        ("asPercent(a.x.n,200)", {"asPercent(a.x.n,200)": [0.5, 1, X, 2]}),
        (
            "asPercent(group(b.c,a.x.n),coarse)",
            {"asPercent(b.c,coarse)": [250 / 6, 50], "asPercent(a.x.n,coarse)": [25, 50]},
        ),
        ("percentileOfSeries(a.*.n,100)", {"percentileOfSeries(a.*.n,100)": [10, 2, X, 40]}),
        ("scale(b.c,2.5)", {"scale(b.c,2.5)": [0, 12.5, 12.5, 7.5]}),
        ("b.c|scale(2)|offset(1)", {"offset(scale(b.c,2),1)": [1, 11, 11, 7]}),
        ("add(b.c,1.9)", {"add(b.c,1)": [1.9, 6.9, 6.9, 4.9]}),
        ("invert(b.c)", {"invert(b.c)": [X, 0.2, 0.2, 1 / 3]}),
        ("scale(b.c,true)", {"scale(b.c,1)": [0, 5, 5, 3]}),
        ("log(coarse,0.5)", {"log(coarse, 0.5)": [math.log(6, 0.5), -3]}),
        (
            "round(scale(b.c,0.535),2)",
            {"round(scale(b.c,0.535),2)": [0, round(5 * 0.535, 2), round(5 * 0.535, 2), 1.6]},
        ),
        ("derivative(b.c)", {"derivative(b.c)": [X, 5, 0, -2]}),
        ("nonNegativeDerivative(b.c)", {"nonNegativeDerivative(b.c)": [X, 5, 0, X]}),
        ("perSecond(b.c)", {"perSecond(b.c)": [X, 0.083333, 0, X]}),
        ("integral(a.x.n)", {"integral(a.x.n)": [1, 3, X, 7]}),
        ("delay(b.c,1)", {"delay(b.c,1)": [X, 0, 5, 5]}),
        ("delay(b.c,0)", {"delay(b.c,0)": [0, 5, 5, 3]}),
        ("delay(b.c,-9)", {"delay(b.c,-9)": [X, X, X, X]}),
        ("keepLastValue(a.y.n)", {"keepLastValue(a.y.n)": [10, 10, 10, 40]}),
        ("keepLastValue(a.y.n,1)", {"keepLastValue(a.y.n)": [10, X, X, 40]}),
        ("transformNull(a.y.n,-1)", {"transformNull(a.y.n,-1)": [10, -1, -1, 40]}),
        ("transformNull(coarse,-1,empty)", {"transformNull(coarse,-1,referenceSeries)": [6, 8]}),
        ("transformNull(a.y.n,-1,a.x.n)", {"transformNull(a.y.n,-1,referenceSeries)": [10, -1, X, 40]}),
        ("isNonNull(a.y.n)", {"isNonNull(a.y.n)": [1, 0, 0, 1]}),
        ("summarize(b.c,'2min')", {'summarize(b.c, "2min", "sum")': [0, 10, 3]}),
        ("summarize(b.c,'2min','max',true)", {'summarize(b.c, "2min", "max", true)': [5, 5]}),
        ("smartSummarize(b.c,'2min')", {'smartSummarize(b.c, "2min", "sum")': [5, 8]}),
        ("movingSum(b.c,2)", {"movingSum(b.c,2)": [3, 5, 10, 8]}),
        ("movingAverage(b.c,'2min')", {'movingAverage(b.c,"2min")': [1.5, 2.5, 5, 4]}),
        ("movingAverage(b.c,2.0)", {"movingAverage(b.c,2.0)": [1.5, 2.5, 5, 4]}),
        ("template(movingAverage(b.$x,$n),x='c',n='2')", {"movingAverage(b.c,2.0)": [1.5, 2.5, 5, 4]}),
        ("sumSeries(timeShift(b.c,'2min'),b.c)", {"sumSeries(b.c)": [5, 8, 5, 8]}),
        ("timeShift(b.c,'2min')", {'timeShift(b.c, "-2min")': [5, 3, 0, 5]}),
        ("removeAboveValue(b.c,4)", {"removeAboveValue(b.c, 4)": [0, X, X, 3]}),
        ("highestMax(a.*.n,1)", {"a.y.n": [10, X, X, 40]}),
        ("removeEmptySeries(group(empty,b.c))", {"b.c": [0, 5, 5, 3]}),
        ("filterSeries(group(empty,b.c),'max','>=',5)", {"b.c": [0, 5, 5, 3]}),
        ("fallbackSeries(nope,b.c)", {"b.c": [0, 5, 5, 3]}),
        ("grep(a.*.n,'x')", {"a.x.n": [1, 2, X, 4]}),
        ("changed(b.c)", {"changed(b.c)": [0, 1, 0, 1]}),
        ("stacked(a.*.n)", {"stacked(a.x.n)": [1, 2, X, 4], "stacked(a.y.n)": [11, X, X, 44]}),
        ("alias(b.c,'it')", {"it": [0, 5, 5, 3]}),
        ("aliasByNode(scale(a.x.n,2),1,-1)", {"x.n": [2, 4, X, 8]}),
        ("aliasByNode(b.c,1.0)", {"c": [0, 5, 5, 3]}),
        ("aliasByNode(alias(b.c,'x.y (5 min)'),1)", {"y": [0, 5, 5, 3]}),
        ("aliasByMetric(a.x.n)", {"n": [1, 2, X, 4]}),
        (r"aliasSub(b.c,'(^.*$)','\1 A')", {"b.c A": [0, 5, 5, 3]}),
        ("constantLine(5)", {"5.0": [5, 5, 5]}),
        ("threshold(90,'hot')", {"hot": [90, 90, 90]}),
        ("template(alias($m.c,'t'),m='b')", {"t": [0, 5, 5, 3]}),
        ("sumSeries(nope)", {}),
    ],
)
def test_what_functions_answer(target: str, expected: dict[str, list[float | None]]) -> None:
    found = shown(evaluate(target))
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values)


def test_an_aggregate_of_aliases_is_named_after_their_paths() -> None:
    assert list(shown(evaluate("sumSeries(alias(a.*.n,'z'))"))) == ["sumSeries(a.*.n)"]
    assert list(shown(evaluate("sumSeries(scale(a.*.n,2))"))) == ["sumSeries(scale(a.x.n,2),scale(a.y.n,2))"]


def test_tags_are_kept_where_all_inputs_share_them() -> None:
    [scaled] = evaluate("scale(b.c,2)")
    assert scaled.tags == {"name": "b.c", "scale": "2.0"}
    [total] = evaluate("sumSeries(scale(a.*.n,2))")
    assert total.tags["scale"] == "2.0"
    assert total.tags["aggregatedBy"] == "sum"
    assert total.tags["name"] == total.name


def test_windows_before_the_request_are_fetched_once() -> None:
    source = FakeSource(METRICS)
    evaluate("movingAverage(b.c,'2min')", source)
    assert source.fetches == [("b.c", START - 120, START + 240)]
    source = FakeSource(METRICS)
    evaluate("sumSeries(b.c,b.c,b.c)", source)
    assert len(source.fetches) == 1


def test_the_files_own_method_consolidates_unless_told_otherwise() -> None:
    source = FakeSource(METRICS, method="sum")
    [series] = downsample(evaluate("b.c", source), 1)
    assert series.values.tolist() == [13]
    [series] = downsample(evaluate("consolidateBy(b.c,'max')", source), 1)
    assert series.values.tolist() == [5]
    evaluator = Evaluator(source, LIBRARY, stored_method=False)
    context = evaluator.context(START, START + 240, START + 240, UTC)
    [series] = downsample(evaluator.evaluate(parse("b.c"), context), 1)
    assert series.values.tolist() == [13 / 4]


@given(st.integers(0, 400), st.integers(1, 60), st.integers(0, 600), st.sampled_from([1, 10, 60]))
def test_downsampling_is_aligned_and_bounded(length: int, most: int, offset: int, step: int) -> None:
    start = START + offset * step
    values = np.arange(length, dtype=np.float64)
    series = Series("s", start, start + length * step, step, values, "s", consolidation="last")
    [found] = downsample([series], most)
    if length <= most:
        assert found is series or most == 1
        return
    if most > 1:
        assert found.start % found.step == start % step
        assert len(found.values) <= most
    for place, value in enumerate(found.values):
        stop = found.start - step + (place + 1) * found.step if most > 1 else series.end
        assert value == (min(stop, series.end) - start) // step - 1


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("sumSeres(b.c)", "column 1: there is no function 'sumSeres': did you mean 'sumSeries'?"),
        ("sum(scale(b.c))", "column 5: scale: factor must be given: a number"),
        ("scale(b.c,'x')", "column 1: scale: factor must be a number, not 'x'"),
        ("scale(b.c,5.e1)", "column 1: scale: factor must be a number, not the metric '5.e1'"),
        ("offset(b.c,factor=+.5)", "column 1: offset: factor must be a number, not the metric '+.5'"),
        ("alias(b.c,name)", "column 1: alias: newName must be a string in quotes, not the metric 'name'"),
        ("scale(b.c,sum(b.c))", "column 1: scale: factor must be a number, not a series list"),
        ("scale(b.c,1,2)", "column 1: scale: takes 2 arguments at most, 3 were given"),
        ("scale(b.c,facto=2)", "column 1: scale: has no argument 'facto': did you mean 'factor'?"),
        ("scale(b.c,2,factor=2)", "column 1: scale: argument 'factor' is given twice"),
        ("scale(2,b.c)", "column 1: scale: seriesList must be a series list, not 2"),
        ("movingAverage(b.c,'5')", "column 1: movingAverage: windowSize: '5' is no interval: write numbers with units"),
        ("summarize(b.c,'-10min')", "column 1: summarize: intervalString must be longer than 0, not '-10min'"),
        ("summarize(b.c,'0s')", "column 1: summarize: intervalString must be longer than 0"),
        ("summarize(b.c,'1h','mode')", "column 1: summarize: func must be an aggregation (average"),
        ("groupByNode(a.*.n,1,'mode')", "column 1: groupByNode: unknown aggregation 'mode'"),
        ("groupByNode(a.*.n,1,'movingAverage')", "column 1: groupByNode: movingAverage can't be used as a callback"),
        ("groupByNode(a.*.n,1,'scale')", "column 1: groupByNode: callback scale: factor must be given"),
        ("divideSeries(b.c,a.*.n)", "column 1: divideSeries: divisorSeries must be exactly one series, not 2"),
        ("filterSeries(b.c,'max','~',1)", "column 1: filterSeries: operator must be one of !=, <"),
        ("grep(b.c,'(')", "column 1: grep: pattern '(' is no regular expression"),
        (r"aliasSub(b.c,'b','\9')", "column 1: aliasSub: replace"),
        ("aliasByNode(b.c)", "column 1: aliasByNode: nodes must be given"),
        ("aliasByNode(b.c,1.5)", "column 1: aliasByNode: nodes must be the number of a path element"),
        ("group(b.c,None)", "column 1: group: seriesLists must be given: a series list"),
        ("movingAverage(b.c,1e300)", "column 1: movingAverage: windowSize: over 1000000000 points"),
        ("timeShift(b.c,'999999999y')", "column 1: timeShift: timeShift: '999999999y' is too far"),
        (f"scale(b.c,'{'x' * 999}')", f"column 1: scale: factor must be a number, not '{'x' * 99}…"),
        (f"{'x' * 999}(b.c)", f"column 1: there is no function '{'x' * 100}'"),
        ("log(b.c,1)", "column 1: log: base must be above 0 and not 1"),
        ("percentileOfSeries(b.c,0)", "column 1: percentileOfSeries: n must be above 0"),
        ("consolidateBy(b.c,'median')", "column 1: consolidateBy: consolidationFunc must be one of sum"),
        ("sum(sum(b.c), timeFunction('t',0))", "column 15: timeFunction: step must be from 1 to"),
    ],
)
def test_errors_name_the_call_and_what_would_be_right(target: str, message: str) -> None:
    with pytest.raises(FunctionError) as caught:
        evaluate(target)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_what_set_x_files_factor_sets_ends_with_its_target() -> None:
    evaluator = Evaluator(FakeSource(METRICS), LIBRARY)
    context = evaluator.context(START, START + 240, START + 240, UTC, x_files_factor=0.25)
    for target, share in (
        ("setXFilesFactor(b.c,1)", 1.0),
        ("sum(b.c)", 0.25),
        ("group(xFilesFactor(b.c,1),sum(b.c))", 1.0),
    ):
        assert evaluator.evaluate(parse(target), context)[-1].x_files_factor == share


@given(
    st.lists(st.floats(-1e18, 1e18) | st.integers(-(10**6), 10**6).map(lambda n: n / 2000), min_size=1),
    st.integers(-30, 30),
)
def test_rounding_is_pythons(values: list[float], digits: int) -> None:
    with np.errstate(all="ignore"):
        assert round_decimal(np.array(values), digits).tolist() == [round(value, digits) for value in values]


def test_costs_are_bounded() -> None:
    def run(target: str, limits: Limits) -> None:
        evaluator = Evaluator(FakeSource(METRICS), LIBRARY, limits)
        evaluator.evaluate(parse(target), evaluator.context(START, START + 240, START + 240, UTC))

    run("sum(b.c,a.x.n)", Limits(series=2, points=8))
    with pytest.raises(FunctionError, match="over 1 series"):
        run("sum(b.c,a.x.n)", Limits(series=1))
    with pytest.raises(FunctionError, match="over 7 points"):
        run("sum(b.c,a.x.n)", Limits(points=7))
    with pytest.raises(FunctionError, match="over 100 points"):
        run("summarize(b.c,'1s')", Limits(points=100))
    with pytest.raises(FunctionError, match="over 100 points"):
        run("timeFunction('t',1)", Limits(points=100))


def test_the_library_describes_itself() -> None:
    assert LIBRARY["sum"] is LIBRARY["sumSeries"]
    for name, function in LIBRARY.items():
        described = function.as_json(name)
        assert described["name"] == name
        assert len(function.description) > 20, name
        required = [param.required for param in function.params]
        assert required == sorted(required, reverse=True), f"{name}: required parameters come first"
        assert all(not param.multiple for param in function.params[:-1]), name
    grouped = LIBRARY.as_json(grouped=True)
    assert {"Combine", "Transform", "Calculate", "Alias", "Graph"} <= set(grouped)
    assert set(LIBRARY.as_json(group="Alias")) == set(grouped["Alias"])  # type: ignore[call-overload]  # a dict, by construction


_ARGUMENTS: dict[ParamType, list[str]] = {
    ParamType.ANY: ["5", "None", "a.*.n", "b.c", "nope"],
    ParamType.AGGREGATION: ["'sum'", "'median'", "'avg_zero'", "'last'", "'stddevSeries'", "'multiply'", "'diff'"],
    ParamType.AGGREGATION_OR_FUNCTION: ["'sum'", "'maxSeries'", "'countSeries'", "'derivative'", "'range'"],
    ParamType.BOOLEAN: ["true", "false"],
    ParamType.DATE: ["'midnight'", "'-1h'", f"'{START}'", "'noon+1h'"],
    ParamType.FLOAT: ["0", "-1.5", "50", "1e300", "inf", "3"],
    ParamType.INTEGER: ["0", "1", "-2", "100", "1000000000000"],
    ParamType.INTEGER_OR_FLOAT: ["0", "2", "-1", "2.5", "'1.5'"],
    ParamType.INTEGER_OR_INF: ["inf", "0", "2", "-1"],
    ParamType.INTEGER_OR_INTERVAL: ["0", "1", "3", "-2", "'1s'", "'3min'", "'-1h'"],
    ParamType.INTERVAL: ["'1s'", "'3min'", "'-1h'", "'1d'", "'7s'"],
    ParamType.NODE: ["0", "-1", "7"],
    ParamType.NODE_OR_TAG: ["0", "-1", "7", "'name'"],
    ParamType.SERIES: ["b.c", "a.*.n", "coarse", "empty", "nope", "constantLine(1)", "group(a.x.n,coarse)"],
    ParamType.SERIES_LISTS: ["map(a.*.n,1)", "map(b.c,0)"],
    ParamType.STRING: ["'x'", "'='", "'max'", "'days'", "''"],
    ParamType.TAG: ["'name'", "'nope'"],
}


def _argument(param: Param) -> st.SearchStrategy[str]:
    return st.sampled_from(_ARGUMENTS[param.type])


@st.composite
def calls(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(sorted(LIBRARY)))
    params = LIBRARY[name].params
    required = sum(param.required for param in params)
    count = draw(st.integers(required, len(params)))
    args = [draw(_argument(param)) for param in params[:count]]
    if args and params[0].type is ParamType.SERIES and draw(st.integers(0, 1)):
        args[0] = draw(calls())
    return f"{name}({','.join(args)})"


@pytest.mark.timeout(240)
@settings(max_examples=600, deadline=None)
@given(calls(), st.integers(1, 12), st.sampled_from([None, 1, 3]))
def test_any_call_answers_or_says_why_not(target: str, points: int, most: int | None) -> None:
    refusal, series = "", []
    try:
        found = evaluate(target, points=points, limits=Limits(seconds=2))
        series = found if most is None else downsample(found, most)
    except (FunctionError, TookTooLong) as error:  # six timeStacks around one another are 7 ** 6 windows
        refusal = str(error)
    assert "\n" not in refusal
    for one in series:
        assert one.step >= 1
        assert one.values.dtype == np.float64
        assert one.values.ndim == 1
        assert all(isinstance(value, str) for value in one.tags.values())


@pytest.mark.parametrize("pattern", ["((a{1000}){1000})", "(" * 20 + "a" + "+)" * 20 + "+"])
def test_a_pattern_that_is_too_large_is_refused_before_it_is_compiled(pattern: str) -> None:
    from saltern_graphite.functions import patterns

    before = patterns._compile.cache_info().misses
    with pytest.raises(FunctionError, match="comes to over 20,000 parts"):
        patterns.compiled("pattern", pattern)
    assert patterns._compile.cache_info().misses == before
