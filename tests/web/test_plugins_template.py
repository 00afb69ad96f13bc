"""``result.html``: what minions say stays text, whatever the template does, and a template stays within its bounds."""

from __future__ import annotations

import contextlib
import tracemalloc
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern_web.plugins.markup import DROPPED, ELEMENTS, VOID, clean_markup
from saltern_web.plugins.names import PluginFault
from saltern_web.plugins.template import load_template, render_result

pytestmark = pytest.mark.usefixtures("console_site")

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> hx-get=/logout'


def shown(source: str, **given: Any) -> str:
    return render_result(load_template(source.encode()), given)


def test_values_are_text() -> None:
    assert shown("<b>{{ data.name }}</b>", data={"name": HOSTILE}) == (
        '<b>"&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt; hx-get=/logout</b>'
    )


@pytest.mark.parametrize(
    "source",
    [
        "<b class={{ data }}>x</b>",
        "<b title={{ data }}>x</b>",
        "<a href={{ data }}>x</a>",
        "<a href='{{ data }}'>x</a>",
        "{{ data|join:'' }}",
        "{% with a=data %}{{ a|upper|lower }}{% endwith %}",
        "{% firstof data %}{% cycle data data %}",
        "{{ data|linebreaksbr|default:data }}",
        "{% for one in data %}{{ one }}{% endfor %}",
        "</div></div><script>{{ data }}</script><style>{{ data }}</style>",
    ],
)
@pytest.mark.parametrize(
    "data", [HOSTILE, "javascript:alert(1)", "x hx-post=/logout hx-trigger=load style=a onclick=b"]
)
def test_no_place_in_a_template_makes_more_of_it(source: str, data: str) -> None:
    made = _elements(shown(source, data=data))
    assert not {tag for tag, _ in made} - {"b", "a", "br"}
    for _, attributes in made:
        assert not {name for name in attributes if name.startswith(("on", "hx-", "style", "data-hx"))}
        assert not attributes.get("href", "/").startswith("javascript:")


def _elements(html: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, {name: value or "" for name, value in attrs}))

    Seen().feed(html)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "{{ data|safe }}", "{{ data|safeseq }}", "{{ data|force_escape }}", "{{ data|ljust:'999' }}",
        "{{ data|add:data }}",
        "{% autoescape off %}{% endautoescape %}", "{% include 'base.html' %}", "{% extends 'base.html' %}",
        "{% load static %}", "{% load saltern %}", "{% debug %}", "{% filter safe %}{% endfilter %}",
        "{% csrf_token %}",
        "{% url 'x' %}", "{% lorem 99999 %}", "{% now 'Y' %}", "{% static 'css/base.css' %}", "{{ data.__class__ }}",
        "{% if %}", "{{ data|nothing }}", "{% block a %}{% endblock %}", "{{ data|stringformat:'999999d' }}",
    ],
)  # fmt: skip
def test_there_is_no_way_out(source: str) -> None:
    with pytest.raises(PluginFault, match=r"^result\.html: ") as caught:
        load_template(source.encode())
    assert "\n" not in str(caught.value)


def test_loops_and_size_are_bounded() -> None:
    loop = "{% for a in data %}{% for b in data %}{% for c in data %}x{% endfor %}{% endfor %}{% endfor %}"
    with pytest.raises(PluginFault, match="over 20,000 rounds"):
        shown(loop, data=list(range(100)))
    with pytest.raises(PluginFault, match="over 262,144 characters"):
        shown("{% for a in data %}{{ big }}{% endfor %}", data=list(range(100)), big="x" * 10_000)
    with pytest.raises(PluginFault, match="nested over 100 deep"):
        shown("<div>" * 101)
    with pytest.raises(PluginFault, match="too large"):
        load_template(b"x" * 200_000)


