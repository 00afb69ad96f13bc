"""Pillar from trees of files, with a real master and real agents: told when it changes, compiled when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.secret import MASK
from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent
TOP = "base:\n  '*': [all]\n  'G@role:web': [web]\n"
MODULE = """
def password(): return __pillar__["password"][::-1]
def seen(): return dict(__pillar__)
"""


class Site:
    """A stack, and the folder of its pillar."""

    def __init__(self, root: Path) -> None:
        self.pillar = root / "pillar"
        (root / "modules").mkdir(parents=True)
        (root / "modules" / "mod.py").write_text(MODULE)
        self.write("base/top.sls", TOP)
        self.write("base/all.sls", "id: {{ grains.id }}\nport: 80\npassword: !secret hunter2\n")
        self.write("base/web.sls", "web: {{ grains.role }}\n")
        self.write("prod/top.sls", "prod:\n  '*': [p]\n")
        self.write("prod/p.sls", "env: prod\n")
        roots = {env: [str(self.pillar / env)] for env in ("base", "prod")}
        self.parts = Parts(
            root / "stack",
            2,
            master=json.dumps(
                {
                    "schedule": {"stats": False},
                    "pillar_roots": roots,
                    "on_demand_ext_pillar": ["nodegroups"],
                    "ext_pillar": [{"cmd_yaml": "echo from: %s"}],
                }
            ),
            minion=f"module_dirs: [{root / 'modules'}]\ngrains: {{role: web}}\n",
        )
        self.one, self.two = self.parts.stack.minion_ids

    def write(self, path: str, text: str) -> None:
        place = self.pillar / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def ask(self, function: str, *args: Any, **kwargs: Any) -> Any:
        return self.parts.client.cmd(self.one, function, list(args), kwarg=kwargs, timeout=20)[self.one]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("pillar"))
    with site.parts.running():
        yield site


def whole(site: Site) -> dict[str, Any]:
    return {"id": site.one, "port": 80, "password": MASK, "web": "web", "env": "prod", "from": site.one}


def test_a_minion_has_its_pillar_before_its_first_job(site: Site) -> None:
    assert site.ask("pillar.raw") == whole(site)
    assert site.ask("mod.password") == "2retnuh"
    assert site.ask("pillar.items") == whole(site)
    assert site.ask("pillar.ls") == list(whole(site))


def test_changes_come_by_themselves(site: Site) -> None:
    site.write("base/web.sls", "web: {{ grains.role }}\nnew: 1\n")
    wait_for(lambda: site.ask("pillar.get", "new") == 1, "the change")
    both = sorted((site.one, site.two))
    wait_for(lambda: sorted(site.parts.client.cmd("I@new:1", "test.ping", tgt_type="compound")) == both, "the other's")
    site.write("base/web.sls", "web: {{ grains.role }}\n")
    wait_for(lambda: site.ask("pillar.get", "new") == "", "the change")


def test_a_refresh_has_what_was_just_written(site: Site) -> None:
    for port in (81, 82, 80):
        site.write("base/all.sls", f"id: {{{{ grains.id }}}}\nport: {port}\npassword: !secret hunter2\n")
        assert site.ask("saltutil.refresh_pillar") is True
        assert site.ask("pillar.get", "port") == port


def test_what_is_asked_for_apart_changes_nothing(site: Site) -> None:
    assert site.ask("pillar.items", pillarenv="prod")["env"] == "prod"
    assert "id" not in site.ask("pillar.items", pillarenv="prod")
    assert site.ask("pillar.items", pillar={"port": 1})["port"] == 1
    assert site.ask("pillar.get", "port", pillarenv="base") == 80
    assert site.ask("pillar.ext", {"nodegroups": "groups"})["groups"] == []
    assert "doesn't allow cmd_yaml" in site.ask("pillar.ext", {"cmd_yaml": "id"})
    assert site.ask("pillar.raw") == whole(site)


def test_a_fault_leaves_the_last_good_pillar_and_is_told(site: Site) -> None:
    site.write("base/web.sls", "web: {{ nope }}\n")
    told = ["Rendering SLS 'web' failed. Please see master log for details."]
    try:
        wait_for(lambda: site.ask("pillar.get", "_errors") == told, "the error")
        assert site.ask("pillar.raw") == {**whole(site), "_errors": told}
        answer = site.parts.client.cmd(site.one, "pillar.items", full_return=True, timeout=20)[site.one]
        assert "web" not in answer["ret"]
        assert answer["ret"]["_errors"] == told
        assert answer["retcode"] == 1
        assert "web.sls: line 1: Jinja variable 'nope' is undefined" in site.parts.log("master")
    finally:
        site.write("base/web.sls", "web: {{ grains.role }}\n")
    wait_for(lambda: site.ask("pillar.raw") == whole(site), "the pillar")


def test_the_runner_shows_who_gets_what(site: Site) -> None:
    runner = site.parts.runner
    assert runner.cmd("pillar.show_pillar", [site.one]) == whole(site)
    assert "web" not in runner.cmd("pillar.show_pillar", [site.one], kwarg={"role": "db"})
    assert runner.cmd("pillar.show_pillar", [site.one], kwarg={"pillarenv": "prod"}) == {
        "env": "prod",
        "from": site.one,
    }
    assert runner.cmd("pillar.show_top", [site.one])["base"] == {"*": ["all"], "G@role:web": ["web"]}
    assert set(runner.cmd("pillar.show_pillar_cache", ["*"])) == {site.one, site.two}
    assert runner.cmd("pillar.clear_pillar_cache", ["*"]) is True


def test_salt_call_has_the_pillar_too(site: Site) -> None:
    config = site.parts.stack.minion_config(site.two)
    done = subprocess.run(
        [BIN / "saltern-call", "-c", config, "--out", "json", "pillar.items"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ},
    )
    assert json.loads(done.stdout)["local"]["id"] == site.two


def test_a_master_that_starts_again_gives_the_same(site: Site) -> None:
    site.parts.stop("master")
    site.parts.start("master")
    wait_for(lambda: sorted(site.parts.up()) == sorted((site.one, site.two)), "the agents", 60)
    assert site.ask("pillar.raw") == whole(site)
