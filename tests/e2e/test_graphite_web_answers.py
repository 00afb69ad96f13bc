"""The real graphite-web and ours, asked the same over one Whisper tree, answer the same.

Debian's graphite-web is 1.1.8. The releases after it differ in the moving functions, whose windows it puts one step
later; here that step is taken back. Where ours differs on purpose, the second half says how, and
``docs/graphite-compatibility.md`` why.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.graphite_web import GraphiteWeb, Saltern, read_csv, read_raw, unlike
from support.graphite_web_requests import (
    AGGREGATIONS,
    COMBINATIONS,
    LISTS,
    MOVING,
    PATTERNS,
    SINGLES,
    TARGETS,
    TIMES,
    TRANSFORMS,
    Request,
    rendered,
    sample,
)
from support.graphite_web_tree import NOW, make_tree

WINDOW = {"from": str(NOW - 1800), "until": str(NOW), "now": str(NOW), "format": "json"}
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Nosuch/Zone")
READERS: dict[str, Callable[[bytes], Any]] = {"raw": read_raw, "csv": read_csv}


@dataclass(frozen=True, slots=True)
class Both:
    """The two servers, over one *tree*."""

    tree: Path
    theirs: GraphiteWeb
    ours: Saltern

    def ask(self, request: Request) -> tuple[Any, Any]:
        """Both answers to *request*, read; a status other than 200 stands for itself."""
        path, pairs = request
        if path == "/render":
            given = dict(pairs)
            pairs = [*pairs, *((name, value) for name, value in WINDOW.items() if name not in given)]
        read = READERS.get(dict(pairs).get("format", ""))
        answers = []
        for server in (self.theirs, self.ours):
            answer = server.ask(path, pairs)
            content = read(answer.body) if read and answer.status == 200 else None
            answers.append(answer.status if answer.status != 200 else content if read else answer.json())
        return answers[0], answers[1]

    def differences(self, requests: Iterable[Request]) -> list[str]:
        """Which of *requests* are answered differently, and where."""
        found = []
        for request in requests:
            theirs, ours = self.ask(request)
            where = unlike(_in_order(theirs), _in_order(ours))
            if where:
                found.append(f"{request}: {where}")
        return found


def _in_order(document: Any) -> Any:
    """``completer`` lists nodes of one name in any order."""
    if isinstance(document, dict) and "metrics" in document:
        return sorted(document["metrics"], key=lambda node: (node["name"], node.get("path", "")))
    return document


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both servers over a tree of their own."""
    folder = tmp_path_factory.mktemp("graphite")
    make_tree(folder / "whisper")
    tree = folder / "whisper"
    with GraphiteWeb(folder / "web", tree) as theirs, Saltern(folder / "ours", tree) as ours:
        yield Both(tree, theirs, ours)


