"""The collector logs: files that grow, are rotated, truncated, or aren't there, followed as tail -F does."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_modules.collectors import logs
from saltern_modules.collectors.explained import unnamed
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source
from support.trees import fault_of


class Watched:
    """A log file and the collector that follows it."""

    def __init__(self, path: Path, *patterns: str, **more: Any) -> None:
        self.path = path
        self.collector = logs.Logs(Source(), {"files": {str(path): list(patterns)}, **more})
        self.now = 0.0

    def sample(self) -> dict[str, Any]:
        self.now += 10.0
        found: dict[str, Any] = self.collector.collect(self.now)[segment(str(self.path))]
        return found

    def write(self, text: str) -> None:
        with open(self.path, "a") as file:
            file.write(text)


def test_only_what_is_written_from_now_on_counts(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("ERROR old\n")
    log = Watched(tmp_path / "a.log", "ERROR", "slow=took*ms")
    assert log.sample() == {
        "readable": 1,
        "behind_bytes": 0,
        "lines": 0,
        "bytes": 0,
        "matches": {"ERROR": {"lines": 0}, "slow": {"lines": 0}},
    }
    log.write("ERROR one ERROR\nfine\nit took 99 ms\nERROR it took 7 ms\nhalf an ERR")
    second = log.sample()
    assert (second["lines"], second["lines_per_s"]) == (4, 0.4)
    assert second["matches"] == {
        "ERROR": {"lines": 2, "lines_per_s": 0.2},
        "slow": {"lines": 2, "lines_per_s": 0.2},
    }
    log.write("OR\n")
    assert log.sample()["matches"]["ERROR"]["lines"] == 3
    assert not list(unnamed("logs", {"a": second}))


def test_a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log", "x")
    log.write("x1\n")
    assert log.sample()["lines"] == 1, "it came later, so it is read from its beginning"
    log.path.rename(tmp_path / "a.log.1")
    with open(tmp_path / "a.log.1", "a") as old:
        old.write("x2\nx3 is not ended")
    log.write("x4\n")
    found = log.sample()
    assert (found["lines"], found["matches"]["x"]["lines"]) == (4, 4)


def test_a_writer_that_has_not_reopened_yet_is_still_read(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log")
    log.write("1\n")
    log.sample()
    log.path.rename(tmp_path / "a.log.1")
    with open(tmp_path / "a.log.1", "a") as old:
        old.write("2\n")
    found = log.sample()
    assert (found["lines"], found["readable"]) == (2, 1)
    log.write("3\n")
    assert log.sample()["lines"] == 3


def test_a_deleted_file_is_let_go(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log")
    log.write("1\n")
    log.sample()
    with open(log.path, "a") as writer:
        writer.write("2\n")
        log.path.unlink()
    found = log.sample()
    assert (found["lines"], found["readable"]) == (2, 0)
    assert log.collector._followed[segment(str(log.path))].descriptor is None
    log.write("3\n")
    assert log.sample()["lines"] == 3


def test_a_truncated_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log")
    log.write("a long line\nnot ended")
    log.sample()
    os.truncate(log.path, 0)
    log.write("new\n")
    found = log.sample()
    assert (found["lines"], found["bytes"]) == (2, len("a long line\nnew\n"))


def test_a_file_that_is_missing_or_none_is_not_readable(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log")
    assert log.sample()["readable"] == 0
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert Watched(tmp_path / "pipe").sample()["readable"] == 0
    assert Watched(tmp_path / "folder").sample()["readable"] == 0


def test_a_sample_reads_so_much_and_says_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 10)
    log = Watched(tmp_path / "a.log")
    log.write("12345\n" * 4)
    counts = [(found["lines"], found["behind_bytes"]) for found in (log.sample() for _ in range(3))]
    assert counts == [(1, 14), (3, 4), (4, 0)]


def test_a_rotated_file_that_is_behind_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 10)
    log = Watched(tmp_path / "a.log")
    log.write("12345\n" * 4)
    log.sample()
    log.path.rename(tmp_path / "a.log.1")
    log.write("new\n")
    assert [log.sample()["bytes"] for _ in range(3)][-1] == 4 * 6 + 4


def test_a_line_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_LINE_BYTES", 10)
    log = Watched(tmp_path / "a.log", "x")
    log.write("x" * 11)
    assert log.sample()["lines"] == 1
    assert log.collector._followed[segment(str(log.path))]._rest == b""


def test_a_file_may_be_given_a_name(tmp_path: Path) -> None:
    collector = logs.Logs(Source(), {"files": {f"web={tmp_path}/a.log": []}})
    (tmp_path / "a.log").write_text("one\n")
    assert collector.collect(1.0)["web"]["lines"] == 1


def test_case_may_be_ignored(tmp_path: Path) -> None:
    log = Watched(tmp_path / "a.log", "Error", ignore_case=True)
    log.write("an ERROR\nan error\nnone\n")
    assert log.sample()["matches"]["Error"]["lines"] == 2


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        ("b", "abc", True),
        ("*b*", "abc", True),
        ("a*c", "abc", True),
        ("c*a", "abc", False),
        ("a*a", "aba", True),
        ("ab*b", "ab", False),
        ("[error]", "x [error] y", True),
        ("a?c", "abc", False),
        ("Дом", "в Доме", True),
    ],
)
def test_patterns(pattern: str, line: str, expected: bool) -> None:
    assert logs.count(f"other\n{line}\nother\n".encode(), logs.parts_of(pattern)) == expected


@given(
    lines=st.lists(st.text(alphabet="ab", max_size=6), max_size=8),
    pattern=st.text(alphabet="ab*", min_size=1, max_size=5).filter(lambda text: text.strip("*")),
)
def test_a_pattern_counts_as_the_plain_way_does(lines: list[str], pattern: str) -> None:
    import re

    plain = re.compile(".*".join(map(re.escape, pattern.split("*"))))
    data = "".join(f"{line}\n" for line in lines).encode()
    assert logs.count(data, logs.parts_of(pattern)) == sum(bool(plain.search(line)) for line in lines)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.log": []}, "'a.log' is no whole path"),
        ({"/var/log/nothing-*.log": []}, "is a pattern, and each file must be named"),
        ({"/a": [""]}, "holds an empty entry"),
        ({"a=/b": [], "a=/c": []}, "would both be called 'a'"),
        ({"/a": ["*"]}, "fits every line or none"),
        ({"/a": ["x", "x"]}, "would both be called 'x'"),
        ({f"/{n}": [] for n in range(51)}, "may name 50 at most"),
        ({"/a": "x"}, "must be a dict of lists such as"),
        (["/a"], "must be a dict of lists such as"),
    ],
)
def test_a_wrong_option_is_one_clear_line(tmp_path: Path, files: Any, message: str) -> None:
    fault = fault_of(tmp_path, {"logs": {"files": files}})
    assert re.search(f"stats: logs: files.*{message}", fault)
    assert "\n" not in fault