@pytest.mark.parametrize(
    "source",
    [
        "{% for one in data.rows %}{{ data.note }}{% endfor %}",
        "{% for one in data.rows %}{% if one %}{% with a=data.note %}{{ a }}{% endwith %}{% endif %}{% endfor %}",
        "{% for one in data.rows %}{% ifchanged one %}{% firstof data.note %}{% endifchanged %}{% endfor %}",
        "{% for one in data.rows %}" + "t" * 100_000 + "{% endfor %}",
        "{{ data.note|join:data.note|length }}",
        "{{ data.rows|join:data.note|length }}",
        "{{ data.one|floatformat:90000000|length }}",
        "{{ data.one|floatformat:'-90000000g'|length }}",
        "{{ data.one|floatformat:data.many|length }}",
        "{{ data.one|floatformat:' 90_000_000u'|length }}",
        "{{ data.one|floatformat:9e7|length }}",
    ],
)
def test_text_that_a_minion_or_a_template_makes_many_of_is_never_there(source: str) -> None:
    note = "n" * 100_000
    tracemalloc.start()
    with contextlib.suppress(PluginFault):
        shown(source, data={"rows": list(range(1, 2000)), "note": note, "one": 1.5, "many": 90_000_000})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 32 * 1024 * 1024


def test_joined_lists_are_escaped_and_numbers_have_their_digits() -> None:
    assert shown("{{ data|join:'<' }}", data=["<b>", 1, None]) == "&lt;b&gt;&lt;1&lt;None"
    assert shown("{{ data|join:', ' }}", data=5) == "5"
    source = "{{ data|floatformat:2 }} {{ data|floatformat }} {{ data|floatformat:'-3' }} {{ data|floatformat:'x' }}"
    assert shown(source, data=1.5) == "1.50 1.5 1.500 1.5"


def test_what_it_has_beside_djangos_own() -> None:
    data = {"items": 5, "b": 2048, "at": 1e9}
    assert shown("{% for k, v in data|pairs %}{{ k }}={{ v|in_bytes }} {% endfor %}", data={"items": 5, "b": 2048}) == (
        "b=2.0 KiB items=5 B "
    )
    assert shown("{{ data|get:key }}{{ key|get:key }}", data=data, key="items") == "5None"
    assert 'class="state s-warn"' in shown("{% state 'warning' %}")
    assert "&lt;b&gt;" in shown("{% state data %}", data="<b>")
    assert 'data-at="1000000000.0"' in shown("{{ data.at|age }}", data=data)


def test_an_error_in_it_is_one_line() -> None:
    with pytest.raises(PluginFault, match=r"^result\.html: ValueError: could not convert") as caught:
        shown("{{ data|in_bytes }}", data="many\nbytes")
    assert "\n" not in str(caught.value)


def test_markup_is_made_anew() -> None:
    assert clean_markup("<TABLE><tr><td onclick=x class='a b'>1<script>alert('</td>')</script>") == (
        '<table><tr><td class="a b">1</td></tr></table>'
    )
    assert clean_markup("<pre tabindex=3>a") == '<pre tabindex="0">a</pre>'
    assert clean_markup("</p></div>a<b>c") == "a<b>c</b>"
    assert clean_markup("<p>a</div>b</p>") == "<p>ab</p>"
    assert clean_markup("<form action=/x><input name=a><button>go</button></form>") == "go"
    assert clean_markup("<svg><a href=/x>k</a></svg><iframe src=/>b</iframe>") == ""
    assert clean_markup("<!-- a --><!doctype html><?php x ?>b&amp;c&lt;") == "b&amp;c&lt;"
    assert clean_markup("<img src=/static/x.png alt=a><img src=https://elsewhere/x.png>") == (
        '<img src="/static/x.png" alt="a"><img>'
    )
    assert clean_markup('<time data-at="1.5">a</time><time data-at="x">b</time>') == (
        '<time data-at="1.5">a</time><time>b</time>'
    )
    for link, kept in {
        "/hosts": 1,
        "?a=b": 1,
        "https://x/": 1,
        "//evil": 0,
        "/\\evil": 0,
        "data:text/html,x": 0,
    }.items():
        assert ("href" in clean_markup(f'<a href="{link}">x</a>')) == bool(kept), link


@settings(max_examples=200, deadline=None)
@example("<![<")
@example("a<![CDATA[b<i>]]>c")
@given(st.text("<>/=\"'& \n!-[]?" + "abscriptdv", max_size=80))
def test_whatever_markup_comes_it_is_whole_and_stays_as_it_was_made(text: str) -> None:
    made = clean_markup(text)
    assert clean_markup(made) == made
    opened: list[str] = []

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in ELEMENTS - DROPPED
            assert not [name for name, _ in attrs if name.startswith(("on", "hx", "style", "srcdoc", "id"))]
            if tag not in VOID:
                opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Seen().feed(made)
    assert not opened
