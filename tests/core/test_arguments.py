"""Words of a command line become the values that were meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.arguments import parse_arguments, parse_value


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
        ("None", "None"),
        ("[a, 1, [b]]", ["a", 1, ["b"]]),
        ("{a: 1, b: [x]}", {"a": 1, "b": ["x"]}),
        ("'12'", "12"),
        ('"a b"', "a b"),
        ("", ""),
        ("~", None),
        ("0x1F", 31),
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
        "[2026-01-31]",
        "10:30",
        "0644",
        "1_000",
        "a: b",
        "- a",
        "#channel",
        "a #b",
        "12 # twelve",
        "!",
        "|",
        "!!python/object:os.system",
        "*anchor",
        "df -h",
        "[unclosed",
        "{a",
        "http://x/?a=1#b",
        ".inf",
        ".nan",
        "  spaced",
        "two\nlines",
        "%d",
        "@x",
        "`x`",
        "1=2",
    ],
)
def test_stays_text(word: str) -> None:
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
    if word.lower() not in {"true", "false", "yes", "no", "on", "off", "null"}:
        assert value == word
