"""Whose the entries of external_auth are: a model of Salt's merging beside it."""

from __future__ import annotations

import fnmatch
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_master.auth.entries import OnMinions
from saltern_master.auth.external import ExternalAuth

AUTH: dict[str, Any] = {
    "file": {
        "^filename": "/etc/users",
        "fred": ["a.fred"],
        "fr*": ["a.glob"],
        r"(ann|bob)\d?": ["a.expression"],
        "ops%": ["a.ops"],
        "web*%": ["a.web"],
        "*": ["a.everybody"],
        "joe.smith": ["a.joe"],
    },
    "ldap": {"fred": ["b.fred"]},
}


def granted(name: str, *groups: str, source: str = "file", permissive: bool = False, more: Any = ()) -> list[str]:
    entries = ExternalAuth(AUTH, permissive=permissive).entries_of(source, name, groups, more)
    return [str(entry.written) for entry in entries]


@pytest.mark.parametrize(
    ("name", "groups", "found"),
    [
        ("fred", (), ["a.fred", "a.glob"]),
        ("frank", (), ["a.glob"]),
        ("fred", ("ops",), ["a.fred", "a.glob", "a.ops"]),
        ("eve", (), ["a.everybody"]),
        ("eve", ("ops",), ["a.ops", "a.everybody"]),  # a group is no name
        ("eve", ("web-eu", "x"), ["a.web", "a.everybody"]),
        ("ann", (), ["a.expression"]),
        ("bob3", (), ["a.expression"]),
        ("bob33", (), ["a.everybody"]),
        ("xann", (), ["a.everybody"]),
        ("joe.smith", (), ["a.joe"]),
        ("joeXsmith", (), ["a.everybody"]),  # a dot in a name is a dot
        ("ops%", (), ["a.everybody"]),
        ("*", (), ["a.everybody"]),
        (".*", (), ["a.everybody"]),  # a name is never the pattern
        ("f.*", (), ["a.everybody"]),
        ("^filename", (), ["a.everybody"]),
        ("Fred", (), ["a.everybody"]),
    ],
)
def test_names_groups_and_everybody_add_up_as_in_salt(name: str, groups: tuple[str, ...], found: list[str]) -> None:
    assert granted(name, *groups) == found


def test_everybody_is_for_whom_no_name_means_unless_it_is_permissive() -> None:
    assert granted("fred", permissive=True) == ["a.fred", "a.glob", "a.everybody"]


def test_names_of_two_sources_are_two() -> None:
    assert granted("fred", source="ldap") == ["b.fred"]
    assert granted("ann", source="ldap") == []
    assert granted("fred", source="pam") == []
    assert granted("fred", source="") == []


def test_what_a_driver_grants_is_added() -> None:
    assert granted("fred", source="ldap", more=["c.more"]) == ["b.fred", "c.more"]
    with pytest.raises(ConfigError, match="external_auth: ldap: what it grants fred: 5 must be"):
        granted("fred", source="ldap", more=[5])


NAMES = st.sampled_from(["a", "b", "ab", "a.b", "aXb", "%", "*", "a%"])
KEYS = st.sampled_from(["a", "b", "a*", "?", "a|b", "[ab]", "*", "g%", "g*%", "a.b", "a.+b", "^o"])


def model(given_: dict[str, list[str]], name: str, groups: list[str], permissive: bool) -> list[str]:
    """Return what Salt's documentation says."""
    found, named = [], False
    for key, entries in given_.items():
        if key.startswith("^") or key == "*":
            continue
        if key.endswith("%"):
            if any(fnmatch.fnmatchcase(group, key[:-1]) for group in groups):
                found += entries
            continue
        literal = key == "a.b"  # a name
        if name == key or (not literal and (fnmatch.fnmatchcase(name, key) or expression_means(key, name))):
            found, named = found + entries, True
    return found + (given_.get("*", []) if permissive or not named else [])


def expression_means(key: str, name: str) -> bool:
    try:
        return re.fullmatch(key, name) is not None
    except re.error:
        return False


@given(st.lists(KEYS, unique=True), NAMES, st.lists(st.sampled_from(["g", "gg", "h"])), st.booleans())
def test_merging_is_the_models(keys: list[str], name: str, groups: list[str], permissive: bool) -> None:
    option = {key: [f"f.n{number}"] for number, key in enumerate(keys)}
    entries = ExternalAuth({"file": option}, permissive=permissive).entries_of("file", name, groups)
    assert sorted(str(one.written) for one in entries) == sorted(model(option, name, groups, permissive))


def test_targets_are_told_for_checks() -> None:
    auth = ExternalAuth({"file": {"fred": [{"web* and G@os:x": ["a.b"]}, "@jobs"]}})
    assert list(auth.targets()) == [("external_auth: file: fred", "web* and G@os:x")]
    assert isinstance(next(auth.every_entry()), OnMinions)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"file": ["fred"]}, "external_auth: file: must be a map"),
        ({"file": None}, "external_auth: file: must be a map"),
        ({"file": {"fred": "test.ping"}}, "external_auth: file: fred: 'test.ping' must be a list"),
        ({"file": {"fred": [{"web*": ["x"]}]}}, r"external_auth: file: fred: web*: x is no function"),
        ({"file": {"%": []}}, "external_auth: file: '%' names nobody"),
        ({"file": {"": []}}, "external_auth: file: '' names nobody"),
        ({"file": {"(fred": []}}, "external_auth: file: '(fred' is not a regular expression"),
    ],
)
def test_what_can_not_be_understood_is_said_with_its_place(option: Any, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        ExternalAuth(option)
    assert says in str(raised.value)


def test_options_of_drivers_are_none_of_ours_and_who_has_no_entries_has_none() -> None:
    auth = ExternalAuth({"file": {"^hashtype": 5, "fred": []}})
    assert auth.entries_of("file", "fred") == ()
