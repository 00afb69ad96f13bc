"""Programs on hosts that lack their libraries: one line that says what to install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from saltern.programs import LIBRARIES

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

BLOCKER = """
import os, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in os.environ["BLOCKED"].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run(folder: Path, script: str, words: str, blocked: str) -> subprocess.CompletedProcess[str]:
    """Run a console script on a host where the modules *blocked* are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCKER)
    (folder / "master").write_text("carbon_protocol: plaintext\nroot_dir: DIR\npublish_port: 0\nret_port: 0\n")
    (folder / "minion").write_text(f"root_dir: DIR\nmaster_key: {'A' * 40}\n")
    (folder / "web").write_text("state_dir: DIR/web.d\n")
    for name in ("master", "minion", "web"):
        (folder / name).write_text((folder / name).read_text().replace("DIR", str(folder)))
    environment = {**os.environ, "PYTHONPATH": str(folder), "BLOCKED": blocked, "SALTERN_CONFIG_DIR": str(folder)}
    return subprocess.run(
        [BIN / script, *words.split()],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("script", "words", "blocked", "line"),
    [
        ("saltern", "* test.ping", "msgpack", "saltern needs msgpack: run pip install 'saltern'"),
        ("saltern-run", "manage.up", "yaml", "saltern-run needs PyYAML: run pip install 'saltern'"),
        ("saltern-key", "-L", "msgpack", "saltern-key needs msgpack: run pip install 'saltern[master]'"),
        ("saltern-agent", "", "zmq", "saltern-agent needs pyzmq: run pip install 'saltern[agent]'"),
        ("saltern-call", "test.ping", "zmq", "saltern-call needs pyzmq: run pip install 'saltern[agent]'"),
        ("saltern-master", "", "zmq", "saltern-master needs pyzmq: run pip install 'saltern[master]'"),
        ("saltern-web", "", "django", "saltern-web needs Django: run pip install 'saltern[web]'"),
        ("saltern-web", "", "httpx", "saltern-web needs httpx: run pip install 'saltern[web]'"),
        ("saltern-master", "", "sqlalchemy", "saltern-master needs SQLAlchemy: run pip install 'saltern[master]'"),
        ("saltern-master", "", "graphyte", "saltern-master needs graphyte: run pip install 'saltern[master]'"),
        *[
            (
                "saltern-graphite",
                "serve --root no/where",
                blocked,
                f"saltern-graphite needs {LIBRARIES[blocked]}: run pip install 'saltern[graphite]'",
            )
            for blocked in ("numpy", "starlette", "uvicorn", "regex", "orjson")
        ],
        *[
            (
                "saltern-up",
                "--demo",
                blocked,
                f"saltern-up needs {library}: run pip install 'saltern[agent,master,graphite,api,web]'",
            )
            for blocked, library in LIBRARIES.items()
        ],
    ],
)
def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, script: str, words: str, blocked: str, line: str
) -> None:
    done = run(tmp_path, script, words, blocked)
    assert re.sub(r"run /\S*/python\S* -m pip", "run pip", done.stderr) == f"{line}\n"
    assert done.stderr != f"{line}\n"  # the pip is said that belongs to it
    assert done.returncode == 69


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        ("saltern-master", "saltern_master.journal"),
        ("saltern-agent", "saltern_agent.spool"),
        ("saltern-graphite", "saltern_graphite.commands"),
        ("saltern-up", "saltern_master.up.view"),
        ("saltern-run", "saltern.runner"),
        ("saltern", "somebodys_library"),
    ],
)
def test_a_module_of_ours_that_is_missing_is_not_masked(tmp_path: Path, script: str, missing: str) -> None:
    if missing == "somebodys_library":
        (tmp_path / "msgpack.py").write_text("import somebodys_library\n")
    done = run(tmp_path, script, "serve" if script == "saltern-graphite" else "", missing)
    assert "Traceback" in done.stderr
    assert f"No module named '{missing}'" in done.stderr
    assert done.returncode == 1


def test_each_script_goes_the_same_way() -> None:
    assert {name.replace("-", "_") for name in PROJECT["scripts"]} == {
        target.removeprefix("saltern.programs:") for target in PROJECT["scripts"].values()
    }


def test_each_library_of_an_extra_is_known() -> None:
    extras = PROJECT["optional-dependencies"]
    programs = set(extras) - {
        "dev",
        "mysql",
        "postgres",
        "ldap",
        "pam",
        "snmp",
        "ssh",
    }  # drivers are asked for by what is configured
    wanted = [*PROJECT["dependencies"], *(line for extra in programs for line in extras[extra])]
    assert {re.split(r"[<>=\[]", line)[0] for line in wanted} == set(LIBRARIES.values())
