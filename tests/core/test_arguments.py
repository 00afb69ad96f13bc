"""Words of a command line become the values that were meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.arguments import parse_arguments, parse_value

RECORDED = json.loads((Path(__file__).parent.parent / "support/salt_answers/arguments.json").read_text())
WIDE_INT = "a number that no wire carries is the text that Salt's wire, too, makes of it"
OTHERWISE = {
    "100000000000000000000": WIDE_INT,
    "12345678901234567890123": WIDE_INT,
    "-12345678901234567890": WIDE_INT,
    "0xfffffffffffffffff": WIDE_INT,
    "k=20260131101112123456": WIDE_INT,
    "!!python/unicode a": "a tag of Python 2",
    "!!set {a} # x": "sets are no arguments, with a comment or without",
}
"""Words of which Salt makes something else, and why."""


def test_words_are_what_they_are_to_salt() -> None:
    others = set()
    for word in [*RECORDED["texts"], *RECORDED["values"]]:
        args, kwargs = parse_arguments([word])
        ours = repr([*args, {"__kwarg__": True, **kwargs}] if kwargs else args)
        if ours != RECORDED["values"].get(word, repr([word])):
            others.add(word)
    assert others == set(OTHERWISE)
    assert len(RECORDED["texts"]) + len(RECORDED["values"]) > 2000


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("None", None),
        ("[a, 1, [b]]", ["a", 1, ["b"]]),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("'12'", "12"),
        ('"a b"', "a b"),
        ("", ""),
        ("~", None),
        ("0x1F", 31),
        ("0644", 644),
        ("12:30", 750),
        ("[2026-01-31]", ["2026-01-31"]),
        (".inf", float("inf")),
        (" spaced ", "spaced"),
        ("12 # twelve", 12),
        ("100000000000000000000", "100000000000000000000"),
    ],
)
def test_yaml_values(word: str, value: Any) -> None:
    parsed = parse_value(word)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "word",
    [
        "2026-01-31",
        "2026-01-31 10:00:00",
        "1_000",
        "a: b",
        "- a",
        "#channel",
        "a #b",
        "!",
        "|",
        "!!python/object:os.system",
        "*anchor",
        "df -h",
        "[unclosed",
        "{a",
        "http://x/?a=1#b",
        "two\nlines",
        "%d",
        "@x",
        "`x`",
        "1=2",
    ],
)
def test_stays_text(word: str) -> None:
    assert parse_value(word) == word


def test_named_keywords_are_not_read() -> None:
    assert parse_arguments(["a=1", "b=1", "1"], no_parse=["a", "c"]) == ([1], {"a": "1", "b": 1})


def test_what_is_no_text_passes_as_it_is() -> None:
    assert parse_arguments([1, None, {"a": "b=c"}, ["x=1"], 20260131101112123456]) == (
        [1, None, {"a": "b=c"}, ["x=1"], "20260131101112123456"],
        {},
    )


DEEP = 20_000


def merges(levels: int) -> str:
    """Return a map of which each level merges the one within ten times over."""
    word = "{x: 1}"
    for level in range(levels):
        word = f"{{<<: [&a{level} {word}{f', *a{level}' * 9}]}}"
    return word


@pytest.mark.parametrize(
    "word",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        "{a: " * DEEP + "}" * DEEP,
        "[{a: " * DEEP,
        "- " * DEEP + "a # x",
        "? " * DEEP + "a # x",
        "[" * 26 + "]" * 26,
        "1" + ":0" * DEEP,
        "1" + ":00" * DEEP + ".5",
        "9" * DEEP,
        "0x" + "f" * DEEP,
        "[" + ", ".join(["&a0 [x, x]", *(f"&a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))]) + "]",
        "[" + ", ".join(["&a0 {x: 1}", *(f"&a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))]) + "]",
        "[" + ", ".join(["&a0 {x: 1}", *(f"&a{n} {{b: *a{n - 1}, c: *a{n - 1}}}" for n in range(1, 24))]) + "]",
        merges(11),
        "&a [*a]",
        "[&a [*a]]",
        "{a: &a {b: *a}}",
        "{a: &a {<<: *a}}",
        "[" + "x, " * 150_000 + "]",
    ],
    ids=lambda word: word[:24],
)
def test_what_would_cost_too_much_is_a_text(word: str) -> None:
    assert parse_value(word) == word


def test_keywords_are_apart() -> None:
    args, kwargs = parse_arguments(["a", "name=x", "n=3", "list=[1, 2]", "empty=", "a.b-c=1", "q='k=v'"])
    assert args == ["a"]
    assert kwargs == {"name": "x", "n": 3, "list": [1, 2], "empty": "", "a.b-c": 1, "q": "k=v"}


def test_not_keywords() -> None:
    args, kwargs = parse_arguments(["a==b", "=x", "1a=2", "-x=1", "df -h | grep x=1", "{a: 1}"])
    assert args == ["a==b", "=x", "1a=2", "-x=1", "df -h | grep x=1", {"a": 1}]
    assert kwargs == {}


@given(st.lists(st.text(max_size=40), max_size=5))
def test_never_raises(words: list[str]) -> None:
    args, kwargs = parse_arguments(words)
    assert len(args) + len(kwargs) <= len(words)


@given(st.text(min_size=1, alphabet=st.characters(categories=["L"])))
def test_letters_stay_unless_yaml_words(word: str) -> None:
    value = parse_value(word)
    if word.lower() not in {"true", "false", "yes", "no", "on", "off", "null", "none"}:
        assert value == word
