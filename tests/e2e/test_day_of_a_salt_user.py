"""A day of somebody who comes from Salt: a hundred command lines, and what the real Salt printed on each.

They are run one after the other on a master and a minion of ours; ``DIFFERENT`` has the reason where an answer differs.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent
ANSWERS = Path(__file__).parent.parent / "support" / "salt_answers"
RECORDED: list[list[Any]] = json.loads((ANSWERS / "day.json").read_text())
DIFFERENT = {
    "* pillar.get nothing default": "values are shown: Salt 3008 masks even a default",
    "* service.available no-such-service": "the return code is that of a question that was answered",
    "* cmd.run nosuchprogram python_shell=False": "one sentence, without the call's inner context",
    "--out json --static * test.arg a k=[1, 2]": "Salt with resources publishes three keywords more",
}
TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:      .*\n)+")
"""Its frames: the agent's own, and files' names."""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the day has users, and files of theirs")


@functools.cache
def cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("day_cases", ANSWERS / "day_cases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("stack")
    master = f"pillar_roots: {{base: [{root}/pillar]}}\nschedule: {{stats: false}}\n"
    parts = Parts(root, master=master, ids=[cases().MINION])
    shutil.copytree(ANSWERS / "day_roots", Path(parts.stack.root) / "srv", dirs_exist_ok=True)
    (root / "pillar").mkdir()
    (root / "pillar/top.sls").write_text("base:\n  '*':\n    - all\n")
    (root / "pillar/all.sls").write_text(json.dumps(cases().PILLAR))
    with parts.running():
        wait_for(lambda: parts.call("greet.hello") == "hello world from day1", "the module")
        wait_for(lambda: parts.call("grains.get", "rack:row") == 4, "the grain")
        yield parts


@needs_root
@pytest.mark.timeout(400)
def test_a_day(parts: Parts, tmp_path: Path) -> None:
    assert [row[0] for row in RECORDED] == cases().LINES
    environment = {**os.environ, "SALTERN_CONFIG_DIR": parts.stack.config_dir}
    wrong = []
    try:
        for words, stdout, code in RECORDED:
            argv = [str(BIN / "saltern"), *(word.replace("{dir}", str(tmp_path)) for word in words)]
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
            said = done.stdout.replace(str(tmp_path), "{dir}")
            line = " ".join(words)
            if (kept(said), done.returncode) != (kept(stdout), code) and line not in DIFFERENT:
                wrong.append(f"{line}\n--- Salt, {code}\n{stdout}--- ours, {done.returncode}\n{said}{done.stderr}")
    finally:
        for argv in (["userdel", "sltday"], ["groupdel", "sltdayg"]):
            subprocess.run(argv, capture_output=True, check=False)
    assert not wrong, "\n\n".join(wrong)


def kept(text: str) -> str:
    """Return what two runs have in common."""
    return TRACEBACK.sub("Traceback …\n", re.sub(r"\b\d{20}\b", "JID", text)).replace("salt-run ", "saltern-run ")


def test_what_differs_is_asked() -> None:
    assert set(DIFFERENT) <= {" ".join(row[0]) for row in RECORDED}
