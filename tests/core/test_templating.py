"""Templates: what they reach, what they can't, and what they are told when they fail."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import RenderError
from saltern.templating import environment
from saltern.templating.render import render

FILES = {
    "web/map.jinja": "{% set port = 80 %}{% macro tag(x) %}<{{ x }}>{% endmacro %}",
    "web/inner.jinja": "{{ tplfile }} {{ tpldir }}",
    "web/values.yaml": "ports: [80, 443]\n",
    "web/broken.jinja": "one\n{{ nope }}\n",
}


def rendered(text: str, **context: Any) -> str:
    opts = context.pop("opts", {})
    return render(text, context, opts=opts, read=FILES.get, source=context.pop("source", ""))


@pytest.mark.parametrize(
    ("text", "comes_to"),
    [
        ("{% from 'web/map.jinja' import port, tag %}{{ tag(port) }}", "<80>"),
        ("{% import 'web/inner.jinja' as x %}{{ x }}", "web/inner.jinja web"),
        ("{% import_yaml 'web/values.yaml' as v %}{{ v.ports[1] }}", "443"),
        ("{% import_text 'web/values.yaml' as v %}{{ v }}", "ports: [80, 443]"),
        ("{% load_json as v %}[1]{% endload %}{{ v[0] }}", "1"),
        ("{% profile as 'x' %}in{% endprofile %}", "in"),
        ("{{ {'a': 'one\ntwo'} }}", "{'a': \"one\\ntwo\"}"),
        ('#jinja2: {"trim_blocks": true}\n{% if true %}\nx{% endif %}\n', "x\n"),
        ("a\n\n", "a\n\n"),
    ],
)
def test_templates(text: str, comes_to: str) -> None:
    assert rendered(text) == comes_to


def test_relative_imports_start_from_the_template() -> None:
    assert rendered("{% from './map.jinja' import port %}{{ port }}", source="web/index.html") == "80"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "nowhere", "./x"])
def test_nothing_is_read_outside_the_file_roots(name: str) -> None:
    with pytest.raises(RenderError, match="can't be found"):
        rendered(f"{{% include '{name}' %}}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\n{{ x.y }}", "Jinja variable 'x' is undefined; line 2"),
        ("a\n\n{% if %}", "Jinja syntax error: Expected an expression, got 'end of statement block'; line 3"),
        ("{{ raise('no port') }}", "Jinja error: no port; line 1"),
        ("\n{{ 1 / 0 }}", "Jinja error: division by zero; line 2"),
        ("{% include 'web/broken.jinja' %}", "Jinja variable 'nope' is undefined; line 2 of web/broken.jinja"),
        ("{% load_yaml as x %}\n'\n{% endload %}", "Jinja syntax error: Encountered error loading yaml"),
        ("{{ ''.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ ''|method_call('__class__') }}", "access to attribute '__class__'"),
        ("{{ '{0.__class__}'|method_call('format', 1) }}", "format isn't called by name"),
        ("{{ ''|attr('__class__') }}", "access to attribute '__class__'"),
        ("{{ 'a' * 10 ** 9 }}", "a multiplication comes to more"),
        ("{{ [1] * 99999999 }}", "a multiplication comes to more"),
        ("{{ 9 ** 99999 }}", "a power comes to more"),
        ("{{ '%99999999d' % 1 }}", "a format is too wide"),
        ("{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}", "maximum recursion depth"),
        ("{{ '10.0.0.0/8'|network_hosts }}", "more than 1048576 addresses"),
    ],
)
def test_faults_are_one_line(text: str, says: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_loops_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "MAX_STEPS", 1000)
    with pytest.raises(RenderError, match="takes more than 1000 steps"):
        rendered("{% for a in range(99) %}{% for b in range(99) %}{% endfor %}{% endfor %}")


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saltern.templating.render.MAX_OUTPUT", 1 << 20)
    with pytest.raises(RenderError, match="comes to more than 1 MiB"):
        rendered("{% for a in range(99) %}{{ 'a' * 99999 }}{% endfor %}")


def test_undefined_is_allowed_when_asked_for() -> None:
    assert rendered("<{{ x }}>", opts={"allow_undefined": True}) == "<>"


@given(st.text(alphabet="{}%#\n a1'|.()[]", max_size=40))
def test_any_text_renders_or_is_a_fault(text: str) -> None:
    try:
        rendered(text)
    except RenderError as error:
        fault = str(error)
    else:
        fault = ""
    assert "\n" not in fault
