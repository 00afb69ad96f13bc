"""What devices answer in text, as values."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _ssh_text as text
from saltern_modules._ssh_command import DeclaredCommand, filled

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.text(alphabet=st.characters(exclude_characters="[{")), VALUES, st.text())
def test_json_is_cut_out_of_text(before: str, value: Any, after: str) -> None:
    wanted = {"value": value}
    assert text.cut_json(before + json.dumps(wanted) + after) == wanted


@given(st.text())
@example("[" * 5000)
@example('{"a": ' * 2000)
@example("1e999")
@example("[1] and more [2]")
def test_any_text_is_json_or_an_error(said: str) -> None:
    with contextlib.suppress(CommandError):
        assert isinstance(text.cut_json(said), dict | list | str | int | float | None)


def test_text_that_is_made_to_be_slow_is_given_up() -> None:
    with pytest.raises(CommandError, match="no JSON"):
        text.cut_json("[" * 900 + "1," * 500_000)
    assert text.keys("a:" + " " * 500_000 + "x") == {"a": "x"}
    assert text.keys("a" + " " * 500_000 + ":") == {}
    assert text.bare("\x1b[" + "0" * 500_000 + "\x1b]" * 1000)


def test_text_within_braces_is_passed_over() -> None:
    assert text.cut_json('{Cmd} [x] {"a": [1]}\n(Cmd)') == {"a": [1]}
    assert text.cut_json(' "all of it" ') == "all of it"
    assert text.cut_json("[1] and more [2]") == [1]


@given(st.text(), st.sampled_from(text.KINDS))
def test_any_text_is_read_or_refused(said: str, kind: str) -> None:
    try:
        text.parsed(text.bare(said), kind)
    except CommandError:
        assert kind == "json"


WORDS = st.text(st.sampled_from("aZ09-_()/"), min_size=1, max_size=10)


@given(st.dictionaries(st.lists(WORDS, min_size=1, max_size=3).map(" ".join), WORDS))
def test_keys_come_back(told: dict[str, str]) -> None:
    assert text.keys("\n".join(f"{name}: {value}" for name, value in told.items())) == told


def test_lines_of_keys_and_values() -> None:
    said = "MemTotal:   10 kB\n  Serial Number = A:1 \n\nno key\nTime: 10:30:00\n: nothing\n"
    assert text.keys(said) == {"MemTotal": "10 kB", "Serial Number": "A:1", "Time": "10:30:00"}


def test_tables_by_places_and_by_blanks() -> None:
    by_place = (
        "Interface    Status  Last change\n"
        "-----------  ------  -----------\n"
        "Gi0/1        up      2 days ago\n"
        "Gi0/2                never\n"
    )
    assert text.table(by_place) == [
        {"Interface": "Gi0/1", "Status": "up", "Last change": "2 days ago"},
        {"Interface": "Gi0/2", "Status": "", "Last change": "never"},
    ]
    by_blank = "USER PID COMMAND\nroot 1 /sbin/init splash\nme 22\n"
    assert text.table(by_blank) == [
        {"USER": "root", "PID": "1", "COMMAND": "/sbin/init splash"},
        {"USER": "me", "PID": "22", "COMMAND": ""},
    ]
    assert text.table("\n---\n") == []


def test_patterns_give_what_their_groups_hold() -> None:
    said = "a=1 b=2"
    assert text.matches(said, r"\w=\d") == ["a=1", "b=2"]
    assert text.matches(said, r"\w=(\d)") == ["1", "2"]
    assert text.matches(said, r"(\w)=(\d)") == [["a", "1"], ["b", "2"]]
    assert text.matches(said, r"(?P<name>\w)=(?P<value>\d)")[1] == {"name": "b", "value": "2"}


def test_what_steers_a_terminal_is_left_out() -> None:
    assert text.bare("\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07x\x1b(B\0") == "red\nx"
    assert text.bare("one\r\n--More--" + "\b" * 8 + " " * 8 + "\b" * 8 + "two\b\b\b\b\b\b") == "one\n"


@pytest.mark.parametrize("said", ["Büro ✓".encode(), b"", b"plain"])
def test_utf8_is_read_as_that(said: bytes) -> None:
    assert text.decoded(said) == said.decode()
    assert text.decoded("Büro".encode("latin-1")) == "Büro"


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        ({"a": {"b": [1, 2]}}, ("a", "b", "1"), 2),
        ({"a": [1]}, ("a", "-1"), 1),
        ({"a": [1]}, ("a", "1"), None),
        ({"a": [1]}, ("a", "x"), None),
        ("text", ("a",), None),
        ("text", (), "text"),
    ],
)
def test_members_go_by_their_path(value: Any, path: tuple[str, ...], found: Any) -> None:
    assert text.value_at(value, path) == found


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("42 kB", 42),
        ("-1.5e3%", -1500),
        (".5", 0.5),
        ("x1", None),
        (True, 1),
        (None, None),
        (float("nan"), None),
        ("١", None),
    ],
)
def test_numbers_are_what_a_text_begins_with(value: Any, number: Any) -> None:
    assert text.number(value) == number


@given(st.text(min_size=1, max_size=50))
@example("a'; reboot #")
def test_no_argument_is_more_than_one_word(value: str) -> None:
    command = DeclaredCommand("run {name} now")
    try:
        line = filled("c", command, {"name": value}, quotes=True)
    except ArgumentError:
        return
    assert shlex.split(line) == ["run", value, "now"]
    try:
        assert filled("c", command, {"name": value}, quotes=False) == f"run {value} now"
    except ArgumentError:
        return
    assert set(value) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-")
