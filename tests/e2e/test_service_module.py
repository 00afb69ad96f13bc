"""The module ``service`` over a systemd at work, in a container of its own, against what the real Salt came to."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from support.containers import BOOT_TIMEOUT_S, PACKAGES, ROOT, run_in_container

ANSWERS = ROOT / "tests" / "support" / "salt_answers"
RUN = """
import json, os, sys
sys.path.insert(0, "/opt/saltern/tests/support/salt_answers")
import booted_services, scenario
from saltern.config.minion import DEFAULTS
from saltern_agent import grains
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader

opts = {**DEFAULTS, "id": "minion", "master": "127.0.0.1", "conf_file": "/run/etc/minion", "cachedir": "/run/cache"}
os.umask(0o022)
loader = Loader(opts, [], Current())
loader.set_grains(grains.collect(opts))
one = booted_services.SCENARIOS["booted"]
scenario.prepare(one, "/run/none")
print(json.dumps(scenario.run(one, loader.salt, "/run/none", booted_services.kept)))
"""


@pytest.mark.timeout(BOOT_TIMEOUT_S + 30)
def test_services_are_to_us_what_they_are_to_salt(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "run.py").write_text(RUN)
    path = ":".join([*(f"/opt/saltern/{package}" for package in PACKAGES), "/opt/site"])
    python = f"LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH={path} /opt/python/bin/python3"
    out = run_in_container(tmp_path, f"{python} /shared/run.py > /shared/answers; echo ended $?")
    assert out.endswith("ended 0\n"), out
    sys.path.insert(0, str(ANSWERS))
    try:
        import booted_services
        import scenario
    finally:
        sys.path.remove(str(ANSWERS))
    calls = booted_services.SCENARIOS["booted"].calls
    ours: list[Any] = json.loads((tmp_path / "shared" / "answers").read_text())
    text = (ANSWERS / "booted_services.json").read_text()
    recorded = json.loads(re.sub(r"Running scope as unit: [\w-]+\.scope\\n", "", text))  # ours runs in no scope
    labels = [scenario.label(call) for call in calls]
    compared = [index for index, label in enumerate(labels) if label not in booted_services.DIFFERENT]
    differing = [(labels[index], ours[index], recorded[index]) for index in compared if ours[index] != recorded[index]]
    assert len(ours) == len(recorded) == len(calls)
    assert differing == [], "\n".join(map(str, differing))
