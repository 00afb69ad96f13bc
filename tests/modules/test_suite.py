"""Test suites on a host: what tests come to, by each way in which they tell it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules._suite_junit import NotJunit, junit_tests
from saltern_modules._suite_place import place
from saltern_modules._suite_row import MAX_MESSAGE_CHARACTERS, OUTCOMES, named, row
from saltern_modules._suite_tap import TapReader, looks_like_tap


def tap(text: str) -> dict[str, dict[str, Any]]:
    reader = TapReader()
    return {name: made for line in text.splitlines() for name, made in reader.line(line)} | dict(reader.end())


class TestTap:
    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("1..1\nok 1 - it starts\n", {"it starts": {"outcome": "passed"}}),
            ("ok\nnot ok\n", {"test 1": {"outcome": "passed"}, "test 2": {"outcome": "failed"}}),
            ("ok 3\n", {"test 3": {"outcome": "passed"}}),
            ("not ok 1 a # TODO later\n", {"a": {"outcome": "skipped", "message": "later"}}),
            ("ok 1 a # TODO done already\n", {"a": {"outcome": "passed"}}),
            ("ok 1 a # SKIP no disk\n", {"a": {"outcome": "skipped", "message": "no disk"}}),
            ("ok 1 a # skipped: no disk\n", {"a": {"outcome": "skipped", "message": "no disk"}}),
            ("ok 1 a \\# 7\n", {"a # 7": {"outcome": "passed"}}),
            ("1..0 # SKIP not on this host\n", {"(all)": {"outcome": "skipped", "message": "not on this host"}}),
            (
                "not ok 1 - a\n  ---\n  message: x\n  duration_ms: 1500\n  ...\n# more\nok 2 - b\n",
                {"a": {"outcome": "failed", "seconds": 1.5, "message": "message: x\nmore"}, "b": {"outcome": "passed"}},
            ),
            (
                "1..3\nok 1 a\n",
                {
                    "a": {"outcome": "passed"},
                    "(plan)": {"outcome": "error", "message": "3 tests were planned, and 1 ran"},
                },
            ),
            (
                "ok 1 a\nBail out! no disk\n",
                {"a": {"outcome": "passed"}, "(bail out)": {"outcome": "error", "message": "no disk"}},
            ),
            ("ok 1 a\nok 2 a\n", {"a": {"outcome": "passed"}, "a (2)": {"outcome": "passed"}}),
            ("    ok 1 inner\nok 1 outer\n", {"outer": {"outcome": "passed"}}),
            ("noise\nok 1 a\nokay then\n", {"a": {"outcome": "passed"}}),
        ],
    )
    def test_streams(self, text: str, rows: dict[str, Any]) -> None:
        assert tap(text) == rows

    @pytest.mark.parametrize("digits", ["9" * 5000, "\N{ARABIC-INDIC DIGIT ONE}"])
    def test_a_plan_beyond_measure_is_none(self, digits: str) -> None:
        assert tap(f"1..{digits}\nok 1 a\n") == {"a": {"outcome": "passed"}}

    def test_a_test_is_told_when_the_next_one_begins(self) -> None:
        reader = TapReader()
        assert list(reader.line("ok 1 a")) == []
        assert list(reader.line("ok 2 b")) == [("a", {"outcome": "passed"})]

    @pytest.mark.parametrize("line", ["TAP version 13", "1..4", "ok 1", "not ok", "ok 1 - x"])
    def test_what_looks_like_one(self, line: str) -> None:
        assert looks_like_tap(line)
        assert not looks_like_tap(f"x{line}")
        assert not looks_like_tap("okay")

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        assert all(made["outcome"] in OUTCOMES for made in tap(text).values())


def junit(*cases: str) -> bytes:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>".encode()


class TestJunit:
    @pytest.mark.parametrize(
        ("case", "name", "made"),
        [
            ('<testcase classname="a.B" name="t" time="0.25"/>', "a.B::t", {"outcome": "passed", "seconds": 0.25}),
            ('<testcase name="t"><failure>x</failure></testcase>', "t", {"outcome": "failed", "message": "x"}),
            ('<testcase name="t"><error/></testcase>', "t", {"outcome": "error"}),
            ('<testcase name="t"><skipped message="no"/></testcase>', "t", {"outcome": "skipped", "message": "no"}),
            ('<testcase name="t" time="1,250.5"/>', "t", {"outcome": "passed", "seconds": 1250.5}),
            ('<testcase name="t" time="nan"/>', "t", {"outcome": "passed"}),
            ('<testcase name="t" time="-1"><system-out>x</system-out></testcase>', "t", {"outcome": "passed"}),
            ("<testcase/>", "(unnamed)", {"outcome": "passed"}),
        ],
    )  # fmt: skip
    def test_cases(self, case: str, name: str, made: dict[str, Any]) -> None:
        assert dict(junit_tests(junit(case))) == {name: made}

    def test_names_are_there_once_and_suites_may_be_in_each_other(self) -> None:
        data = b'<testsuite><testsuite><testcase name="t"/></testsuite><testcase name="t"/></testsuite>'
        assert [name for name, _ in junit_tests(data)] == ["t", "t (2)"]

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"", "no XML"),
            (b"<html/>", "begins with <html>"),
            (b'<!DOCTYPE x [<!ENTITY a "b">]><testsuites>&a;</testsuites>', "document type"),
            (b'<testsuites><!ENTITY a "b"></testsuites>', "document type"),
            ('<!DOCTYPE x [<!ENTITY a "b">]><testsuites>&a;</testsuites>'.encode("utf-16"), "no UTF-8"),
        ],
    )
    def test_what_is_none(self, data: bytes, why: str) -> None:
        with pytest.raises(NotJunit, match=why):
            list(junit_tests(data))

    @given(st.binary() | st.text().map(lambda text: junit(f"<testcase name={quoteattr(text)}/>")))
    def test_any_bytes(self, data: bytes) -> None:
        with contextlib.suppress(NotJunit):
            assert all(made["outcome"] in OUTCOMES for _, made in junit_tests(data))


def test_a_row_is_bounded_and_keeps_the_end() -> None:
    made = row("failed", 1.23456, "x" * 5000 + "the end")
    assert made["seconds"] == 1.2346
    assert made["message"].endswith("the end")
    assert len(made["message"]) == MAX_MESSAGE_CHARACTERS + 2
    assert named(" a\n b ") == "a b"
    assert named("", {"(unnamed)"}) == "(unnamed) (2)"


@pytest.fixture
def suite(minion: Any, agent: Any, tmp_path: Path) -> Any:
    minion.functions["cp.list_master"] = lambda saltenv, prefix: sorted(
        name for name in agent.files if name.startswith(prefix)
    )

    def cached(url: str, saltenv: str) -> Any:
        data = agent.files.get(url.removeprefix("salt://"))
        if data is None:
            return False
        path = tmp_path / "cached"
        path.write_bytes(data)
        return str(path)

    minion.functions["cp.cache_file"] = cached
    return minion.load("suite")


@pytest.fixture
def run(suite: Any) -> Callable[..., dict[str, Any]]:
    def run(*args: Any, **kwargs: Any) -> dict[str, Any]:
        rows: dict[str, Any] = {}
        for told in suite.run(*args, **kwargs):
            rows.update(told)
        return rows

    return run


Run = Callable[..., dict[str, Any]]


class TestCommands:
    @pytest.mark.parametrize(
        ("command", "outcome", "retcode"),
        [
            ("true", "passed", None),
            ("sh -c 'echo no disk; exit 77'", "skipped", None),
            ("sh -c 'echo bad; exit 3'", "failed", 1),
        ],
    )
    def test_one_program_is_one_test(
        self, run: Run, suite: Any, command: str, outcome: str, retcode: int | None
    ) -> None:
        (name, made), *others = run(command).items()
        assert (made["outcome"], others) == (outcome, [])
        assert suite.__context__.get("retcode") == retcode
        assert name.split()[0] == command.split()[0]
        assert outcome == "passed" or made["message"]

    def test_tap_is_known_by_its_first_line(self, run: Run, suite: Any) -> None:
        rows = run("printf '\\n1..2\\nok 1 a\\nnot ok 2 b\\n'")
        assert {name: made["outcome"] for name, made in rows.items()} == {"a": "passed", "b": "failed"}
        assert suite.__context__["retcode"] == 1

    def test_a_last_line_without_its_end(self, run: Run) -> None:
        assert list(run("printf 'ok 1 a\\nok 2 b'")) == ["a", "b"]

    def test_tap_that_ends_badly(self, run: Run) -> None:
        rows = run("sh -c 'echo ok 1 a; exit 9'")
        assert rows["(suite)"]["message"] == "ok 1 a\nexit code 9"

    def test_tests_are_told_as_they_end(self, suite: Any, tmp_path: Path) -> None:
        go = tmp_path / "go"
        script = f"echo ok 1 a; echo ok 2 b; while [ ! -e {go} ]; do sleep 0.02; done; echo ok 3 c"
        told = suite.run(f"sh -c '{script}'")
        assert next(told) == {"a": {"outcome": "passed"}}
        go.touch()
        assert [list(one) for one in told] == [["b"], ["c"]]

    def test_a_report_that_is_no_file_keeps_nobody_waiting(self, run: Run, tmp_path: Path) -> None:
        """Who runs the tests may be another user: a pipe hangs for ever, and a device has no end."""
        os.mkfifo(tmp_path / "pipe.xml")
        (tmp_path / "zero.xml").symlink_to("/dev/zero")
        rows = run("true", junit=f"{tmp_path}/*.xml")
        assert sorted(rows) == ["pipe.xml", "zero.xml"]
        assert all("no regular file" in row["message"] for row in rows.values())

    def test_reports_in_junits_xml(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "report.xml").write_bytes(junit('<testcase name="t"/>'))
        (tmp_path / "other.xml").write_text("none")
        rows = run("false", junit=f"{tmp_path}/*.xml")
        assert rows["t"] == {"outcome": "passed"}
        assert "no XML" in rows["other.xml"]["message"]
        assert "no report matches" in run("false", junit=f"{tmp_path}/none/*.xml")["(suite)"]["message"]

    def test_time_environment_and_place(self, run: Run, agent: Any, tmp_path: Path) -> None:
        assert run("sleep 30", timeout=0.1)["sleep 30"]["message"] == "the suite's time was over"
        assert len(agent.children) == 0
        rows = run("sh -c 'echo \"ok 1 $WORD $(pwd)\"'", env={"WORD": 7}, cwd=str(tmp_path))
        assert list(rows) == [f"7 {tmp_path}"]

    @pytest.mark.parametrize(
        ("kwargs", "why"),
        [
            ({"source": "nosuch-program"}, "there is no such program$"),
            ({"source": ""}, "source must be"),
            ({"source": "'x"}, "is no command"),
            ({"source": "true", "kind": "other"}, "kind must be one of"),
            ({"source": "true", "timeout": 0}, "above 0"),
            ({"source": "salt://none"}, "has no salt://none"),
            ({"source": "true", "runas": "no-such-user"}, "is not available"),
        ],
    )
    def test_what_can_not_be_begun_is_named(self, run: Run, kwargs: dict[str, Any], why: str) -> None:
        with pytest.raises((CommandError, ArgumentError), match=why):
            run(**kwargs)


TESTS = b"""
import pytest, os
def test_ok(): assert os.path.exists("data/x")
def test_bad(): assert 1 == 2, "that is so"
@pytest.mark.skip(reason="not here")
def test_skip(): pass
@pytest.fixture
def broken(): raise RuntimeError("no fixture")
def test_error(broken): pass
class TestIt:
    @pytest.mark.parametrize("x", ["a b"])
    def test_many(self, x): pass
