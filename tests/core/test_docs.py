"""``saltern -d``: which documentation is meant, and that each function is told once."""

from __future__ import annotations

import pytest

from saltern.cli.docs import asked_for, merged


@pytest.mark.parametrize(
    ("words", "has_kind", "meant"),
    [
        ([], False, ("*", [])),
        (["*"], False, ("*", ["*"])),
        (["test"], False, ("*", ["test"])),
        (["test.ping"], False, ("*", ["test.ping"])),
        (["web01", "test"], False, ("web01", ["test"])),
        (["*", "test.echo", "hi", "a=b"], False, ("*", ["test.echo"])),
        (["*", "test.echo,cmd.run", "hi", ","], False, ("*", ["test.echo", "cmd.run"])),
        (["*", "sys.doc"], False, ("*", [])),
        (["*", "sys.doc", "test", "cmd.run"], False, ("*", ["test", "cmd.run"])),
        (["os:Debian"], True, ("os:Debian", [])),
        (["os:Debian", "test"], True, ("os:Debian", ["test"])),
        ([], True, ("*", [])),
    ],
)
def test_what_is_meant(words: list[str], has_kind: bool, meant: tuple[str, list[str]]) -> None:
    assert asked_for(words, has_kind=has_kind) == meant


def test_each_function_is_told_once() -> None:
    answers = {
        "b": {"x.f": "b's", "x.b": "only b's"},
        "c": "Minion did not return. [Not connected]",
        "a": {"x.f": "a's", "x.undocumented": "", 5: "odd", "x.junk": 7},
        "d": None,
    }
    assert merged(answers) == {"5": "odd", "x.b": "only b's", "x.f": "a's"}
