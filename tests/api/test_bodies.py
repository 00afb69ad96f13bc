"""What a request's body may be."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern_api.answers import Refused
from saltern_api.bodies import KINDS, lowstate, read_form, read_value
from saltern_api.yaml_text import NotYaml, read_yaml
from support.api import Api

PING = {"client": "local", "tgt": "*", "fun": "test.ping"}
YAML = "application/x-yaml"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"client": "local", "tgt": "*", "fun": "test.ping"}'),
        ("Application/JSON; charset=utf-8", b'[{"client": "local", "tgt": "*", "fun": "test.ping"}]'),
        (YAML, b"client: local\ntgt: '*'\nfun: test.ping\n"),
        ("text/yaml", b"- client: local\n  tgt: '*'\n  fun: test.ping\n"),
        (FORM, b"client=local&tgt=*&fun=test.ping"),
        ("text/plain;charset=UTF-8", b'{"client": "local", "tgt": "*", "fun": "test.ping"}'),
    ],
)
def test_kinds(api: Api, kind: str, body: bytes) -> None:
    assert api.post("/", body, headers={"content-type": kind}).status_code == 200
    assert api.master.calls == [(api.token, PING)]


@pytest.mark.parametrize(
    ("kind", "body", "status", "told"),
    [
        ("application/json", b"{", 400, "Invalid JSON document"),
        ("application/json", b"", 400, "Invalid JSON document"),
        ("application/json", b"\xff\xfe{", 400, "Invalid JSON document"),
        ("application/json", b"[" * 500_000, 400, "Invalid JSON document"),
        ("application/json", b"1" * 100_000, 400, "Invalid JSON document"),
        ("application/json", b'"text"', 400, "Lowstates must be a list"),
        ("application/json", b"5", 400, "Lowstates must be a list"),
        ("application/json", b"[[]]", 400, "Lowstates must be a list"),
        ("application/json", b"null", 400, "Lowstates must be a list"),
        ("text/plain", b"hello", 400, "Lowstates must be a list"),
        (YAML, b"{", 400, "Invalid YAML document: "),
        (YAML, b"[" * 30_000, 400, "Invalid YAML document: nested too deeply"),
        (YAML, b"a: !!python/object/apply:os.system [ls]", 400, "Invalid YAML document: could not determine"),
        (YAML, b"x" * 70_000, 400, "Invalid YAML document: YAML of over 32,768 bytes is not read"),
        (FORM, b"a=1&" * 10_001, 400, "the form can't be read"),
        (FORM, b"arg=[1]&" * 9000, 400, None),
        ("text/xml", b"<a/>", 406, "Content type not supported"),
        ("", b"{}", 406, "Content type not supported"),
        ("", b"", 400, "Lowstates must be a list"),
        ("multipart/form-data; boundary=x", b"--x--", 406, "Content type not supported"),
    ],
)
def test_what_is_no_lowstate(api: Api, kind: str, body: bytes, status: int, told: str | None) -> None:
    answer = api.post("/", body, headers={"content-type": kind} if kind else {})
    assert answer.status_code == status, answer.text
    message = answer.json()["return"]
    assert told is None or message.startswith(told)
    assert api.master.calls == []


def test_too_long(api: Api) -> None:
    for headers in ({}, {"content-length": "1048577"}):
        answer = api.post("/", b" " * (1 << 20) + b"1", headers={"content-type": "application/json", **headers})
        assert answer.status_code == 413
        assert "max_request_body_size" in answer.json()["return"]
    small = Api({"max_request_body_size": 2048})
    assert small.post("/", [PING] * 20).status_code == 200
    assert small.post("/", [PING] * 60).status_code == 413
    small.close()


def test_compressed(api: Api) -> None:
    answer = api.post("/", b"x", headers={"content-encoding": "gzip", "content-type": "application/json"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "text",
    [
        "&a [*a]",
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
        "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]",
        "{" * 30_000,
        "[" * 30_000,
        "[" * 60 + "x, " * 10_000,
        "- " * 15_000,
        "? " * 15_000,
        "k: v\n" * 6000,
        "!" * 30_000,
        "a: 2026-99-99",
        "<<: [1]",
        "? [a]\n: b",
        "? {a: b}\n: c",
        "0x" + "f" * 30_000,
        "\x00",
        "\ud800",
    ],
)
def test_yaml_that_would_cost(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(NotYaml):
        read_yaml(text)
    assert time.process_time() - began < 1.5


def test_yaml_that_is_too_much() -> None:
    rows = ["a: &a [" + "x," * 9 + "]"]
    rows += [f"{one}: &{one} [" + f"*{before}," * 9 + "]" for before, one in itertools.pairwise("abcdef")]
    with pytest.raises(NotYaml, match="repeat so much"):
        read_yaml("\n".join(rows))
    assert read_yaml("\n".join(rows[:4]))["d"][0][0][0] == ["x"] * 9
    assert read_yaml("[" * 64 + "]" * 64) is not None
    for text in ("[" * 65 + "]" * 65, "{a: " * 65 + "}" * 65):
        with pytest.raises(NotYaml, match="nested too deeply"):
            read_yaml(text)


@given(st.text(max_size=60) | st.text("ab:-[]{}&*!|>'\"#%@`?, \n\t0x1.~<=", max_size=80))
def test_yaml_is_read_as_a_safe_loader_does(text: str) -> None:
    try:
        expected: Any = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        with pytest.raises(NotYaml):
            read_yaml(text)
        return
    try:
        assert repr(read_yaml(text)) == repr(expected)
    except NotYaml:
        assert "&" in text  # one that is in itself


@given(st.sampled_from((*KINDS, "", "text/xml")), st.binary(max_size=200))
def test_any_bytes(kind: str, body: bytes) -> None:
    chunks: list[dict[str, Any]] = []
    with contextlib.suppress(Refused):
        chunks = lowstate(read_value(kind, body))
    assert all(isinstance(key, str) for chunk in chunks for key in chunk)


@given(st.lists(st.tuples(st.sampled_from(["tgt", "arg", "kwarg", "x"]), st.integers(0, 9)), max_size=9))
def test_forms(fields: list[tuple[str, int]]) -> None:
    body = "&".join(f"{name}={value}" for name, value in fields).encode()
    expected: dict[str, Any] = {}
    for name in dict.fromkeys(name for name, _ in fields):
        values = [value if "arg" in name else str(value) for one, value in fields if one == name]
        expected[name] = values if len(values) > 1 or name == "arg" else values[0]
    assert read_form(body) == expected


def test_fields_without_a_value_are_none() -> None:
    assert read_form(b"tgt=&arg=&kwarg=&x&fun=test.ping") == {"fun": "test.ping"}


def test_words_of_forms() -> None:
    words = {"2": 2, "true": True, "null": None, "[1, x]": [1, "x"], "{a: 1}": {"a": 1}}
    texts = ("a: 1", "k=2", "{", "#x", "*", "*web.example.*", "a b", "1_0", "2026-01-01", "!!python/name:os.system")
    for text, value in (*words.items(), *((text, text) for text in texts)):
        assert read_form(urlencode({"arg": text, "kwarg": text, "tgt": text}).encode()) == {
            "arg": [value],
            "kwarg": value,
            "tgt": text,
        }


@pytest.mark.parametrize("kind", ["application/x-yaml", "application/x-www-form-urlencoded"])
def test_who_is_not_known_may_have_little_read_that_is_slow_to_read(kind: str) -> None:
    body = b"arg=" + b"x" * 5000 if "form" in kind else b"a: " + b"x" * 5000
    assert read_value(kind, body)
    with pytest.raises(Refused, match="4,096 bytes"):
        read_value(kind, body, known=False)
    assert read_value("application/json", b'{"a": "' + b"x" * 5000 + b'"}', known=False)
