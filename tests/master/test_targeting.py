"""Targets: every kind, and expressions that can't be understood."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import TargetError
from saltern_master.targeting import TYPES, listed, resolve

MINIONS = ["db01", "web01", "web02.example.com"]
GRAINS: dict[str, dict[str, Any]] = {
    "db01": {"os": "Debian", "roles": ["db", "backup"], "net": {"zone": "a:b"}},
    "web01": {"os": "Ubuntu", "roles": ["web"], "mem": 2048},
}


def targeted(target: str | list[str], kind: str = "glob") -> list[str]:
    return resolve(target, kind, MINIONS, lambda minion: GRAINS.get(minion, {}))


@pytest.mark.parametrize(
    ("kind", "target", "minions"),
    [
        ("glob", "*", MINIONS),
        ("glob", "web*", ["web01", "web02.example.com"]),
        ("glob", "web0[13]", ["web01"]),
        ("glob", "WEB01", []),
        ("list", "db01, web01,nobody", ["db01", "web01"]),
        ("glob", ["db01"], ["db01"]),
        ("pcre", r"web\d+$", ["web01"]),
        ("pcre", r"eb", []),
        ("grain", "os:debian", ["db01"]),
        ("grain", "os:*", ["db01", "web01"]),
        ("grain", "roles:web", ["web01"]),
        ("grain", "net:zone:a:b", ["db01"]),
        ("grain", "net:zone", ["db01"]),
        ("grain", "mem:20*", ["web01"]),
        ("grain_pcre", "os:(Deb|Ubu)", ["db01", "web01"]),
        ("compound", "web* or db*", MINIONS),
        ("compound", "not web*", ["db01"]),
        ("compound", "G@os:Debian or E@web02.*", ["db01", "web02.example.com"]),
        ("compound", "( web01 or db01 ) and not L@db01,x", ["web01"]),
        ("compound", "not ( web01 or db01 )", ["web02.example.com"]),
        ("compound", "P@os:(Debian|Arch)", ["db01"]),
    ],
)
def test_targets(kind: str, target: str | list[str], minions: list[str]) -> None:
    assert targeted(target, kind) == minions


@pytest.mark.parametrize(
    ("kind", "target", "names"),
    [
        ("list", " a, b,,a ", ["a", "b"]),
        ("glob", ["a", "b"], ["a", "b"]),
        ("glob", "a", []),
        ("compound", "a or L@b,c and G@os:x", ["b", "c"]),
        ("compound", "not L@a or not not L@b", ["b"]),
        ("compound", "not ( L@a or not L@b ) or (L@c and not L@d)", ["b", "c"]),
        ("compound", ") L@a ) not L@b", ["a"]),
    ],
)
def test_names_that_a_target_lists(kind: str, target: str | list[str], names: list[str]) -> None:
    assert listed(target, kind) == names


@pytest.mark.parametrize(
    ("kind", "target", "message"),
    [
        ("glub", "*", "target type 'glub' is not known"),
        ("pcre", "(", "'(' is not a regular expression"),
        ("grain", "os", "'os' is not a grain target: write name:value"),
        ("compound", "web* and", "a target is missing"),
        ("compound", "( web*", r"a '\)' is missing"),
        ("compound", "web* db*", "'db.' is unexpected"),
        ("compound", "I@x:y", "I@ is not known: use one of G@ P@ E@ L@"),
        ("compound", "", "a target is missing"),
    ],
)
def test_what_cannot_be_understood_is_said(kind: str, target: str, message: str) -> None:
    with pytest.raises(TargetError, match=message.replace("'('", r"'\('")):
        targeted(target, kind)


@given(st.text(max_size=30), st.sampled_from([kind for kind in TYPES if "pcre" not in kind]))
def test_any_text_gives_minions_or_a_target_error(text: str, kind: str) -> None:
    with contextlib.suppress(TargetError):
        assert set(targeted(text, kind)) <= set(MINIONS)
