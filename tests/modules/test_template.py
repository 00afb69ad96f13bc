"""Templates on a minion: which engines there are, how functions are called, and what is said without Jinja2."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from saltern.errors import CommandError, RenderError
from saltern_modules._template import ENGINES, rendered


def render(text: str, engine: str | None = "jinja", **context: Any) -> str:
    functions: dict[str, Any] = {
        "test.echo": lambda text: text,
        "cp.get_file_str": lambda path, saltenv: {"salt://a": f"in {saltenv}"}.get(path, False),
    }
    return rendered(
        text, engine, context, salt=functions, grains={"os": "x"}, pillar={"p": 1}, opts={"id": "m"}, saltenv="dev"
    )


def test_without_an_engine_nothing_changes() -> None:
    assert render("{{ 1 }}", None) == render("{{ 1 }}", "") == "{{ 1 }}"


def test_what_templates_have() -> None:
    assert render("{{ grains.os }}{{ pillar.p }}{{ opts.id }}{{ saltenv }}{{ mine }}", mine=2) == "x1mdev2"
    assert render("{{ salt['test.echo']('a') }}{{ salt.test.echo('b') }}") == "ab"
    assert render("{{ 'test.echo' in salt }} {{ 'no.such' in salt }} {{ salt.get('no.such', 5) }}") == "True False 5"
    assert render("{% include 'a' %}") == "in dev"
    assert render("{{ grains }}", grains="own") == "own", "the caller's names win"


@pytest.mark.parametrize("engine", sorted(ENGINES - {"jinja"}))
def test_other_engines_are_refused(engine: str) -> None:
    with pytest.raises(CommandError, match=engine):
        render("x", engine)


def test_an_unknown_engine_is_said() -> None:
    with pytest.raises(CommandError, match="unavailable engine nonesuch"):
        render("x", "nonesuch")


@pytest.mark.parametrize("text", ["{{ salt.test.nope() }}", "{{ salt['test.nope']() }}", "{{ salt._functions }}"])
def test_functions_that_are_not_there(text: str) -> None:
    with pytest.raises(RenderError, match="line 1"):
        render(text)


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(CommandError, match=r"pip install 'saltern\[templates\]'"):
        render("x")


def test_an_agent_loads_jinja_only_for_a_template() -> None:
    import subprocess

    modules = "saltern_modules._template, saltern_modules.slsutil, saltern_modules.cmd"
    code = f"import sys, {modules}; print('jinja2' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
