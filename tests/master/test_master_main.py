"""The program ``saltern-master``: what it warns of at its start, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.folders import open_to_all


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a master that can't start: a file stands where its keys would."""
    (folder / "pki").write_bytes(b"")
    (folder / "master").write_text(f"pki_dir: {folder}/pki\ncachedir: {folder}\nsock_dir: {folder}\n{text}")
    command = [sys.executable, "-m", "saltern_master", "-c", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 1),
        ("interfase: x\n", 78),
        ("pillar_files: {'*': 1}\n", 78),
        ("pillar_files: {'*': \"\\0\"}\n", 78),
        ("pillar_roots: {a: 5}\n", 78),
        ("pillar_roots: {a: }\n", 78),
        ('pillar_roots: {a: ["/\\0"]}\n', 78),
    ],
)
def test_only_a_fault_in_the_configuration_ends_with_78(tmp_path: Path, text: str, code: int) -> None:
    done = run(tmp_path, text)
    assert done.returncode == code
    assert done.stderr.startswith("saltern-master: ")
    assert done.stderr.count("\n") == 1


def test_a_fault_that_is_found_late_is_where_its_option_stands(tmp_path: Path) -> None:
    (tmp_path / "master.d").mkdir()
    (tmp_path / "master.d/people.conf").write_text(f"pki_dir: {tmp_path}/keys\nroles: {{dba: {{grant: []}}}}\n")
    (fault,) = run(tmp_path, "").stderr.splitlines()
    assert fault.startswith(f"saltern-master: {tmp_path}/master.d/people.conf: line 2: roles: dba: ")


def test_files_that_all_can_read_are_told() -> None:
    with open_to_all() as folder:
        (folder / "pillar.yaml").write_text("key: value\n")
        done = run(folder, "events_token: abcdef\npillar_files: {'*': pillar.yaml}\n")
        first, second, fault = done.stderr.splitlines()
    assert f"WARNING saltern_master.main: {folder}/master: every user of this host can read it" in first
    assert "it holds a secret (events_token): run chgrp " in first
    assert f"every user of this host can read {folder}/pillar.yaml, which are for some minions alone" in second
    assert fault.startswith("saltern-master: ")
