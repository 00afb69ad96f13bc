"""What targets in use rely on beyond what Graphite's documentation says: other names, things left out, short files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pytest

from saltern.errors import GraphiteError
from saltern_graphite.evaluation.context import Context, Deferred
from saltern_graphite.evaluation.evaluator import Evaluator
from saltern_graphite.evaluation.source import Fetched
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.evaluation.times import UTC
from saltern_graphite.functions import LIBRARY
from saltern_graphite.functions.params import NodeOrTag
from saltern_graphite.functions.registry import function
from saltern_graphite.series.series import Series, SeriesList
from support.known_series import START, Numbers, X, evaluate, numbers, shown

METRICS: dict[str, Numbers] = {"a.one": [1, X, 0, 4], "a.two": [9, 9, 9, 9], "a.three": [5, 5, 5, X]}
TUESDAY = 1_730_766_600
"""2024-11-05 00:30:00 UTC."""


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("pow(a.one,0)", {"pow(a.one,0)": [1, X, 1, 1]}),
        ("highest(a.*)", {"a.two": [9, 9, 9, 9]}),
        ("highest(a.*,func='min')", {"a.two": [9, 9, 9, 9]}),
        ("lowest(a.*)", {"a.one": [1, X, 0, 4]}),
        ("highest(a.*,2)", {"a.two": [9, 9, 9, 9], "a.three": [5, 5, 5, X]}),
        ("stacked(a.one,stackName='s')", {"a.one": [1, X, 0, 4]}),
        ("stacked(a.one,stack='s')", {"a.one": [1, X, 0, 4]}),
        ("timeShift(a.two,'0s',alignDST=true)", {'timeShift(a.two, "-0s")': [9, 9, 9, 9]}),
        ("timeShift(a.two,'0s',alignDst=true)", {'timeShift(a.two, "-0s")': [9, 9, 9, 9]}),
    ],
)
def test_as_dashboards_call_them(target: str, expected: Mapping[str, Numbers]) -> None:
    assert shown(target, METRICS) == expected


@pytest.mark.parametrize(
    "target", ["timeShift(a.two,'1h',true,true,alignDST=true)", "stacked(a.two,'s',stackName='s')"]
)
def test_the_other_name_is_the_same_argument(target: str) -> None:
    with pytest.raises(GraphiteError, match="is given twice"):
        evaluate(target, METRICS)


@pytest.mark.parametrize("function", ["highestMax(a.*)", "limit(a.*)", "timeShift(a.*)"])
def test_what_has_no_default_must_be_given(function: str) -> None:
    with pytest.raises(GraphiteError, match="must be given"):
        evaluate(function, METRICS)


def test_editors_still_see_what_graphite_shows() -> None:
    """``/functions`` calls *n* required and *alignDst* by that name."""
    assert LIBRARY["highest"].as_json("highest")["params"][1] == {  # type: ignore[index]
        "name": "n",
        "type": "integer",
        "required": True,
    }
    assert {"name": "alignDst", "type": "boolean", "default": False} in LIBRARY["timeShift"].as_json("timeShift")[
        "params"
    ]  # type: ignore[operator]


def test_a_function_takes_what_its_annotations_say() -> None:
    @function("seen", "Special", example="a.*, 'x'")
    def seen(one: Series, new_name: str, steps: int = 2, *nodes: NodeOrTag) -> Series:
        """Sees."""
        return one.renamed(f"{one.name} {new_name} {steps} {nodes}")

    assert [param.as_json() for param in seen.params] == [
        {"name": "seriesList", "type": "seriesList", "required": True},
        {"name": "newName", "type": "string", "required": True},
        {"name": "steps", "type": "integer", "default": 2},
        {"name": "nodes", "type": "nodeOrTag", "required": True, "multiple": True},
    ]
    assert (seen.deferred, seen.description) == (False, "Sees.\n\n``seen(a.*, 'x')``")
    evaluator = Evaluator(ShortFiles(60), LIBRARY)
    context = evaluator.context(0, 60, 60, UTC)
    series = [context.synthetic(name, np.zeros(1), 60) for name in ("a", "b")]
    assert [one.name for one in seen(context, series, "x", 3, 0, "dc")] == ["a x 3 (0, 'dc')", "b x 3 (0, 'dc')"]


@pytest.mark.parametrize("wanted", [Context, Deferred, SeriesList])
def test_a_function_is_given_a_context_or_an_unevaluated_list_where_it_asks_for_one(wanted: object) -> None:
    def first(given: object) -> list[Series]:
        assert wanted is not Context or isinstance(given, Context)
        return []

    first.__annotations__["given"] = wanted
    declared = function("first", "Special", does="Is first.")(first)
    assert (declared.deferred, len(declared.params)) == (wanted is Deferred, int(wanted is not Context))
    context = Evaluator(ShortFiles(60), LIBRARY).context(0, 60, 60, UTC)
    assert declared(context, *[[]] * len(declared.params)) == []


@dataclass
class ShortFiles:
    """Metrics named by their steps and how long their files reach back: ``s10.600``. A value is its time's minute."""

    end: int

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics between bars."""
        return pattern.split("-")

    def tagged(self, expressions: Sequence[str], limit: int) -> list[str]:
        """None."""
        return []

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """None."""
        return []

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched:
        """The values in ``(start, end]``, as far back as they are kept."""
        step, kept = (int(number) for number in name.split("_")[1:])
        start = max(start, now - kept)
        first, stop = start - start % step + step, end - end % step + step
        return Fetched(first, stop, step, np.arange(first, stop, step) / 60.0, "average")


def _over(target: str, start: int, end: int) -> list[Series]:
    evaluator = Evaluator(ShortFiles(end), LIBRARY)
    return evaluator.evaluate(parse(target), evaluator.context(start, end, end, UTC))


@pytest.mark.parametrize(("kept", "begins"), [(36_000, 60), (4200, 60), (3610, 600), (1200, 3060)])
def test_a_fine_series_whose_file_is_shorter_than_the_coarsest_ones_window_is_shown(kept: int, begins: int) -> None:
    """Ten points of ten minutes are 100 minutes, which a file of *kept* seconds hasn't; ten of its own it has."""
    fine, coarse = _over(f"movingMax(f_60_{kept}-c_600_360000,10)", START, START + 3600)
    assert (fine.start, coarse.start) == (START + begins, START + 600)
    assert fine.end == START + 3660
    assert numbers(fine) == [(fine.start + place * 60) / 60 for place in range(len(fine.values))]
    assert len(fine.values) == (fine.end - fine.start) // 60


