"""A short run of ``make chaos``: a minute of faults, and then every point, roll-up, job and account is right.

The seed is one whose plan has something of everything; who isn't root has no small disks to fill, and gets the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from saltern.own_python import python_module

ROOT = Path(__file__).parent.parent.parent
KINDS = "kill,restart,stop,cut,reset,stall,delay,throttle,full,flip"
MINUTES, SEED = 0.75, 338
HEAL_S = 240
"""For each step of healing: only a run that would never end is ended by it."""


@pytest.mark.timeout(900)
def test_after_random_faults_all_is_as_it_was_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "chaos"
    argv = python_module("chaos", "--minutes", str(MINUTES), "--seed", str(SEED), "--kinds", KINDS)
    argv += ["--heal", str(HEAL_S), "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    result = json.loads((folder / "result.json").read_text())
    assert result["findings"] == []
    assert sum(result["faults"].values()) >= 10
    assert result["jobs"] > 0
    assert all(stored["sampled"] and stored["slots"] for stored in result["stored"].values())
