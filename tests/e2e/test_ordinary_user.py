"""A master that is not root's: it owns its folders alone, and root's commands work on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stacks import Parts, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

BIN = Path(sys.executable).parent
USER = 61234

# Of root's rights it keeps the one to read: the interpreter and the test's folders may be below /root. It writes,
# deletes and gives away what any user does.
AS_USER = [
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"),
    *(f"--{what}=-all,+dac_read_search" for what in ("inh-caps", "ambient-caps", "bounding-set")),
]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    parts = Parts(tmp_path / "stack", master="schedule: {stats: false}\n", minion="pending_retry_interval: 0.3\n")
    for folder in ("pki/master", "cache/master", "run"):
        path = Path(parts.stack.root) / folder
        path.mkdir(parents=True, exist_ok=True)
        shutil.chown(path, USER, USER)
    for path in (Path(parts.stack.root) / "pki" / "master").rglob("*"):
        shutil.chown(path, USER, USER)
    parts.log_path("master").touch()
    shutil.chown(parts.log_path("master"), USER, USER)
    master = parts.programs["master"]
    parts.programs["master"] = master._replace(argv=[*AS_USER, *master.argv])
    try:
        yield parts
    finally:
        parts.stop_all()


def saltern(parts: Parts, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / words[0], "-c", parts.stack.config_dir, *words[1:]],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_master_that_is_an_ordinary_users(parts: Parts) -> None:
    (minion,) = parts.stack.minion_ids
    parts.start()
    assert os.stat(f"/proc/{parts.pid('master')}").st_uid == USER
    wait_for(lambda: parts.up() == [minion], "the agent")
    assert parts.client.cmd("*", "test.ping") == {minion: True}
    assert saltern(parts, "saltern-run", "--out", "txt", "manage.up").stdout == f"['{minion}']\n"
    # Keys that root changes stay the master's, whether it runs or not.
    assert saltern(parts, "saltern-key", "-y", "-d", minion).returncode == 0
    wait_for(lambda: parts.up() == [], "the agent to lose its rights")
    wait_for(lambda: minion in saltern(parts, "saltern-key", "-l", "un").stdout, "the agent to ask again")
    parts.stop("master")
    assert saltern(parts, "saltern-key", "-y", "-a", minion).returncode == 0
    parts.start("master")
    wait_for(lambda: parts.up() == [minion], "the agent again")
    for path in (Path(parts.stack.root) / "pki" / "master").rglob("*"):
        assert path.stat().st_uid == USER, path


@pytest.mark.parametrize(
    ("program", "words", "what"),
    [
        ("saltern-agent", ["-c", "{0}"], "a key can't be made here"),
        ("saltern-call", ["-c", "{0}", "test.ping"], "a key can't be made here"),
        ("saltern-master", ["-c", "{0}"], "can't be made"),
        ("saltern-up", ["--root", "{0}/up"], "{0}/up"),
        (
            "saltern-graphite",
            ["serve", "--root", "{0}/g", "--log-file", "{0}/log"],
            "log_file: {0}/log: can't be opened",
        ),
    ],
)
def test_a_program_that_an_ordinary_user_starts_says_whose_it_is(
    tmp_path: Path, program: str, words: list[str], what: str
) -> None:
    (tmp_path / "minion").write_text(f"root_dir: {tmp_path}\nmaster_key: {'A' * 40}\n")
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\n")
    done = subprocess.run(
        [*AS_USER, BIN / program, *[word.format(tmp_path) for word in words]],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"{program}: ")
    assert what.format(tmp_path) in last
    assert "permission denied: run " in last.lower()
    assert "as root, or " in last
    assert done.returncode != 0