@pytest.mark.parametrize(
    ("unit", "days_back"), [("weeks0", 2), ("weeks7", 2), ("weeks1", 1), ("weeks2", 0), ("weeks3", 6), ("weeks", 1)]
)
def test_weeks_begin_on_the_day_asked_for(unit: str, days_back: int) -> None:
    """0 and 7 are Sunday; without a number it is Monday."""
    (week,) = _over(f"smartSummarize(f_60_3600000,'1d','last','{unit}')", TUESDAY - 600, TUESDAY)
    assert week.start == TUESDAY - 1800 - days_back * 86_400 + 60
    assert not math.isnan(week.values[0])


def test_no_week_begins_before_the_calendar() -> None:
    first = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
    (days,) = _over("smartSummarize(f_60_3600000,'1d','last','weeks0')", first + 86_400, first + 2 * 86_400)
    assert days.start == first + 60


class Coarsening(ShortFiles):
    """As above, but before the last hour there are values a minute only, as in a file with two archives."""

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched:
        """The values in ``(start, end]``, in the archive that reaches back to *start*."""
        return super().fetch("f_10_3600" if start >= now - 3600 else "f_60_36000", start, end, now)


def test_a_window_that_begins_in_a_coarser_archive_is_shown_at_its_own_times() -> None:
    """Five points are measured as 50 s; read 50 s earlier, the series has a value a minute."""
    evaluator = Evaluator(Coarsening(START + 3600), LIBRARY)
    (moved,) = evaluator.evaluate(parse("movingMax(m,5)"), evaluator.context(START, START + 3600, START + 3600, UTC))
    assert numbers(moved) == [(moved.start + place * 60) / 60 for place in range(len(moved.values))]
    assert (moved.start, moved.start + len(moved.values) * 60, moved.step) == (START + 300, START + 3660, 60)
