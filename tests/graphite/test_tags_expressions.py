"""Tag expressions, and the spelling of tagged names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import FunctionError, GraphiteError
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags.expression import MAX_EXPRESSION_CHARS, MAX_EXPRESSIONS, parse_expression, parse_expressions
from saltern_graphite.tags.tagged_name import name_of_file, readable_path, spelled, tags_of

TAG = st.text("abc.é_-", min_size=1, max_size=4)
VALUE = st.text("abc.=é:-/", min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ("dc=a", ["a"], ["", "b", "ab", "A"]),
        ("dc!=a", ["", "b", "ab"], ["a"]),
        ("dc=", [""], ["a"]),
        ("dc!=", ["a", "b"], [""]),
        ("dc=~a", ["a", "ab"], ["", "ba"]),
        ("dc=~a|b", ["a", "b", "bc"], ["", "ca"]),
        ("dc=~a$", ["a"], ["", "ab"]),
        ("dc=~^a|b", ["a", "xb"], ["", "x"]),
        ("dc=~.*", ["", "a"], []),
        ("dc=~.+", ["a"], [""]),
        ("dc!=~a", ["", "ba"], ["a", "ab"]),
        ("dc!=~.*", [], ["", "a"]),
        ("dc=a=b", ["a=b"], ["a", ""]),
        ("dc=!a", ["!a"], ["a", ""]),
    ],
)
def test_what_an_expression_accepts(text: str, accepted: list[str], refused: list[str]) -> None:
    expression = parse_expression(text)
    assert expression.tag == "dc"
    assert [value for value in accepted if not passes(text, value)] == []
    assert [value for value in refused if passes(text, value)] == []


def passes(text: str, value: str) -> bool:
    """Whether a series with *value*, or without the tag for an empty one, passes."""
    expression = parse_expression(text)
    return expression.accepts(value) if value else not expression.needs_value


@pytest.mark.parametrize("text", ["", "junk", "=x", "!=x", "a;b=c", "a=b;c", "dc!a", "=~"])
def test_no_expression_is_said_so(text: str) -> None:
    with pytest.raises(FunctionError, match=re.escape(f"{text!r} is no tag expression: write tag=value")):
        parse_expression(text)


def test_a_bad_regular_expression_names_its_tag() -> None:
    with pytest.raises(FunctionError, match=r"the expression for tag 'dc' .* is no regular expression"):
        parse_expression("dc=~[")


def test_one_expression_must_need_a_value() -> None:
    for texts in (["dc="], ["dc!=a"], ["dc=~.*", "rack!=~x"], []):
        with pytest.raises(FunctionError, match="must need a value"):
            parse_expressions(texts)
    assert [one.needs_value for one in parse_expressions(["dc!=a", "name=x"])] == [False, True]


def test_expressions_are_bounded() -> None:
    with pytest.raises(FunctionError, match="are allowed"):
        parse_expressions(["a=b"] * (MAX_EXPRESSIONS + 1))
    with pytest.raises(FunctionError, match="are allowed"):
        parse_expression("a=" + "b" * MAX_EXPRESSION_CHARS)


@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        expression = parse_expression(text)
    except FunctionError:
        return
    assert expression.tag
    assert ";" not in expression.tag + expression.value
    expression.accepts("x")


@given(st.text("abc.", min_size=1, max_size=5), st.dictionaries(TAG, VALUE, min_size=1, max_size=4))
def test_a_name_has_one_spelling(name: str, tags: dict[str, str]) -> None:
    raw = name + "".join(f";{tag}={value}" for tag, value in tags.items())
    once = spelled(raw)
    assert spelled(once) == once
    assert spelled(name + "".join(f";{tag}={value}" for tag, value in reversed(tags.items()))) == once
    quoted = name + "{" + ",".join(f'{tag}="{value}"' for tag, value in tags.items()) + "}"
    assert spelled(quoted) == once
    tags.pop("name", None)
    assert tags_of(once) == {**tags, "name": name}


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = spelled(text)
    except GraphiteError:
        return
    assert spelled(name) == name


def test_an_untagged_name_has_its_name_for_a_tag() -> None:
    assert tags_of("a.b.c") == {"name": "a.b.c"}


@given(st.text("ab.DOT_", min_size=1, max_size=9), st.dictionaries(TAG, VALUE, min_size=1, max_size=3))
def test_a_readable_file_name_tells_its_series(name: str, tags: dict[str, str]) -> None:
    canonical = spelled(name + "".join(f";{tag}={value}" for tag, value in tags.items()))
    if ";" not in canonical or "/" in canonical:
        return
    found = name_of_file(readable_path(canonical))
    assert found == (None if "_DOT_" in canonical else canonical)
    assert name_of_file(relative_path(canonical)) is None


def test_a_file_in_a_folder_that_is_not_its_own_tells_nothing() -> None:
    assert name_of_file("_tagged/000/000/cpu;dc=a.wsp") is None
    assert name_of_file("_tagged/000/000/cpu;dc.wsp") is None
