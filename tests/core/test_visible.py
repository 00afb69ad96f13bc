"""What is made visible, and what stays."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.visible import visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
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
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


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