"""


class TestFolders:
    def test_pytest(self, run: Run, suite: Any, agent: Any, minion: Any) -> None:
        agent.files = {
            "suites/web/test_a.py": TESTS,
            "suites/web/data/x": b"",
            "suites/web/sub/test_b.py": b"def test_c(): pass",
        }
        rows = run("salt://suites/web")
        outcomes = {name: made["outcome"] for name, made in rows.items()}
        assert outcomes == {
            "test_a.py::test_ok": "passed",
            "test_a.py::test_bad": "failed",
            "test_a.py::test_skip": "skipped",
            "test_a.py::test_error": "error",
            "test_a.py::TestIt::test_many[a b]": "passed",
            "sub/test_b.py::test_c": "passed",
        }
        assert "that is so" in rows["test_a.py::test_bad"]["message"]
        assert rows["test_a.py::test_ok"]["seconds"] >= 0
        assert suite.__context__["retcode"] == 1
        assert os.listdir(Path(minion.opts["cachedir"]) / "suites") == []

    def test_a_pytest_that_overstays_its_time(self, run: Run, agent: Any) -> None:
        agent.files = {"s/test_a.py": b"import time\ndef test_a(): pass\ndef test_b(): time.sleep(60)\n"}
        rows = run("salt://s", timeout=5)
        assert rows["(suite)"]["outcome"] == "error"
        assert "time was over" in rows["(suite)"]["message"]

    def test_a_pytest_that_breaks(self, run: Run, agent: Any) -> None:
        agent.files = {"s/test_a.py": b"import no_such_library\n"}
        rows = run("salt://s")
        assert {made["outcome"] for made in rows.values()} == {"error"}
        assert "no_such_library" in str(rows)

    def test_programs(self, run: Run, agent: Any) -> None:
        agent.files = {
            "s/a": b"#!/bin/sh\necho 1..1; echo ok 1 here",
            "s/b": b"#!/bin/sh\nexit 1",
            "s/c": b"#!/no/such/interpreter",
            "s/README": b"no test",
        }
        rows = run("salt://s/")
        assert {name: made["outcome"] for name, made in rows.items()} == {
            "a: here": "passed",
            "b": "failed",
            "c": "error",
        }
        assert run("salt://s/b")["b"]["message"] == "exit code 1"
        with pytest.raises(CommandError, match="is no test: it has no #! line"):
            run("salt://s/README")

    def test_nothing_to_run_is_no_success(self, run: Run, suite: Any, agent: Any) -> None:
        agent.files = {"s/README": b"no test"}
        assert run("salt://s") == {"(suite)": {"outcome": "error", "message": "there are no tests in it"}}
        assert suite.__context__["retcode"] == 1

    def test_what_is_run_is_there_for_its_user_alone(self, run: Run, agent: Any) -> None:
        agent.files = {"s/a": b"#!/bin/sh\necho ok 1 $(stat -c %a. .. . a | tr -d '\\n')"}
        assert list(run("salt://s")) == ["a: 700.700.700."]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_what_a_killed_run_left_goes_with_the_next_one_and_what_runs_stays(tmp_path: Path) -> None:
    killed = (
        "import os, sys; from saltern_modules._suite_place import place\n"
        "with place(sys.argv[1], None) as folder:\n"
        "    open(folder + '/big', 'w').close(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", killed, str(tmp_path)], check=False).returncode == -9
    (left,) = (tmp_path / "suites").iterdir()
    with place(str(tmp_path), None) as one:
        assert not left.exists()
        with place(str(tmp_path), None) as other:
            assert sorted(str(path) for path in (tmp_path / "suites").iterdir()) == sorted([one, other])
    assert list((tmp_path / "suites").iterdir()) == []


def test_another_users_suite(run: Run, agent: Any, minion: Any, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o111)
    Path(minion.opts["cachedir"]).mkdir(parents=True)
    Path(minion.opts["cachedir"]).chmod(0o711)
    agent.files = {"s/deep/x": b"1", "s/a": b"#!/bin/sh\necho ok 1 $(id -un) $(cat deep/x) && echo y > deep/x"}
    assert list(run("salt://s", runas="nobody")) == ["a: nobody 1"]


def test_pytest_is_asked_for_when_it_is_missing(run: Run, agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.files = {"s/test_a.py": b""}
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CommandError, match="has no pytest: install it"):
        run("salt://s", env={"PATH": "/nonexistent"})
