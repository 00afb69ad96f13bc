"""A text that has nothing of Jinja in it is what Jinja makes of it, settings of Jinja's own included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saltern.config.master import DEFAULTS
from saltern.templating.render import render
from saltern_master.pillar.context import Scene
from saltern_master.pillar.renderer import Renderer
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.tree import Tree

OWN = {"variable_start_string": "<<", "variable_end_string": ">>"}


@pytest.mark.parametrize("own", [{}, OWN])
@pytest.mark.parametrize(
    "text",
    [
        *("a: 1", "a: 1\n", "a: 1\n\n\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2", "a: '{ { % # } }'\n"),
        *("a: {{ 1 }}\n", "{% if 1 %}a: 1{% endif %}", "a: 1{# no #}\n", "a: << 1 >>\n", "{# no #}\n# line\na: 1"),
        '#jinja2: {"line_statement_prefix": "!"}\n! if 1\na: 1\n! endif\n',
        '#jinja2: {"variable_start_string": "<<", "variable_end_string": ">>"}\na: << 1 >>\n',
    ],
)
def test_a_text_is_rendered_as_by_jinja(text: str, own: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "top.sls").write_bytes(text.encode())
    options = {**DEFAULTS, "pillar_roots": {"base": [str(tmp_path)]}, "jinja_sls_env": own, "renderer": "jinja"}
    settings = Settings.of({**options, "conf_file": str(tmp_path / "master"), "cachedir": str(tmp_path)})
    tree = Tree(settings.roots, settings.hidden)
    tree.look()
    found = tree.find("base", "top.sls")
    assert found is not None
    scene = Scene("web1", {}, {}, settings.opts, {}, settings.conf_file)
    rendered = Renderer(settings, tree, lambda _: None).render(found, "base", "top", scene, {})
    assert rendered == render(found.text, {}, opts=settings.opts, sls="top")
