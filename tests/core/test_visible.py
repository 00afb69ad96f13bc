"""What is made visible, and what stays."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern.visible import shown, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("wörld ☃ 日本 👩\u200d🚀", "wörld ☃ 日本 👩\u200d🚀"),
        ("مى\u200cخواهم", "مى\u200cخواهم"),
        ("a\tb", "a\tb"),
        ("a\nb\r\n", r"a\nb\r\n"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J\x7f\x85", r"\x9b2J\x7f\x85"),
        ("user\u202etxt.exe\u2069", r"user\u202etxt.exe\u2069"),
        ("a\u2028b\u2029\ufeff\u200b\u061c", r"a\u2028b\u2029\ufeff\u200b\u061c"),
        ("\u200ea\u200f", r"\u200ea\u200f"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ],
)
def test_visible(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("one", ["one"]),
        ("one\n", ["one"]),
        ("\n", [""]),
        ("one\r\ntwo\n\nthree", ["one", "two", "", "three"]),
        ("10%\r20%\x0c\u2028", [r"10%\r20%\x0c\u2028"]),
    ],
)
def test_visible_lines(text: str, lines: list[str]) -> None:
    assert visible_lines(text) == lines


BIDI_CONTROLS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


@pytest.mark.parametrize("plane", range(17))
def test_every_character_there_is(plane: int) -> None:
    """Controls of all kinds, halves of pairs and separators are escaped; letters, marks and signs aren't."""
    for character in map(chr, range(plane << 16, (plane + 1) << 16)):
        kind = unicodedata.category(character)
        if kind in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in BIDI_CONTROLS:
            assert character == "\t" or visible(character).isascii()
        elif kind not in ("Cf", "Cn"):
            assert visible(character) == character


@given(st.text(st.characters(codec=None)))
def test_what_is_visible_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert visible_lines(shown) == ([shown] if shown else [])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((None, "None"), (1.5, "1.5"), ("a\n", "'a\\n'"), ([], "[]"), ({}, "{}"), ((1, 2), "[1, 2]")),
        *(([1, 2, 3, 4, 5], "[1, 2, 3, 4, …]"), ({"a": [1, [2, [3]]], 2: b"x"}, "{'a': [1, […]], 2: b'x'}")),
        *(("x" * 100, "'" + "x" * 19), (b"x" * 100, "b'" + "x" * 18), (["x" * 50], "['" + "x" * 18)),
        *((Secret("hunter2"), "***"), ({"password": Secret("hunter2")}, "{'password': ***}"[:20])),
    ],
)
def test_a_value_is_shown_by_its_beginning(value: object, text: str) -> None:
    assert shown(value, 20 if len(text) == 20 else 60) == text


def test_what_showing_costs_doesnt_follow_from_the_value() -> None:
    class Large(list[int]):
        def __iter__(self) -> Iterator[int]:
            for number in range(20):
                assert number < 10, "looked at more than is shown"
                yield number

    assert shown([Large([0] * 20)], 60) == "[[0, 1, 2, 3, …]]"
