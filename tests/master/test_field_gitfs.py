"""What users of Salt report of repositories as file servers, tried on real ones (``docs/field-reports.md``)."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from saltern_master.fileserver.gitfs.backend import GitBackend

IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]


class Origin:
    """A repository with a work tree, as an operator has one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *IDENTITY, "-C", str(self.path), *arguments], check=True, capture_output=True)

    def commit(self, name: str, content: bytes) -> None:
        """Write a file and commit it."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "m")


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return Origin(tmp_path / "origin")


def served(tmp_path: Path, origin: Origin, **remote: str) -> GitBackend:
    return GitBackend([{"url": f"file://{origin.path}", **remote}], str(tmp_path / "cache"))


def files(backend: GitBackend) -> list[str]:
    return sorted(backend.paths("base"))


@pytest.mark.parametrize("branch", ["hotfix/v1.2.3", "feature/a/b", "release-1.0", "v1.0_rc+2", "зима"])
def test_branches_of_any_name(tmp_path: Path, origin: Origin, branch: str) -> None:
    """salt#19348: ``feature/xyz`` was served and ``hotfix/v1.2.3`` wasn't."""
    origin.commit("_modules/a.py", b"1\n")
    origin.git("branch", branch)
    backend = served(tmp_path, origin, ref=branch)
    assert backend.update() is True
    assert files(backend) == ["_modules/a.py"]


def test_a_branch_that_is_removed_is_said_and_is_back_when_it_is(
    tmp_path: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    """salt#20785, salt#42159: removed branches went on being served, and nobody knew."""
    origin.commit("a.py", b"1\n")
    origin.git("branch", "next")
    backend = served(tmp_path, origin, ref="next", name="mine")
    backend.update()
    origin.git("branch", "-D", "next")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert backend.update() is False
    (record,) = caplog.records
    assert "has no branch or tag 'next'" in record.getMessage()
    assert (files(backend), backend.counts()["failing"]) == (["a.py"], 1)  # hosts keep the modules they run
    origin.git("branch", "next")
    backend.update()
    assert backend.counts()["failing"] == 0


@pytest.mark.parametrize("lock", ["shallow.lock", "config.lock", "packed-refs.lock", "refs/saltern/current.lock"])
def test_locks_of_a_git_that_was_killed_hold_up_nothing(tmp_path: Path, origin: Origin, lock: str) -> None:
    """salt#29810: a lock left by a power cut stopped all updates until somebody removed it."""
    origin.commit("a.py", b"1\n")
    served(tmp_path, origin).update()
    (repository,) = (path.parent for path in (tmp_path / "cache").rglob("HEAD"))
    (repository / lock).parent.mkdir(parents=True, exist_ok=True)
    (repository / lock).write_bytes(b"")
    origin.commit("b.py", b"2\n")
    backend = served(tmp_path, origin)
    backend.update()
    assert (files(backend), backend.counts()["failing"]) == (["a.py", "b.py"], 0)


def test_another_ref_for_a_remote_is_followed_after_a_restart(tmp_path: Path, origin: Origin) -> None:
    """salt#60686: with another mapping the files were neither in the old nor in the new environment."""
    origin.commit("a.py", b"1\n")
    origin.git("checkout", "--quiet", "-b", "next")
    origin.commit("b.py", b"2\n")
    served(tmp_path, origin, ref="main").update()
    backend = served(tmp_path, origin, ref="next")
    backend.update()
    assert files(backend) == ["a.py", "b.py"]


def test_a_file_that_git_keeps_elsewhere_is_no_module(tmp_path: Path, origin: Origin) -> None:
    """A pointer of Git LFS is served as what it is; a minion refuses to take it for Python (test_module_sync)."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    origin.commit("_modules/big.py", pointer)
    backend = served(tmp_path, origin)
    backend.update()
    entry = backend.entry("base", "_modules/big.py")
    assert entry is not None
    assert backend.read("base", "_modules/big.py", entry.hsum, 0, 1 << 20) == pointer
    with pytest.raises(SyntaxError):
        compile(pointer, "big.py", "exec")
