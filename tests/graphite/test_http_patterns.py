"""Regular expressions of users: as Python's, and never for long."""

from __future__ import annotations

import re
import threading
import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError
from saltern_graphite.functions.patterns import Pattern, compiled

TERRIBLE = [
    (r"(?:a|aa)+$", "a" * 80 + "b"),
    (r"(.*?,){25}P", "1," * 60),
    (r"(?:.*a){30}$", "a" * 200 + "b"),
]


@pytest.mark.parametrize(("pattern", "text"), TERRIBLE)
def test_a_catastrophe_ends_in_time(pattern: str, text: str) -> None:
    bounded = Pattern("search", regex.compile(pattern), seconds=0.2)
    with pytest.raises(FunctionError, match=r"search .* takes over 0.2 s to match"):
        _search_often(bounded, text)
    with pytest.raises(FunctionError):  # its time is used up
        bounded.sub("x", "a")


def _search_often(pattern: Pattern, text: str) -> None:
    for _ in range(10_000):
        pattern.search(text)


def test_others_go_on_meanwhile() -> None:
    """The interpreter's lock is free while a long match runs."""
    pattern, text = TERRIBLE[0]
    bounded = Pattern("search", regex.compile(pattern), seconds=1.0)
    failed: list[Exception] = []

    def match() -> None:
        try:
            bounded.search(text)
        except FunctionError as error:
            failed.append(error)

    thread = threading.Thread(target=match)
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.001)
        turns += 1
    thread.join()
    assert failed
    assert turns > 2  # with the lock held there are one or two: before it and after


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "pattern '(' is no regular expression: missing ), unterminated subpattern at position 0"),
        ("*", "nothing to repeat"),
        ("[a", "unterminated character set"),
        (r"\p{L}", r"bad escape \p"),
        ("a{99999999999}", "the repetition number is too large"),
        ("x" * 1001, "pattern is 1001 characters long: 1000 are allowed"),
    ],
)
def test_what_is_no_pattern(pattern: str, words: str) -> None:
    with pytest.raises(FunctionError) as caught:
        compiled("pattern", pattern)
    assert words in str(caught.value)


@pytest.mark.parametrize("replacement", ["\\2", "\\g<x>", "\\g<", "\\q"])
def test_what_does_not_replace(replacement: str) -> None:
    with pytest.raises(re.error):
        compiled("search", "(a)").sub(replacement, "a")
    with pytest.raises((re.error, IndexError)):
        re.sub("(a)", replacement, "a")


ATOMS = st.sampled_from(
    ["a", "b", ".", r"\.", r"\d", r"\w", "[ab]", "[^.]", "[a-c1-3]", "(a)", "(?:b)", "(a|b)", "^", "$", r"\b", "-", "é"]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "*?", "+?", "{2}", "{1,3}", "{,2}"])
PATTERNS = st.lists(st.tuples(ATOMS, REPEATS).map("".join), min_size=1, max_size=5).map("".join)
NAMES = st.text("ab.c1-é\n", max_size=12)


@given(PATTERNS, NAMES, st.sampled_from(["x", "", r"<\g<0>>", r"\\", r"\n"]))
def test_it_matches_as_python_does(pattern: str, name: str, replacement: str) -> None:
    try:
        expected = re.compile(pattern)
    except re.error:
        with pytest.raises(FunctionError):
            compiled("search", pattern)
        return
    ours = compiled("search", pattern)
    found, wanted = ours.search(name), expected.search(name)
    assert (found and found.span()) == (wanted and wanted.span())
    assert (found and found.groups()) == (wanted and wanted.groups())
    assert (ours.match(name) is None) == (expected.match(name) is None)
    assert ours.sub(replacement, name) == expected.sub(replacement, name)