@pytest.fixture(scope="module")
def by_stored_method(both: Both, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """The same two, ours as it is by default."""
    with Saltern(tmp_path_factory.mktemp("default"), both.tree, consolidate="stored") as ours:
        yield Both(both.tree, both.theirs, ours)


def test_transforming_functions(both: Both) -> None:
    assert not both.differences(map(rendered, sample(TRANSFORMS, SINGLES, 2)))


def test_combining_filtering_and_sorting_functions(both: Both) -> None:
    assert not both.differences(map(rendered, sample(COMBINATIONS, LISTS, 2)))


def test_aggregations(both: Both) -> None:
    targets = [
        *(f"aggregate(servers.*.load,'{name}')" for name in AGGREGATIONS),
        *(f"summarize(edge.gaps,'5min','{name}')" for name in AGGREGATIONS),
        *(f"groupByNode(dc.*.*.disk.used,1,'{name}')" for name in AGGREGATIONS),
        *(f"sortBy(servers.*.load,'{name}')" for name in AGGREGATIONS),
    ]
    assert not both.differences(map(rendered, targets))


def test_moving_functions(both: Both) -> None:
    """Every window of ours is the one that 1.1.8 shows a step later."""
    for target in sample(MOVING, ("edge.gaps", "edge.half", "steps.s7", "servers.*.load", "edge.sparse"), 2):
        theirs, ours = both.ask(rendered(target))
        for there, here in zip(theirs, ours, strict=True):
            assert (here["target"], here["tags"]) == (there["target"], there["tags"])
            shifted = [value for value, _ in there["datapoints"]][1:]
            assert unlike(shifted, [value for value, _ in here["datapoints"]][: len(shifted)]) is None, target


def test_names_tags_and_paths_of_results_are_passed_on(both: Both) -> None:
    wrapped = ("sumSeries(%s,edge.gaps)", "aliasByNode(%s,1)", "groupByNode(%s,0,'sum')", "substr(%s,1)")
    graph = ("dashed", "drawAsInfinite", "secondYAxis")  # these keep the path that they found
    inner = [one for one in sample(TRANSFORMS, ["edge.gaps"], 1) if not one.startswith(graph)]
    targets = [wrap % target for wrap, target in zip(itertools.cycle(wrapped), inner, strict=False)]
    assert not both.differences(map(rendered, targets))


def test_targets(both: Both) -> None:
    assert not both.differences(map(rendered, TARGETS))


def test_templates_from_parameters(both: Both) -> None:
    requests = [
        rendered("template(servers.$h.load,h='web01')", **{"template[h]": "db1"}),
        rendered("template(servers.$1.load,'web01')", **{"template[1]": "db1"}),
        rendered("template(scale(edge.gaps,$f),f=2)", **{"template[f]": "1.5"}),
        rendered("template(servers.$h.load)", **{"template[h]": "web02"}),
        rendered("edge.$x", **{"template[x]": "gaps"}),
        ("/render", [("target[]", "edge.gaps"), ("target[]", "edge.half")]),
        ("/render", [("target", "stacked(edge.gaps)"), ("target", ""), ("target", "stacked(edge.half)")]),
    ]
    assert not both.differences(requests)


def test_times(both: Both) -> None:
    zones = itertools.cycle(ZONES)
    requests = [rendered("edge.half", tz=next(zones), **{"from": time}) for time in TIMES]
    requests += [rendered("steps.s10", tz=next(zones), until=time, **{"from": "-3h"}) for time in TIMES[:40]]
    requests += [rendered("constantLine(1)", now=now, **{"from": "-1h"}) for now in ("20240610", "noon_20240610+2h")]
    for now in (1711850400, 1698541200, 1698580800):  # clocks in Berlin went forward, went back
        for time in ("1am", "2:30", "02:30_20231029", "02:30_20240331", "yesterday", "-1d"):
            requests.append(rendered("constantLine(1)", tz="Europe/Berlin", now=str(now), **{"from": time}))
    assert not both.differences(requests)


def test_consolidation(both: Both) -> None:
    targets = [
        *("edge.half", "edge.gaps", "steps.*", "methods.*", "edge.single", "edge.empty", "constantLine(5)"),
        *(f"consolidateBy(edge.gaps,'{name}')" for name in ("sum", "max", "min", "first", "last", "avg", "avg_zero")),
        *("summarize(edge.half,'7min','max')", "xFilesFactor(edge.gaps,0.7)", "timeShift(edge.half,'1h')"),
        "averageSeries(consolidateBy(steps.s7,'sum'),consolidateBy(steps.s60,'min'))",
        *("scale(consolidateBy(edge.gaps,'max'),2)", "asPercent(xFilesFactor(edge.gaps,0.8),edge.const42)"),
    ]
    sizes = ("1", "2", "7", "29", "30", "31", "100")
    requests = [rendered(target, maxDataPoints=size) for target in targets for size in sizes]
    requests += [rendered(target, maxDataPoints="7", **{"from": "-3610s"}) for target in targets]
    requests += [rendered(target, maxDataPoints="9", xFilesFactor="0.6") for target in targets]
    requests.append(("/render", [("target", "edge.half"), ("target", "steps.s300"), ("maxDataPoints", "5")]))
    assert not both.differences(requests)


def test_by_default_the_files_own_method_stands_in_for_the_average(by_stored_method: Both) -> None:
    """Files of sums, maxima … answer what the real one answers once it is told how to consolidate."""
    for method in ("sum", "last", "max", "min", "avg_zero", "average"):
        told = rendered(f"alias(consolidateBy(methods.{method},'{method}'),'x')", maxDataPoints="7")
        theirs, _ = by_stored_method.ask(told)
        _, ours = by_stored_method.ask(rendered(f"alias(methods.{method},'x')", maxDataPoints="7"))
        assert unlike(theirs[0]["datapoints"], ours[0]["datapoints"]) is None, method
    assert not by_stored_method.differences([rendered("edge.half", maxDataPoints="7")]), "these are averages"


def test_formats(both: Both) -> None:
    targets = [
        "edge.gaps",
        "servers.*.load",
        "steps.s7",
        "scale(odd.com\\,ma,2)",
        "edge.inf",
        "constantLine(3)",
        "nothing",
    ]
    requests = [rendered(target, format="raw") for target in targets]
    requests += [rendered(target, format="csv", tz=zone) for target, zone in zip(targets, itertools.cycle(ZONES))]
    requests += [rendered(target, noNullPoints="1", maxDataPoints=size) for target in targets for size in ("5", "99")]
    requests += [rendered(target, pretty="1") for target in targets]
    assert not both.differences(requests)


def test_finding(both: Both) -> None:
    variants: list[list[tuple[str, str]]] = [
        [], [("leavesOnly", "1")], [("wildcards", "1")], [("format", "completer")], [("format", "nodelist")],
        [("format", "completer"), ("automatic_variants", "1"), ("wildcards", "1")],
        [("format", "nodelist"), ("position", "0")], [("from", "-1h"), ("until", "now")],
    ]  # fmt: skip
    requests: list[Request] = [
        ("/metrics/find", [("query", one), *more]) for one in PATTERNS for more in variants if one != "**"
    ]
    for more in ([], [("leavesOnly", "1")], [("groupByExpr", "1")]):
        requests += [("/metrics/expand", [("query", one), *more]) for one in PATTERNS]
    requests += [("/metrics/expand", [("query", "servers.*"), ("query", "edge.*")]), ("/metrics/expand", [])]
    assert not both.differences([*requests, ("/metrics/index.json", [])])


def test_the_list_of_functions(both: Both) -> None:
    theirs, ours = both.ask(("/functions", []))
    assert theirs.keys() - ours.keys() == set()
    assert ours.keys() - theirs.keys() == {"compressPeriodicGaps", "lower", "upper"}, "of 1.1.10"
    pie_there, pie_here = both.ask(("/functions", [("type", "pie")]))
    assert pie_there.keys() == pie_here.keys()
    for name, there in (theirs | pie_there).items():
        for key in ("name", "function", "group", "module", "params"):
            assert (ours | pie_here)[name][key] == there[key], (name, key)


@pytest.mark.parametrize(
    ("request_", "theirs", "ours"),
    [
        (rendered("edge.gaps garbage"), 1, 400),
        (rendered("sumSeries("), 0, 400),
        (rendered("nosuch(edge.gaps)"), 400, 400),
        (rendered("scale(edge.gaps)"), 500, 400),
        (rendered("sumSeries()"), 0, 400),
        (rendered("consolidateBy(edge.gaps,'nosuch')"), 1, 400),
        (rendered("nPercentile(edge.gaps,-1)"), 1, 400),
        (rendered("delay(edge.gaps,0)"), 0, 1),
        (rendered("sumSeries(true.count)"), 0, 1),
        (rendered("constantLine(value=3)"), 0, 1),
        (rendered("template(movingAverage(edge.$1,2),'gaps')"), 0, 1),
        (rendered("perSecond(edge.gaps,255)"), 500, 1),
        (rendered("edge.half", maxDataPoints="0"), 500, 1),
        (rendered("edge.half", **{"from": "12am"}), 400, 1),
        (rendered("edge.half", **{"from": "12pm"}), 1, 400),
        (rendered("edge.half", xFilesFactor="2"), 1, 400),
    ],
)
def test_differences_on_purpose(both: Both, request_: Request, theirs: int, ours: int) -> None:
    """The number of series in each answer, or its status: see the document."""
    there, here = both.ask(request_)
    assert [answer if isinstance(answer, int) else len(answer) for answer in (there, here)] == [theirs, ours]
