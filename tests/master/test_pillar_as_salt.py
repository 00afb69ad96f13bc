"""What trees of pillar's files come to for a minion: the same as in Salt 3008, errors too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.config.master import DEFAULTS
from saltern.errors import ConfigError
from saltern.wire import pack_value, unpack_value
from saltern_master.pillar.compile import Compiler, Request
from saltern_master.pillar.ext import run_ext
from saltern_master.pillar.settings import Settings
from saltern_master.pillar.tree import Found, Tree
from support.salt_answers.pillar_cases import CASES, GRAINS

ANSWERS = json.loads((Path(__file__).parent.parent / "support" / "salt_answers" / "pillar.json").read_text())
DIFFERENT: dict[str, str] = {
    "target 22: N@none": "a nodegroup that isn't there is an error of the top file, not nobody",
    "include a list": "an error beside the rest, where Salt raises and there is no pillar",
    "merge unknown": "the option is refused when it is read",
    "ext is no list": "the option is refused when it is read",
    "ext isn't there": "an error, where Salt logs it alone",
    "stack: not YAML": "the file's text isn't shown: it may hold secrets",
    "stack: broken": "the error has its line",
    "ext gives a list": "an error beside the rest, where Salt raises and there is no pillar",
}


def compiled(case: dict[str, Any], root: Path) -> Any:
    """Return what ours makes of a case, as the answers are written."""
    for name, text in case["files"].items():
        env, _, path = name.rpartition(":")
        place = root / (env or "base") / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    envs = case.get("envs", ["base", "prod"])
    options = {
        **DEFAULTS,
        "conf_file": str(root / "master"),
        "cachedir": str(root),
        "pillar_roots": {env: [str(root / env)] for env in envs},
    }
    own = json.loads(json.dumps(case["options"]).replace("ROOT", str(root)))
    compiler = Compiler(Settings.of({**options, **own}), run_ext)
    compiler.tree.look()
    request = Request(
        case.get("minion", "web1"),
        {**GRAINS, **case.get("grains", {})},
        case.get("saltenv"),
        case.get("pillarenv"),
        case.get("override") or {},
    )
    found = compiler.compile(request).pillar
    return json.loads(json.dumps(found, default=repr).replace(str(root), "ROOT"))


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_a_tree_comes_to_what_salt_makes_of_it(name: str, tmp_path: Path) -> None:
    assert compiled(CASES[name], tmp_path) == ANSWERS[name]


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs_is_an_error_or_says_less(name: str, tmp_path: Path) -> None:
    try:
        found = compiled(CASES[name], tmp_path)
    except ConfigError:
        return
    assert found != ANSWERS[name], "it doesn't differ any more"
    assert found.get("_errors")


WORDS = st.sampled_from(
    [
        "a: 1\n",
        "- b\n",
        "{{ x }}",
        "{% if",
        "%}",
        "include:\n",
        "'*':\n",
        "base:\n",
        "  ",
        "\t",
        "<<: *a\n",
        "&a ",
        "!x ",
        "[",
        "}",
        "#!yaml\n",
        "#!py\n",
        "0644",
        "\x00",
        "é",
        ": ",
        "\n",
        "!secret x\n",
        "  - it\n",
        "{1: 2}",
        "? ",
        "!!binary =\n",
        "---\n",
    ]
)


@given(st.lists(WORDS, max_size=12).map("".join), st.lists(WORDS, max_size=12).map("".join))
@settings(max_examples=150, deadline=None)
def test_no_files_are_more_than_an_error(top: str, it: str) -> None:
    class Memory(Tree):
        def look(self) -> None:
            self._stamps = {"base": dict.fromkeys(("top.sls", "it.sls"))}  # type: ignore[dict-item]

        def _read(self, env: str, path: str) -> Found | None:
            return Found(path, path, {"top.sls": top, "it.sls": it}[path])

    for first in (top, "base:\n  '*': [it]\n"):
        top = first
        configured = Settings.of({**DEFAULTS, "conf_file": "x", "pillar_roots": {"base": ["/nowhere"]}})
        compiler = Compiler(configured, run_ext, Memory(configured.roots, []))
        compiler.tree.look()
        found = compiler.compile(Request("web1", GRAINS))
        assert isinstance(found.pillar, dict)
        assert unpack_value(pack_value(found.pillar, secrets=True), secrets=True).keys() == found.pillar.keys()
