"""What ``--out`` prints. The expected texts of ``nested`` were taken from Salt 3008's own output."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import sys
import unicodedata
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.output import OUTPUTS, display, look, render
from saltern.visible import HIDDEN

RULE = "----------"

NESTED: list[tuple[Any, str]] = [
    (True, "True"),
    (None, "None"),
    (5, "5"),
    (-1.5, "-1.5"),
    (1e22, "1e+22"),
    ("one line", "one line"),
    ("", ""),
    ("two\nlines", "two\nlines"),
    ("trail\n", "trail"),
    ("\n", ""),
    ("a\r\nb", "a\nb"),
    ("tab\tx", "tab\tx"),
    ("esc \x1b[31mred\x1b[0m", r"esc \x1b[31mred\x1b[0m"),
    ("a\x0bb\u2028c\x85d\x1ce", "a\nb\nc\nd\ne"),
    ("10%\r20%", "10%\n20%"),
    (b"bytes", "bytes"),
    ([], ""),
    ({}, ""),
    ((), ""),
    ([1, 2], "- 1\n- 2"),
    (["a", "b\nc"], "- a\n- b\n  c"),
    ([None, True], "- None\n- True"),
    ([[1, 2], [3]], "|_\n  - 1\n  - 2\n|_\n  - 3"),
    ([{"a": 1}], f"|_\n  {RULE}\n  a:\n      1"),
    ([[], {}], f"|_\n|_\n  {RULE}"),
    ([["a\nb"]], "|_\n  - a\n    b"),
    ([["a"], "b\nc"], "|_\n  - a\n- b\n  c"),
    ({"host": True}, "host:\n    True"),
    ({"host": "two\nlines"}, "host:\n    two\n    lines"),
    ({"host": ("t", 1)}, "host:\n    - t\n    - 1"),
    ({"host": ["", "x"]}, "host:\n    - x"),
    ({"a": []}, "a:"),
    ({"a": ""}, "a:"),
    ({"a": {}}, f"a:\n    {RULE}"),
    ({"b": 1, "a": 2}, "a:\n    2\nb:\n    1"),
    ({1: "x", "a": "y"}, "1:\n    x\na:\n    y"),
    ({10: "y", 2: "x"}, "2:\n    x\n10:\n    y"),
    ({None: 1}, "None:\n    1"),
    ({"a:b": "c: d"}, "a:b:\n    c: d"),
    ({"héllo": "wörld ☃"}, "héllo:\n    wörld ☃"),
    ({"h": [[["deep"]]]}, "h:\n    |_\n      |_\n        - deep"),
    (
        {"h": {"x": 1, "y": {"z": None}}},
        f"h:\n    {RULE}\n    x:\n        1\n    y:\n        {RULE}\n        z:\n            None",
    ),
    (
        {"h": ["a", {"b": 1, "c": [2]}]},
        f"h:\n    - a\n    |_\n      {RULE}\n      b:\n          1\n      c:\n          - 2",
    ),
    (
        {"h": {"list": ["x", ["y", "z"], {"k": "v", "k2": ["w"]}]}},
        f"h:\n    {RULE}\n    list:\n        - x\n        |_\n          - y\n          - z\n        |_\n"
        f"          {RULE}\n          k:\n              v\n          k2:\n              - w",
    ),
]


RECORDED = json.loads((Path(__file__).parent.parent / "support/salt_answers/output.json").read_text())
HOW = re.compile(r"(\w+)(?:/(-?\d+))?(\+color)?(!?)")


def test_values_look_as_salt_shows_them() -> None:
    compared = 0
    for value, told in RECORDED:
        for how, recorded in told.items():
            expected = told[recorded[1:]] if recorded.startswith("=") and recorded[1:] in told else recorded
            match = HOW.fullmatch(how)
            assert match
            form, indent, color, failed = match.groups()
            ours = render(
                ast.literal_eval(value),
                form,
                color is not None,
                indent=int(indent) if indent else None,
                retcode=1 if failed else 0,
            )
            if HIDDEN.search(uncoloured(expected)):  # what steers or hides: shown as an escape, if at all
                assert not HIDDEN.search(uncoloured(ours))
            else:
                assert ours == expected, (how, value)
                compared += 1
    assert compared > 2500


def uncoloured(text: str) -> str:
    return COLORS.sub("", text)


@pytest.mark.parametrize(("value", "text"), NESTED)
def test_nested_looks_as_salt_does(value: Any, text: str) -> None:
    assert render(value) == text


def test_nested_colours_are_salts() -> None:
    assert render({"h": {"a": [True, "x", {"b": 1}]}}, "nested", color=True) == (
        "\x1b[0;36mh\x1b[0;0m:\n"
        "    \x1b[0;36m----------\x1b[0;0m\n"
        "    \x1b[0;36ma\x1b[0;0m:\n"
        "        \x1b[0;1;33m- True\x1b[0;0m\n"
        "        \x1b[0;32m- x\x1b[0;0m\n"
        "        \x1b[0;32m|_\x1b[0;0m\n"
        "          \x1b[0;36m----------\x1b[0;0m\n"
        "          \x1b[0;36mb\x1b[0;0m:\n"
        "              \x1b[0;1;33m1\x1b[0;0m"
    )


def test_nested_shows_what_salt_loses() -> None:
    assert render({"h": [b"\xff\xfe", {1, 2}]}) == "h:\n    - \\xff\\xfe\n    |_\n      - 1\n      - 2"
    assert render({"k\nl": "\x9bA\x08\x00"}) == "k\\nl:\n    \\x9bA\\x08\\x00"
    assert render({"txt.\u202egpj": "\u2066a\u2069\ufeff"}) == "txt.\\u202egpj:\n    \\u2066a\\u2069\\ufeff"


JSON: list[tuple[Any, str]] = [
    ({"h": True}, '{\n    "h": true\n}'),
    (
        {"h": {"b": 1, "a": [1, "é"]}},
        '{\n    "h": {\n        "b": 1,\n        "a": [\n            1,\n            "é"\n        ]\n    }\n}',
    ),
    ({1: 2, None: 3, 1.5: 4}, '{\n    "1": 2,\n    "null": 3,\n    "1.5": 4\n}'),
    ([1, 2], "[\n    1,\n    2\n]"),
    ("x", '"x"'),
    (None, "null"),
    ({"h": "\ud800"}, '{\n    "h": "\\ud800"\n}'),
    ({b"k\xff": b"\xff"}, '{\n    "k\\\\xff": "\\\\xff"\n}'),
    ({"h": [float("nan"), float("inf")]}, '{\n    "h": [\n        null,\n        null\n    ]\n}'),
    ({float("nan"): "\x9b\x1b"}, '{\n    "nan": "\\u009b\\u001b"\n}'),
    ({"\u202ek": "\u2066 \u200d \U000e0041"}, '{\n    "\\u202ek": "\\u2066 \u200d \\udb40\\udc41"\n}'),
    ({"h": datetime(2026, 1, 31, tzinfo=UTC)}, '{\n    "h": "2026-01-31T00:00:00+00:00"\n}'),
]


@pytest.mark.parametrize(("value", "text"), JSON)
def test_json(value: Any, text: str) -> None:
    assert render(value, "json") == text
    json.loads(text)


YAML: list[tuple[Any, str]] = [
    ({"h": True}, "h: true"),
    ({"h": {"b": 1, "a": [1, "é"]}}, "h:\n  a:\n  - 1\n  - é\n  b: 1"),
    ({"h": "two\nlines"}, "h: 'two\n\n  lines'"),
    ({"h": b"\xff"}, "h: !!binary |\n  /w=="),
    ({2: 1, "a": 2}, "2: 1\na: 2"),
    (["x", ("y",)], "- x\n- - y"),
    ("x", "x"),
    (None, "null"),
    ({"h": OrderedDict(b=1, a=2)}, "h:\n  a: 2\n  b: 1"),
    ({"h": "\x9b\x1b"}, 'h: "\\x9B\\e"'),
    ({"\u202ek": "é\u2066"}, '"\\u202ek": "é\\u2066"'),
    # folded where Salt folds
    (
        {"h": "caused an exception: Traceback (most recent call last, and more of it):\n  File 3"},
        'h: "caused an exception: Traceback (most recent call last, and more of it):\\n  File\n  3"',
    ),
]


@pytest.mark.parametrize(("value", "text"), YAML)
def test_yaml(value: Any, text: str) -> None:
    assert render(value, "yaml") == text


def test_yaml_shows_surrogates_and_objects() -> None:
    text = render({"h": "\ud800", "o": object}, "yaml")
    assert "ud800" in text.lower()
    assert "class 'object'" in text


TXT: list[tuple[Any, str]] = [
    ({"h": True}, "h: True"),
    ({"h": "two\nlines", "i": None}, "h: two\nh: lines\ni: None"),
    ({"h": {"b": 1, "a": [1, "é"]}}, "h: {'b': 1, 'a': [1, 'é']}"),
    ({"h": ""}, ""),
    ({"h": b"ok\xff"}, "h: ok\\xff"),
    ({"h": "\x1b]0;title\x07"}, r"h: \x1b]0;title\x07"),
    ("x\ny", "x\ny"),
    ([1, 2], "[1, 2]"),
]


@pytest.mark.parametrize(("value", "text"), TXT)
def test_txt(value: Any, text: str) -> None:
    assert render(value, "txt") == text


def test_a_table_shows_all_that_is_there() -> None:
    rows = [{"name": "a", "note": "word " * 12}, {"name": "b"}, {"size_b": [1], "name": "c\x1b\nd"}]
    assert render({"m1": {"rows": rows, "ok": True, "none": []}}, "table").split("\n") == [
        "m1:",
        "----------",
        "    none:",
        "    ----------",
        "    ok:",
        "    ----------",
        "        True",
        "    rows:",
        "    ----------",
        *render({"m1": {"rows": rows}}, "table").split("\n")[4:],
    ]
    shown = render(rows, "table")
    assert shown.count("word") == 12
    assert "c\\x1b" in shown
    assert " d " in shown
    assert {len(line) for line in shown.split("\n")} == {len(shown.split("\n")[0])}
    many = [{f"k{n}": n} for n in range(1000)]
    assert "k999" in render(many, "table")
    assert len(render(many, "table")) < 100_000


def test_newline_values_only() -> None:
    assert (
        render({"m1": {"a": "x\ny", "b": [1, {"c": None}]}, "m2": True}, "newline_values_only") == "x\ny\n1\nNone\nTrue"
    )


def test_raw_and_quiet() -> None:
    assert render({"h": {"b": b"\xff", "a": "\x1b"}}, "raw") == "{'h': {'b': b'\\xff', 'a': '\\x1b'}}"
    assert render("x\x1b", "raw") == "x\\x1b"
    assert render({"h": True}, "quiet") == ""


def test_an_unknown_form_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown output form 'xml': use one of nested, json, yaml, txt, raw, pprint,"):
        render(1, "xml")


def test_an_unknown_form_is_said_and_shown_nested(capsys: pytest.CaptureFixture[str]) -> None:
    display({"h": 1}, "xm\x1bl")
    done = capsys.readouterr()
    assert done.out == "h:\n    1\n"
    assert done.err == "[ERROR   ] Invalid outputter xm\\x1bl specified, fall back to nested\n"
    for name in (None, "", "highstate", "grains"):
        display({"h": 1}, name)
    assert capsys.readouterr() == ("h:\n    1\n" * 4, "")
    display({"h": "x"}, "text")
    assert capsys.readouterr().out == "h: x\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, file = Terminal(), io.StringIO()
    display({"h": True}, stream=terminal)
    display({"h": True}, stream=file)
    assert terminal.getvalue().startswith("\x1b[0;36mh")
    assert file.getvalue() == "h:\n    True\n"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            terminal = Terminal()
            display({"h": True}, stream=terminal)
            assert terminal.getvalue() == "h:\n    True\n"
    forced = io.StringIO()
    display({"h": True}, color=True, stream=forced)
    assert "\x1b" in forced.getvalue()


def test_display_prints_to_standard_output_and_nothing_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    display({"h": 1}, "json")
    display({"h": 1}, "quiet")
    display([], "nested")
    assert capsys.readouterr().out == '{\n    "h": 1\n}\n'


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_stream_cannot_encode_is_escaped(encoding: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    for out in OUTPUTS:
        display({"h": "☃ \ud800"}, out, stream=stream)
    stream.flush()
    shown = buffer.getvalue().decode(encoding)
    assert shown.count("ud800") + shown.count("uD800") >= 4
    assert ("☃" in shown) == (encoding == "utf-8")


TEXTS = st.text(st.characters(codec=None) | st.sampled_from("\x1b\x9b\r\n\x85\u2028\u202e\u2066\u061c\ufeff\xad\ud800"))
KEYS = TEXTS | st.integers() | st.none() | st.binary()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@given(KEYS, VALUES)
def test_nothing_that_steers_a_terminal_is_shown(key: Any, value: Any) -> None:
    for out in OUTPUTS:
        text = render({key: value}, out)
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\t\n"]
        assert not [c for c in text if unicodedata.bidirectional(c) in BIDI_CONTROLS]
        text.encode()
        assert uncoloured(render({key: value}, out, color=True)).rstrip() == text


COLORS = re.compile("|".join(re.escape(code) for name, code in vars(look).items() if name.isupper()))

BIDI_CONTROLS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")

WHOLE = st.characters(codec="utf-8") | st.sampled_from("\x1b\x9b\r\n\x85\u2028\u202e\u2066\u061c\ufeff\xad\U000e0041")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(WHOLE),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(WHOLE), inner),
        max_leaves=12,
    )
)
def test_json_and_yaml_say_what_the_value_is(value: Any) -> None:
    assert json.loads(render({"h": value}, "json")) == {"h": value}
    assert yaml.safe_load(render({"h": value}, "yaml")) == {"h": value}


@given(VALUES)
def test_json_and_yaml_are_always_well_formed(value: Any) -> None:
    assert isinstance(json.loads(render({"h": value}, "json")), dict)
    assert isinstance(yaml.safe_load(render({"h": value}, "yaml")), dict)


def test_importing_is_cheap() -> None:
    program = (
        "import sys; import saltern.output as o; o.render({'h': True});"
        "print(sorted({'yaml', 'json', 'rich', 'argparse'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "[]"
