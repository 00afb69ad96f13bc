"""Arguments as they are typed into fields, and back."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.arguments import parse_arguments, parse_value
from saltern_web.api.errors import Refused
from saltern_web.pages.run.signature import Typed, arguments_of, filled, signature_of, typed_in
from saltern_web.pages.run.words import line_of, read_line, split_given, word_of

pytestmark = pytest.mark.usefixtures("console_site")

PLAIN = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(st.characters(codec="utf-8"), max_size=30)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=6,
)
SPEC = {"args": ["name", "uid", "password", "test"], "defaults": [None, "", False], "varargs": None, "kwargs": None}


def typed(**fields: Any) -> Typed:
    query = QueryDict(mutable=True)
    for name, value in fields.items():
        query.setlist(name, value if isinstance(value, list) else [value])
    return typed_in(query)


@settings(max_examples=40)
@given(VALUES)
def test_a_word_means_its_value(value: Any) -> None:
    word = word_of(value)
    if not any(sign in word for sign in "\t\r\n") and "\\" not in word and word.isprintable():
        assert parse_value(word) == value


@given(st.text(max_size=60))
def test_any_line_is_read_or_refused_in_one_line(line: str) -> None:
    said = ""
    try:
        read_line(line)
    except Refused as error:
        said = str(error)
    assert said.startswith("arguments: ") or not said


@given(st.lists(PLAIN.filter(lambda one: not isinstance(one, str) or one.isalnum()), max_size=4))
def test_a_line_gives_what_it_was_made_of(values: list[Any]) -> None:
    assert read_line(line_of(values, {"k": values})) == ([*values], {"k": values})
    assert parse_arguments(shlex.split(line_of(values, {})))[0] == values


def test_a_signature_makes_fields() -> None:
    found = signature_of(SPEC)
    assert [(one.name, one.default, one.kind) for one in found.parameters] == [
        ("name", None, "text"),
        ("uid", "None", "text"),
        ("password", '""', "secret"),
        ("test", "false", "flag"),
    ]
    assert found.has_test
    assert signature_of("nonsense").parameters == ()


def test_what_is_needed_goes_by_place_and_the_rest_by_name() -> None:
    found = signature_of(SPEC)
    given = typed(**{"a.name": "fred", "a.uid": "12", "a.test": "true"})
    assert arguments_of(found, given) == (["fred"], {"uid": 12, "test": True})
    assert arguments_of(found, typed(line="fred uid=12")) == (["fred"], {"uid": 12})
    assert arguments_of(found, typed(**{"a.name": "a=b"})) == ([], {"name": "a=b"})  # by place it would be another


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "name: must be given"),
        ({"a.name": "x", "line": "name=y"}, "name is given twice"),
        ({"a.name": "x", "kn": "uid", "kv": "1", "line": "uid=2"}, "uid is given twice"),
        ({"a.name": "x", "kn": "", "kv": "1"}, "the argument '1' needs a name"),
        ({"line": "'open"}, "a quotation mark is not closed"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(fields: dict[str, str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        arguments_of(signature_of(SPEC), typed(**fields))


def test_further_arguments_keep_their_order() -> None:
    found = signature_of({"args": ["cmd"], "defaults": None, "varargs": True, "kwargs": True})
    given = typed(**{"a.cmd": "echo", "va": ["1", "", "x"], "kn": ["cwd", ""], "kv": ["/tmp", ""]})
    assert arguments_of(found, given) == (["echo", 1, "x"], {"cwd": "/tmp"})


def test_further_arguments_come_behind_those_that_have_a_place() -> None:
    names = {"args": ["a", "b", "c", "test"], "defaults": [True, {"x": [1]}, False], "varargs": True, "kwargs": True}
    found = signature_of({**names, "placed": 3})  # def f(a, b=True, c={"x": [1]}, *args, test=False, **kwargs)
    given = typed(**{"a.a": "1", "a.c": "[2]", "a.test": "true", "va": ["x"]})
    assert arguments_of(found, given) == ([1, True, [2], "x"], {"test": True})
    assert arguments_of(found, filled(found, [1, True, [2], "x"], {"test": True})) == (
        [1, True, [2], "x"],
        {"test": True},
    )
    assert arguments_of(found, typed(**{"a.a": "1", "va": ["x"]})) == ([1, True, {"x": [1]}, "x"], {})
    assert arguments_of(found, typed(**{"a.a": "1", "a.b": "false"})) == ([1], {"b": False})
    assert arguments_of(found, filled(found, [1, False], {})) == ([1], {"b": False})
    everything = {"args": ["a", "b"], "defaults": [True], "varargs": True, "kwargs": None}  # def f(a, b=True, *args)
    assert arguments_of(signature_of(everything), typed(**{"a.a": "1", "va": ["x"]})) == ([1, True, "x"], {})


def test_a_secret_has_no_place() -> None:
    spec = {"args": ["a", "password"], "defaults": [""], "varargs": True, "kwargs": None, "placed": 2}
    with pytest.raises(Refused, match="password can't be given with further arguments"):
        arguments_of(signature_of(spec), typed(**{"a.a": "1", "a.password": "x", "va": ["y"]}))
    assert arguments_of(signature_of(spec), typed(**{"a.a": "1", "va": ["y"]})) == ([1, "", "y"], {})


def test_a_past_job_fills_the_same_fields() -> None:
    spec = {"args": ["cmd", "test"], "defaults": [False], "varargs": True, "kwargs": True, "placed": 1}
    found = signature_of(spec)
    arg, kwarg = split_given(["df -h", 5, {"test": True, "cwd": "/tmp", "__kwarg__": True}])
    assert arguments_of(found, filled(found, arg, kwarg)) == (["df -h", 5], {"test": True, "cwd": "/tmp"})
    bare = signature_of(None)
    assert arguments_of(bare, filled(bare, arg, kwarg)) == (arg, kwarg)
