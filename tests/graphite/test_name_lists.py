"""Which names are let in: Carbon's two lists, re-read when they change, and asked once for each name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.rules.name_lists import BLACKLISTED, NOT_WHITELISTED, NameLists, parse_list
from saltern_graphite.store.names import Names, Refusals


def write(conf: Path, name: str, text: str) -> None:
    """Write a list so that its stamp changes even within the clock's tick."""
    path = conf / name
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_without_files_everything_passes(tmp_path: Path) -> None:
    lists = NameLists(str(tmp_path / "absent"))
    lists.reload()
    assert lists.refuse("a.b") is None
    assert lists.problems == []


def test_a_pattern_that_python_warns_of_means_what_it_did() -> None:
    read = parse_list("[[ab]\n", "whitelist.conf")
    assert [read.finds(name) for name in ("[", "a", "c")] == [True, True, False]
    assert not read.problems


def test_the_blacklist_goes_first_and_patterns_are_searched(tmp_path: Path) -> None:
    write(tmp_path, "blacklist.conf", "# no numbers\n\n  \\.\\d+$  \n")
    write(tmp_path, "whitelist.conf", "^servers\\.\nload\n")
    lists = NameLists(str(tmp_path))
    lists.reload()
    assert lists.refuse("servers.web1") is None
    assert lists.refuse("the.load.of") is None
    assert lists.refuse("servers.web1.5") == BLACKLISTED
    assert lists.refuse("other") == NOT_WHITELISTED
    assert lists.refuse("other.5") == BLACKLISTED


def test_an_empty_whitelist_lets_everything_in(tmp_path: Path) -> None:
    write(tmp_path, "whitelist.conf", "# nothing yet\n")
    lists = NameLists(str(tmp_path))
    lists.reload()
    assert lists.refuse("a") is None


def test_a_bad_pattern_is_one_line_and_the_rest_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "blacklist.conf", "# x\n*oops\n^bad\\.\n")
    lists = NameLists(str(tmp_path))
    lists.reload()
    lists.reload()
    assert lists.refuse("bad.one") == BLACKLISTED
    assert lists.refuse("good") is None
    (told,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told.startswith(f"{tmp_path}/blacklist.conf:2: '*oops' is no regular expression: ")
    assert [str(problem) + "; the line is left out" for problem in lists.problems] == [told]


def test_what_changed_is_read_again_and_said_once(tmp_path: Path) -> None:
    told: list[str] = []
    lists = NameLists(str(tmp_path), lambda: told.append("changed"))
    lists.reload()
    assert told == []
    write(tmp_path, "blacklist.conf", "a")
    lists.reload()
    lists.reload()
    assert (told, lists.refuse("a")) == (["changed"], BLACKLISTED)
    write(tmp_path, "blacklist.conf", "a")  # touched, but the same
    lists.reload()
    assert told == ["changed"]
    write(tmp_path, "blacklist.conf", "b")
    lists.reload()
    assert (told, lists.refuse("a")) == (["changed"] * 2, None)
    (tmp_path / "blacklist.conf").unlink()
    lists.reload()
    assert (told, lists.refuse("b")) == (["changed"] * 3, None)


def test_a_file_that_can_not_be_read_stays_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "blacklist.conf", "a")
    lists = NameLists(str(tmp_path))
    lists.reload()
    (tmp_path / "blacklist.conf").write_bytes(b"\xff\xfe")
    lists.reload()
    lists.reload()
    assert lists.refuse("a") == BLACKLISTED
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told == [f"{tmp_path}/blacklist.conf: can't be read: not UTF-8; the last list stays in force"]
    os.unlink(tmp_path / "blacklist.conf")
    (tmp_path / "blacklist.conf").mkdir()
    lists.reload()
    assert lists.refuse("a") == BLACKLISTED
    assert "Is a directory" in str(lists.problems[0])


def test_the_table_of_names_asks_once_and_forgets_on_change(tmp_path: Path) -> None:
    asked: list[str] = []
    lists = NameLists(str(tmp_path))

    def refuse(name: str) -> str | None:
        asked.append(name)
        return lists.refuse(name)

    names = Names(refuse)
    lists.on_change = names.check_again
    for _ in range(3):
        _, good = names.numbers(["a.b", "c"], Refusals())
        assert good is None
    assert asked == ["a.b", "c"]
    write(tmp_path, "blacklist.conf", "^c$")
    lists.reload()
    refusals = Refusals()
    for _ in range(3):
        _, good = names.numbers(["a.b", "c"], refusals)
        assert good is not None
        assert good.tolist() == [True, False]
    assert (refusals.counts, refusals.samples) == ({BLACKLISTED: 3}, {BLACKLISTED: "c"})
    (tmp_path / "blacklist.conf").unlink()
    lists.reload()
    assert names.numbers(["a.b", "c"], Refusals())[1] is None


@given(st.text(max_size=80))
def test_any_text_gives_patterns_and_problems(text: str) -> None:
    read = parse_list(text, "x.conf")
    lines = [line for line in text.split("\n") if line.strip() and not line.strip().startswith("#")]
    assert len(read.patterns) + len(read.problems) == len(lines)
    assert all("\n" not in str(problem) for problem in read.problems)
