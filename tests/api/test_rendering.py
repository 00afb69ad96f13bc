"""Which form an answer has, and that it is one."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern_api.accepting import JSON, YAML, form_of, wants_html
from saltern_api.rendering import form_for, to_json, to_yaml
from support.api import Api

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["\n", " a\n b", "a: b", "- x", "|", "'", "\n\n x\n", "yes", "1", "~", "\t", "\x85", "\u2028x", "#", "a #b", "\x00"]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(PLAIN | st.dictionaries(TEXTS, PLAIN).map(lambda one: ("map", one)), max_size=4))
def test_pieces_make_one_answer(elements: list[Any]) -> None:
    for kind, load in ((JSON, json.loads), (YAML, yaml.safe_load)):
        form, text = form_for(kind), bytearray()
        text += form.begin()
        for number, element in enumerate(elements):
            if isinstance(element, tuple):
                text += b"".join(form.pairs(element[1].items(), first=not number))
            else:
                text += form.element(element, first=not number)
        text += form.end(empty=not elements)
        expected = [one[1] if isinstance(one, tuple) else one for one in elements]
        assert load(text.decode()) == {"return": expected}


@pytest.mark.parametrize("write", [to_json, to_yaml])
def test_what_neither_form_has(write: Any) -> None:
    loop: list[Any] = []
    loop.append(loop)
    value = {
        7: math.nan,
        None: [math.inf, -math.inf],
        b"\xff": b"ab\xfe",
        True: {1, 2},
        "s": Secret("hidden"),
        "big": 2**70,
        "loop": loop,
        1.5: "\ud800",
    }
    text = write(value).decode()
    read = json.loads(text) if write is to_json else yaml.safe_load(text)
    assert read["7"] is None
    assert read["true"] == [1, 2]
    assert read["null"] == [None, None]
    assert read["\\xff"] == "ab\\xfe"
    assert read["s"] == "***"
    assert "hidden" not in text
    assert read["big"] == str(2**70) or read["big"] == 2**70
    assert "NaN" not in text
    assert read["loop"] == ["<cycle>"]
    assert read["1.5"] in ("\ud800", "\\ud800")


def test_numbers_that_json_does_not_have() -> None:
    assert to_json([math.nan, {"a": -math.inf}, 1.5]) == b'[null, {"a": null}, 1.5]'


def test_depth() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    assert b"<too deep>" in to_json(value)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        ("application/*", JSON),
        ("application/x-yaml", YAML),
        ("text/yaml", "text/yaml"),
        ("application/json;q=0.1, application/x-yaml", YAML),
        ("application/json;q=0.5, application/x-yaml;q=0.4", JSON),
        ("application/x-yaml;q=0.2, */*;q=0.1", YAML),
        ("application/json;q=0, */*", YAML),
        ("application/x-yaml, application/json", YAML),
        ("application/json, application/x-yaml", JSON),
        ("text/html, */*;q=0.8", JSON),
        ("text/html", None),
        ("image/png, application/json;q=0", None),
        ("application/json;q=nan", None),
        ("application/json;q=7", None),
        ("nonsense", None),
        ("text/*", "text/yaml"),
    ],
)
def test_accept(accept: str, form: str | None) -> None:
    assert form_of(accept) == form


@given(st.text(max_size=80) | st.text("aplicton/jsyml*;q=0.1, ", max_size=80))
def test_any_accept(accept: str) -> None:
    assert form_of(accept) in (None, JSON, YAML, "text/yaml", "application/yaml")
    assert wants_html(accept) in (True, False)


def test_over_http() -> None:
    api = Api()
    for path in ("/", "/login", "/health", "/jobs"):
        answer = api.get(path, headers={"accept": "application/x-yaml"})
        assert answer.headers["content-type"].startswith("application/x-yaml")
        assert yaml.safe_load(answer.text) == api.get(path).json()
        assert api.get(path, headers={"accept": "image/png"}).status_code == 406
    refused = api.post("/", {"client": "local"}, headers={"accept": "image/png"})
    assert refused.status_code == 406
    assert api.master.calls == [(api.token, {"client": "runner", "fun": "jobs.list_jobs"})] * 2
    api.close()


def test_an_error_for_a_browser_is_a_page_that_runs_nothing() -> None:
    api = Api()
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = api.get("/<script>alert(1)</script>", headers=browser)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h2>404 Not Found</h2>" in answer.text
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert api.get("/nothing", headers={"accept": "application/json, text/html"}).json()["status"] == 404
    assert api.get("/nothing", headers={"accept": "*/*"}).json()["status"] == 404
    api.close()
