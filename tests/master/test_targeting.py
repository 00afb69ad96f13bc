"""Targets: every kind, and expressions that can't be understood."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import TargetError, UnknownNodegroup
from saltern.secret import Secret
from saltern_master.targeting import TYPES, DataFacts, Known, Nodegroups, Target

MINIONS = ["db01", "web01", "web02.example.com"]
GRAINS: dict[str, dict[str, Any]] = {
    "db01": {"os": "Debian", "roles": ["db", "backup"], "net": {"zone": "a:b"}},
    "web01": {"os": "Ubuntu", "roles": ["web"], "mem": 2048},
}


GROUPS = Nodegroups({"web": "web* or x", "some": ["db01", "gone"], "both": "N@web or N@some"}, "/etc/master")
KNOWN = Known(DataFacts(lambda minion: GRAINS.get(minion, {})), DataFacts(lambda minion: {"secret": Secret("hunter2")}))


def target_of(target: str | list[str], kind: str = "glob", **options: Any) -> Target:
    return Target(target, kind, nodegroups=GROUPS, **options)


def targeted(target: str | list[str], kind: str = "glob", **options: Any) -> list[str]:
    return target_of(target, kind, **options).select(MINIONS, KNOWN)


@pytest.mark.parametrize(
    ("kind", "target", "minions"),
    [
        ("glob", "*", MINIONS),
        ("glob", "web*", ["web01", "web02.example.com"]),
        ("glob", "web0[13]", ["web01"]),
        ("glob", "WEB01", []),
        ("list", "db01,web01,nobody", ["db01", "web01"]),
        ("list", "db01, web01", ["db01"]),
        ("glob", ["db01"], ["db01"]),
        ("list", ["db01", "web*"], ["db01"]),
        ("pcre", r"web\d+$", ["web01"]),
        ("pcre", r"eb", []),
        ("grain", "os:debian", ["db01"]),
        ("grain", "os:*", ["db01", "web01"]),
        ("grain", "roles:web", ["web01"]),
        ("grain", "net:zone:a:b", ["db01"]),
        ("grain", "net:zone", ["db01"]),
        ("grain", "mem:20*", ["web01"]),
        ("grain", "os", []),
        ("grain_pcre", "os:(Deb|Ubu)", ["db01", "web01"]),
        ("grain_pcre", "os:(", []),
        ("pillar", "secret:*", MINIONS),
        ("pillar", "secret:hunter2", []),
        ("pillar", "secret:h*", []),
        ("pillar_pcre", "secret:.*2", []),
        ("pillar_exact", "secret:hunter2", []),
        ("nodegroup", "web", ["web01", "web02.example.com"]),
        ("nodegroup", "both", MINIONS),
        ("compound", "web* or db*", MINIONS),
        ("compound", "not web*", ["db01"]),
        ("compound", "G@os:Debian or E@web02.*", ["db01", "web02.example.com"]),
        ("compound", "( web01 or db01 ) and not L@db01,x", ["web01"]),
        ("compound", "not ( web01 or db01 )", ["web02.example.com"]),
        ("compound", "not S@junk", MINIONS),
        ("compound", "(web01 or db01", ["db01"]),
        ("compound", "P@os:(Debian|Arch)", ["db01"]),
        ("compound", "G|@net|zone|a:b", ["db01"]),
        ("compound", ["web*", "and", "not", "G@os:Ubuntu"], ["web02.example.com"]),
        ("compound", "not N@web", ["db01"]),
    ],
)
def test_targets(kind: str, target: str | list[str], minions: list[str]) -> None:
    assert targeted(target, kind) == minions


def test_a_job_may_have_a_delimiter_of_its_own() -> None:
    assert targeted("net::zone::a:b", "grain", delimiter="::") == ["db01"]
    assert targeted("net:zone:a:b", "grain", delimiter="::") == []
    assert targeted("G@net:zone:a:b", "compound", delimiter="::") == ["db01"]
    with pytest.raises(TargetError, match="the delimiter is empty"):
        targeted("net:zone", "grain", delimiter="")


@pytest.mark.parametrize(
    ("kind", "target", "names"),
    [
        ("list", "a,b,,a", ["a", "b"]),
        ("glob", ["a", "b"], ["a", "b"]),
        ("glob", "a", []),
        ("compound", "a or L@b,c and G@os:x", ["b", "c"]),
        ("compound", "not L@a or L@b", ["b"]),
        ("compound", "not ( L@a or not L@b )", ["a"]),
        ("compound", "N@some or L@b", ["db01", "gone", "b"]),
        ("nodegroup", "some", ["db01", "gone"]),
    ],
)
def test_names_that_a_target_lists(kind: str, target: str | list[str], names: list[str]) -> None:
    assert target_of(target, kind).listed == names


def test_what_a_nodegroup_lists_is_not_listed_by_hand() -> None:
    assert target_of("N@some or L@b", "compound").listed_by_hand == ["b"]
    assert target_of("a,b", "list").listed_by_hand == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "target", "message", "at"),
    [
        ("glub", "*", "target type 'glub' is not known", None),
        ("pcre", "(", "'(' is not a regular expression", None),
        ("compound", "web* and", "a target is missing (at character 9)", 8),
        ("compound", "web* and or x", "a target is missing before 'or' (at character 10)", 9),
        ("compound", "( web*", "a ')' is missing", 6),
        ("compound", "web* )", "a ')' is without its '('", 5),
        ("compound", "web* db*", "'and' or 'or' is missing before 'db*' (at character 6)", 5),
        ("compound", "( a b )", "'and' or 'or' is missing (at character 5)", 4),
        ("compound", "not not a", "a target is missing before 'not'", 4),
        ("compound", "a or E@(", "'(' is not a regular expression", 5),
        ("compound", "a or R@x", "R@ needs a range server", 5),
        ("compound", "", "a target is missing", 0),
        ("compound", "( )", "a target is missing before ')'", 2),
    ],
)
def test_what_cannot_be_understood_is_said_with_its_place(kind: str, target: str, message: str, at: int | None) -> None:
    with pytest.raises(TargetError) as refused:
        targeted(target, kind)
    assert message in str(refused.value)
    assert refused.value.position == at


@pytest.mark.parametrize(
    ("kind", "target", "problem"),
    [
        ("glob", "web*", ""),
        ("glob", "web01,db01", "'web01,db01' is one glob: use a list"),
        ("grain", "os", "'os' has no value: write name:value"),
        ("grain_pcre", "os:(", "'(' is not a regular expression"),
        ("ipcidr", "10.0.0.1/8", "'10.0.0.1/8' is neither an address nor a network: 10.0.0.1/8 has host bits set"),
        ("compound", "a or D@x", "'D@x' is taken for a glob: use one of G@ P@ I@ J@ L@ S@ E@ N@"),
        ("compound", "(a or b", "'(a' is taken for a glob: put blanks around a parenthesis"),
        ("compound", "a OR b", "'and' or 'or' is missing before 'OR'"),
        ("compound", "AND", "'AND' is taken for a glob: write and"),
    ],
)
def test_a_part_that_means_nobody_is_told(kind: str, target: str, problem: str) -> None:
    try:
        told = target_of(target, kind).problem
    except TargetError as error:
        told = str(error)
    assert told.startswith(problem) or problem in told
    assert bool(told) == bool(problem)


@pytest.mark.parametrize(("kind", "target"), [("nodegroup", "none"), ("compound", "web* or N@none")])
def test_an_unknown_nodegroup_is_told_in_salts_words(kind: str, target: str) -> None:
    with pytest.raises(UnknownNodegroup, match=r"^Node group none unavailable in /etc/master$"):
        targeted(target, kind)


@given(st.text(max_size=30), st.sampled_from(TYPES))
def test_any_text_gives_minions_or_a_target_error(text: str, kind: str) -> None:
    with contextlib.suppress(TargetError):
        assert set(targeted(text, kind)) <= set(MINIONS)
