"""The grammar of targets: what parses to what, what is refused and how, and that it is the inverse of writing."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern.errors import TargetSyntaxError
from saltern_graphite.evaluation.target.nodes import Call, Expression, Literal, PathExpression, Template, fill
from saltern_graphite.evaluation.target.parser import parse, scan_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b.c", PathExpression("a.b.c")),
        (" a.b \n", PathExpression("a.b")),
        ("servers.*.cpu[0-9].{user,sys*}x", PathExpression("servers.*.cpu[0-9].{user,sys*}x")),
        ("**.load", PathExpression("**.load")),
        (r"a\(b\).c\,d", PathExpression("a(b).c,d")),
        ("höhe.größe", PathExpression("höhe.größe")),
        ("true", PathExpression("true")),
        ("1.5", PathExpression("1.5")),
        ("a;b=c", PathExpression("a;b=c")),
        ("f()", Call("f")),
        ("f( a , b )", Call("f", (PathExpression("a"), PathExpression("b")))),
        ("f\n(\na\n)", Call("f", (PathExpression("a"),))),
        ("a | f(1) | g()", Call("g", (Call("f", (PathExpression("a"), Literal(1))),))),
        ("f(a|g())", Call("f", (Call("g", (PathExpression("a"),)),))),
        ("f(x, n=5, s='y')", Call("f", (PathExpression("x"),), (("n", Literal(5)), ("s", Literal("y"))))),
        ("template(a.$x.c, x='b')", Template(PathExpression("a.$x.c"), {"x": "b"})),
        ("template(f($1), 5)", Template(Call("f", (PathExpression("$1"),)), {"1": 5})),
    ],
)
def test_targets(text: str, expected: Expression) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("5", Literal(5)),
        ("007", Literal(7)),
        ("-5", Literal(-5)),
        (".75", Literal(0.75)),
        ("-.5e1", Literal(-5.0)),
        ("5.", Literal(5.0)),
        ("2.50", Literal(2.5)),
        ("1e3", Literal(1000.0)),
        ("1.5e-3", Literal(0.0015)),
        ("TRUE", Literal(True)),
        ("false", Literal(False)),
        ("None", Literal(None)),
        ("inf", Literal(math.inf)),
        ("true.x", PathExpression("true.x")),
        ("+5", PathExpression("+5")),
        ("0x10", PathExpression("0x10")),
        ("1_000", PathExpression("1_000")),
        ("2.5e+1", PathExpression("2.5e+1")),
        ("'a b'", Literal("a b")),
        (r'"\\1 \" x"', Literal(r"\\1 \" x")),
        ("'it''s'", Literal("it''s")),
    ],
)
def test_arguments(word: str, expected: Expression) -> None:
    parsed = parse(f"f({word})")
    assert isinstance(parsed, Call)
    assert parsed.args == (expected,)
    assert type(getattr(parsed.args[0], "value", None)) is type(getattr(expected, "value", None))


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected a metric path or a function, found the end"),
        ("a.b)", 4, "this ')' closes nothing"),
        ("a.b,c.d", 4, "should end here, found ','"),
        ("sumSeries(", 11, "expected a metric path"),
        ("sumSeries(a.b", 14, "expected ',' or ')' to go on with 'sumSeries('"),
        ("alias(x, 'unclosed)", 10, "no closing '"),
        ("a..b", 3, "expected a metric path"),
        ("a b", 3, "should end here"),
        ("a.{b,c.d}", 7, "for the '{' in column 3"),
        ("f(a,.75.b)", 5, "expected a metric path"),
        ("f(a,5..b)", 7, "expected a metric path"),
        (".75", 1, "expected a metric path"),
        ("a.{b", 5, "for the '{' in column 3"),
        ("a | b", 5, "function call after '|'"),
        ("f(n=1, 2)", 8, "come before those with one"),
        ("f(n=1, n=2)", 8, "given twice"),
        ("template(a, b)", 13, "numbers and strings"),
        ("template(5)", 12, "a path or a function"),
        ("template(a|f(),x=1)", 20, "not piped into"),
        ("+5)", 3, "closes nothing"),
    ],
)
def test_errors_say_where_and_what(text: str, column: int, words: str) -> None:
    with pytest.raises(TargetSyntaxError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"column {column}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nesting_has_a_limit() -> None:
    assert parse("f(" * 64 + "a" + ")" * 64)
    with pytest.raises(TargetSyntaxError, match="nested too deeply"):
        parse("f(" * 65 + "a" + ")" * 65)
    with pytest.raises(TargetSyntaxError, match="nested too deeply"):
        parse("f(" * 100_000)
    parse("a" + "|f()" * 500)  # pipes nest the tree, not the parser


def test_columns_are_kept() -> None:
    call = parse("sum(a, scale(b, 2))")
    assert isinstance(call, Call)
    assert (call.column, call.args[1].column) == (1, 8)


_ALPHABET = "abz09_*?-$;ö[]:#"
_plain = st.text(_ALPHABET, min_size=1, max_size=6)
_special = st.sampled_from(["(", ")", ",", "'", '"', "\\", "|", "{a,b}", "{a*}"])
_paths = st.lists(st.lists(_plain | _special, min_size=1, max_size=3).map("".join), min_size=1, max_size=4).map(
    lambda elements: PathExpression(".".join(elements))
)
_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "template")
_strings = st.text(st.characters(exclude_characters="'\"\\\r\n", codec="utf-8"), max_size=12).map(Literal) | (
    st.sampled_from([r"\\1 A", r"it\'s", "''", '""', r"a\"b"]).map(Literal)
)
_numbers = st.integers(-(10**12), 10**12).map(Literal) | st.floats(
    allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15
).map(Literal)
_literals = _numbers | _strings | st.booleans().map(Literal) | st.just(Literal(None)) | st.just(Literal(math.inf))


def _written(node: Expression) -> str:
    """*node* as a target that should parse to an equal one."""
    if isinstance(node, Call):
        named = [f"{name}={_written(value)}" for name, value in node.kwargs]
        return f"{node.name}({','.join([*map(_written, node.args), *named])})"
    if isinstance(node, PathExpression):  # commas and braces stay where they form {a,b}
        outside, inside = r"""[()'"\\|,{}]""", r"""[()'"\\|]"""
        parts = enumerate(re.split(r"(\{[^{}.]*\})", node.text))
        return "".join(re.sub(inside if at % 2 else outside, r"\\\g<0>", part) for at, part in parts)
    assert isinstance(node, Literal)
    if isinstance(node.value, str):
        quote = '"' if re.fullmatch(r'(?:[^"\r\n\\]|""|\\.)*', node.value, re.DOTALL) else "'"
        return f"{quote}{node.value}{quote}"
    return str(node.value).replace("e+", "e")


def _is_literal_word(path: PathExpression) -> bool:
    parsed = parse(f"f({_written(path)})")
    return isinstance(parsed, Call) and (bool(parsed.kwargs) or not isinstance(parsed.args[0], PathExpression))


_argument_paths = _paths.filter(lambda path: not _is_literal_word(path))


def _calls(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    kwargs = st.dictionaries(_names, inner, max_size=2).map(lambda items: tuple(items.items()))
    calls: st.SearchStrategy[Expression] = st.builds(Call, _names, st.lists(inner, max_size=3).map(tuple), kwargs)
    return calls


_expressions = st.recursive(_argument_paths | _literals, _calls, max_leaves=8)
_targets = _paths | _calls(_expressions)


@given(_targets)
@example(PathExpression("a{b,c}.{d}"))
@example(Call("f", (Literal(1e-7), Literal(-0.0), Literal(""))))
def test_parsing_is_the_inverse_of_writing(expression: Expression) -> None:
    assert parse(_written(expression)) == expression
    assert _written(parse(_written(expression))) == _written(expression)  # to which true is not 1


_soup = st.lists(
    st.sampled_from(
        [
            "sum(",
            "template(",
            ")",
            "(",
            ",",
            "|",
            "a.b",
            ".",
            "{",
            "}",
            "'",
            '"',
            "\\",
            " ",
            "=",
            "n=",
            "1e5",
            "inf",
            "*",
        ]
    ),
    max_size=25,
).map("".join)


@given(st.text(max_size=60) | _soup)
@example("f(" + "9" * 5000 + ")")
@example("f(1e9999)")
def test_garbage_is_refused_with_a_column(text: str) -> None:
    refusal = ""
    try:
        assert parse(text)
    except TargetSyntaxError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("column ")


def test_templates_are_filled() -> None:
    def filled(text: str, **overrides: str) -> str:
        template = parse(text)
        assert isinstance(template, Template)
        return _written(fill(template, overrides))

    assert filled("template(a.$h.c, h='b')") == "a.b.c"
    assert filled("template(a.$h.c, h='b')", h="z") == "a.z.c"
    assert filled("template(scale(a.$1, $2), 'x', 3)") == "scale(a.x,3)"
    assert filled("template(scale(a, $n), n='2.5')") == "scale(a,2.5)"
    assert filled("template($m, m='a.b')") == "a.b"
    assert filled("template(a.$hh, h='x', hh='y')") == "a.y"


@pytest.mark.parametrize(
    ("text", "position", "expected"), [("f(a.b,1)", 2, "a.b"), ("f('x')", 2, None), ("", 0, None), ("a\\,b", 0, "a,b")]
)
def test_scanning_a_path(text: str, position: int, expected: str | None) -> None:
    assert scan_path(text, position) == expected
