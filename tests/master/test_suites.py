"""Suites on the master: what is kept of runs, and what a report says of them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import JournalError, RecordError
from saltern.ids import jid_of
from saltern_master.jobs.query import Wanted
from saltern_master.journal.reader import Position
from saltern_master.returners.rows import LoadRow, ReturnRow
from saltern_master.suites.forms import MAX_COLUMNS, as_data, as_junit, as_page, as_text
from saltern_master.suites.report import Report, report_of
from saltern_master.suites.run import OUTCOMES, Result, Run, run_of, suite_of
from saltern_master.suites.store import SuiteStore

START = Position(0, 0)
P, F, E, S = OUTCOMES


def jid(number: int) -> str:
    return jid_of(1_800_000_000 + number * 60)


def returned(number: int, minion: str, value: Any, fun: str = "suite.run", name: str = "web") -> ReturnRow:
    data = {"return": value, "fun_args": ["salt://suites/web", {"__kwarg__": True, "name": name}]}
    return ReturnRow(jid(number), minion, fun, True, data, 1_800_000_000.0 + number * 60)


def outcomes(**tests: str) -> dict[str, Any]:
    bad = (F, E)
    return {
        test: {"outcome": outcome, "seconds": 0.5, "message": "why" if outcome in bad else ""}
        for test, outcome in tests.items()
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SuiteStore]:
    store = SuiteStore(str(tmp_path / "cache" / "suites.db"))
    store.open("journal", START)
    yield store
    store.close()


class TestRun:
    @pytest.mark.parametrize(
        ("arguments", "suite"),
        [
            (["salt://suites/web"], "suites/web"),
            (["make test"], "make test"),
            (["make test", "app"], "app"),
            (["x", {"__kwarg__": True, "name": "app"}], "app"),
            ([{"__kwarg__": True, "source": "salt://a"}], "a"),
            (["a\nb"], "a b"),
            ([], "(unnamed)"),
            (None, "(unnamed)"),
        ],
    )
    def test_what_a_suite_is_called(self, arguments: Any, suite: str) -> None:
        assert suite_of(arguments) == suite

    @pytest.mark.parametrize("value", ["ERROR: no", None, 3, [], {}])
    def test_no_tests_are_an_error(self, value: Any) -> None:
        (name, result), *_ = run_of("1", "m", 0.0, {"return": value}).results.items()
        assert (name, result.outcome) == ("(suite)", E)

    def test_rows_of_any_kind(self) -> None:
        rows = {"a": {"outcome": P, "seconds": "x"}, "b": {"outcome": "?"}, "c": 3, 4: {"outcome": S, "seconds": True}}
        run = run_of("1", "m", 0.0, {"return": rows})
        assert {name: result.outcome for name, result in run.results.items()} == {"a": P, "b": E, "c": E, "4": S}
        assert {result.seconds for result in run.results.values()} == {None}

    @given(st.recursive(st.none() | st.text() | st.floats(), lambda inner: st.dictionaries(st.text(), inner)))
    def test_whatever_a_minion_returns(self, value: Any) -> None:
        run = run_of("1", "m", 0.0, {"return": value, "fun_args": value})
        assert run.results
        assert sum(run.count(outcome) for outcome in OUTCOMES) == len(run.results)


class TestStore:
    def test_what_comes_twice_is_there_once(self, store: SuiteStore) -> None:
        rows = [returned(1, "web1", outcomes(a=P, b=F)), returned(1, "web2", outcomes(a=P))]
        assert store.put(rows, START) == 2
        assert store.put(rows, START) == 0
        web1, web2 = store.runs(jid(1))
        assert web1.results == {"a": Result(P, 0.5), "b": Result(F, 0.5, "why")}
        assert (web1.suite, web2.minion_id, store.size(jid(1))) == ("web", "web2", 3)

    def test_others_returns_are_none(self, store: SuiteStore) -> None:
        assert store.put([returned(1, "web1", True, fun="test.ping"), LoadRow(jid(1), {}, 0.0)], None) == 0
        with pytest.raises(RecordError):
            store.put_events([], 1)
        assert store.query(Wanted()).found == []

    def test_the_last_runs_are_remembered_over_a_restart(self, store: SuiteStore, tmp_path: Path) -> None:
        store.put([returned(2, "web1", outcomes(a=F)), returned(1, "web1", outcomes(a=P))], None)
        store.put([returned(1, "web1", outcomes(a=P), name="db")], None)  # the same job: it is there already
        again = SuiteStore(str(tmp_path / "cache" / "suites.db"))
        again.open("journal", START)
        for one in (store, again):
            assert {key: (run.jid, run.failed) for key, run in one.latest.items()} == {("web1", "web"): (jid(2), 1)}
        again.close()

    def test_what_is_old_or_too_much_goes_the_oldest_first(self, store: SuiteStore) -> None:
        store.put([returned(number, "web1", outcomes(a=P)) for number in range(120)], None)
        assert store.newest() == 1_800_000_000.0 + 119 * 60
        assert store.purge(1_800_000_000.0 + 60 * 60, None) == 50
        assert store.purge(1_800_000_000.0 + 60 * 60, None) == 10
        assert store.purge(1_800_000_000.0 + 60 * 60, None) == 0
        assert store.purge(None, 1000) == 50
        assert [one.jid for one in store.summaries(None, 500)] == [jid(number) for number in range(119, 109, -1)]
        assert store.size(jid(0)) == 0
        assert store.purge(None, None) == store.purge(None, 10**9) == 0

    def test_a_minion_that_floods_takes_no_others_place(self, store: SuiteStore) -> None:
        store.put([returned(0, "web1", outcomes(a=P))], None)
        store.put([returned(number, "evil", outcomes(a=P), name=f"s{number}") for number in range(1, 300)], None)
        assert ("web1", "web") in store.latest
        assert [suite for minion, suite in store.latest if minion == "evil"] == [f"s{n}" for n in range(200, 300)]
        while store.purge(None, 1500):
            pass
        assert len(store.runs(jid(0))) == 1
        assert store.runs(jid(1)) == []

    @pytest.mark.parametrize("damage", ["junk", "gone", "foreign"])
    def test_a_file_that_is_broken_is_set_aside(self, store: SuiteStore, tmp_path: Path, damage: str) -> None:
        path = tmp_path / "cache" / "suites.db"
        store.put([returned(1, "web1", outcomes(a=P))], None)
        if damage == "gone":
            path.unlink()
        elif damage == "junk":
            path.write_bytes(b"no database" * 1000)
        else:
            path.unlink()
            with contextlib.closing(sqlite3.connect(path)) as other:
                other.execute("CREATE TABLE theirs (a)")
        with pytest.raises(JournalError):
            store.put([returned(2, "web1", outcomes(a=P))], None)
        store.open("journal", START)
        assert store.put([returned(2, "web1", outcomes(a=P))], None) == 1
        asides = [one.name for one in path.parent.iterdir() if one != path]
        assert len(asides) == (0 if damage == "gone" else 1)

    def test_a_folder_that_can_not_be_written_is_waited_for(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(JournalError, match="can't be opened"):
            SuiteStore(str(tmp_path / "file" / "suites.db")).open("journal", START)

    def test_runs_before_one(self, store: SuiteStore) -> None:
        store.put([returned(number, "web1", outcomes(a=P if number % 2 else F)) for number in range(6)], None)
        store.put([returned(7, "web2", outcomes(a=P)), returned(8, "web1", outcomes(a=P), name="db")], None)
        (last,) = store.runs(jid(5))
        assert [run.jid for run in store.earlier(last, 3)] == [jid(4), jid(3), jid(2)]
        assert [one.suite for one in store.summaries("db", 5)] == ["db"]


def run(number: int, minion: str, **tests: str) -> Run:
    made = {test: Result(outcome, 0.5, "why" if outcome in (F, E) else "") for test, outcome in tests.items()}
    return Run(jid(number), minion, "web", 0.0, made)


def reported(runs: Sequence[Run], asked: Sequence[str] = (), before: dict[str, list[Run]] | None = None) -> Report:
    earlier = before or {}
    return report_of(jid(9), asked or [run.minion_id for run in runs], runs, lambda run: earlier.get(run.minion_id, []))


class TestReport:
    def test_the_matrix_and_what_differs(self) -> None:
        report = reported([run(9, "b", x=F, y=P, z=P), run(9, "a", x=P, y=P)], ["a", "b", "c"])
        assert report.tests == {"x": {"a": P, "b": F}, "y": {"a": P, "b": P}, "z": {"b": P}}
        assert (report.differs, report.silent, report.bad) == (["x", "z"], ["c"], True)
        assert report.failures == {"x": {"b": "why"}}
        assert report.minions["b"] == {P: 2, F: 1, E: 0, S: 0, "seconds": 1.5}
        assert not reported([run(9, "a", x=P)]).bad

    def test_what_is_new_and_what_is_mended(self) -> None:
        before = {"a": [run(8, "a", x=P, y=E, w=F)], "b": [run(8, "b", x=F)]}
        report = reported([run(9, "a", x=F, y=P, z=E, w=F), run(9, "b", x=F), run(9, "c", x=F)], before=before)
        assert report.new == {"x": ["a"], "z": ["a"]}
        assert report.fixed == {"y": ["a"]}

    def test_what_comes_and_goes(self) -> None:
        before = {"a": [run(8, "a", x=F, y=P), run(7, "a", x=P, y=P), run(6, "a", x=S), run(5, "a", x=P, y=F)]}
        (flaky,) = reported([run(9, "a", x=P, y=P)], before=before).flaky
        assert (flaky.test, flaky.minion, flaky.changes, flaky.runs) == ("x", "a", 2, 4)

    def test_what_is_slow(self) -> None:
        results = {f"t{number:02}": Result(P, number / 10) for number in range(20)}
        report = reported([Run(jid(9), "a", "web", 0.0, results)])
        assert [slow.test for slow in report.slowest] == [f"t{number}" for number in range(19, 9, -1)]


BAD_NAME = "x<&\"'\x1b[31m\u202e]]>"


@pytest.fixture
def report() -> Report:
    before = {"a": [run(8, "a", x=P), run(7, "a", x=F)]}
    odd = Run(jid(9), "b", "web", 0.0, {"x": Result(P, 1.0), BAD_NAME: Result(E, None, f"first\n{BAD_NAME}")})
    return reported([run(9, "a", x=F, y=S), odd], ["a", "b", "gone"], before)


class TestForms:
    def test_text(self, report: Report) -> None:
        text = as_text(report)
        for part in (
            "suite web, job",
            "3 tests on 2 minions",
            "gone: no answer",
            "failed, or not the same everywhere:",
            "failing since this run:\n  x: a",
            "comes and goes:\n  x: a: 2 changes in 3 runs",
            "slowest:",
        ):
            assert part in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "every test:" in as_text(report, every=True)
        assert "all tests passed" in as_text(reported([run(9, "a", x=P)]))

    def test_text_of_many_minions(self) -> None:
        runs = [run(9, f"web{number:02}", x=F if number == 7 else P) for number in range(MAX_COLUMNS + 1)]
        assert f"  x: ok on {MAX_COLUMNS}; FAILED web07" in as_text(reported(runs))

    def test_junit_is_read_by_what_reads_it(self, report: Report) -> None:
        root = ElementTree.fromstring(as_junit(report))
        suites = {suite.get("name"): suite for suite in root}
        assert list(suites) == ["a", "b", "gone"]
        assert (suites["a"].get("tests"), suites["a"].get("failures")) == ("2", "1")
        assert next(case.get("name") for case in suites["b"]) == "x"
        error = suites["b"].find("testcase/error")
        assert error is not None
        assert "\\x1b" in str(error.text)

    def test_a_page_holds_nothing_but_text_of_minions(self, report: Report) -> None:
        page = as_page(report)
        assert "x&lt;&amp;" in page
        assert "<&" not in page
        assert "\x1b" not in page
        assert "prefers-color-scheme: dark" in page

    def test_data(self, report: Report) -> None:
        data = as_data(report)
        assert json.loads(json.dumps(data))["tests"]["x"] == {"a": F, "b": P}

    @given(st.dictionaries(st.text(max_size=20), st.sampled_from(OUTCOMES), max_size=5), st.text(max_size=20))
    def test_any_names(self, tests: dict[str, str], message: str) -> None:
        results = {name: Result(outcome, 0.1, message) for name, outcome in tests.items()}
        report = reported([Run(jid(9), "a", message, 0.0, results)])
        ElementTree.fromstring(as_junit(report))
        assert as_page(report).count("<h1>") == 1
        assert as_text(report)
