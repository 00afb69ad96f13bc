"""Modules from git by a whole stack: links, a remote with a password, remotes that fail."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from saltern.errors import FileServerError
from saltern.own_python import python_module
from support.git_http import GitHttp
from support.stacks import Parts, wait_for

USER, PASSWORD = "deploy-user", "hunter2secret"
IDENTITY = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(autouse=True)
def _no_settings_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")


def repository(path: Path) -> Path:
    """Make one whose modules are links, with a submodule and a link that leads out."""
    (path / "_modules").mkdir(parents=True)
    (path / "lib" / "pack").mkdir(parents=True)
    (path / "lib" / "real.py").write_text("def f():\n    return 'real'\n")
    (path / "lib" / "pack" / "__init__.py").write_text("from .inner import g\ndef f():\n    return g()\n")
    (path / "lib" / "pack" / "inner.py").write_text("def g():\n    return 'inner'\n")
    (path / "_modules" / "via.py").symlink_to("../lib/real.py")
    (path / "_modules" / "linked").symlink_to("../lib/pack")
    (path / "_modules" / "out.py").symlink_to("/etc/passwd")
    git(path, "init", "--quiet")
    git(path, "add", ".")
    git(path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},_modules/sub")
    git(path, "commit", "--quiet", "-m", "m")
    return path


def command_lines() -> str:
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended
            continue
    return "\n".join(lines)


def run(parts: Parts, *words: str) -> subprocess.CompletedProcess[str]:
    argv = python_module("saltern.cli.run", "-c", parts.stack.config_dir, *words)
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def test_links_credentials_and_failing_remotes(tmp_path: Path) -> None:
    """salt#17700, salt#42274, salt#26484, salt#65603"""
    repository(tmp_path / "srv" / "repo.git")
    with GitHttp(tmp_path / "srv", USER, PASSWORD).running() as server:
        master = (
            "schedule: {stats: false}\nself_metrics_interval: 1\nfileserver_backend: [git]\ngitfs_remotes:\n"
            f"  - {{url: 'http://{USER}:{PASSWORD}@{server.address}/repo.git', name: good}}\n"
            f"  - {{url: 'file://{tmp_path}/none', name: broken}}\n"
            f"  - {{url: 'http://{USER}:{PASSWORD}wrong@{server.address}/other.git', name: refused}}\n"
            "fileserver_update_interval: 0.5\nsync_on_change: true\n"
        )
        parts = Parts(tmp_path / "s", master=master)
        try:
            parts.start()
            wait_for(lambda: parts.up() == parts.stack.minion_ids, "the agent")
            wait_for(lambda: parts.call("via.f") == "real", "the modules")
            assert parts.call("linked.f") == "inner"
            told = parts.call("saltutil.sync_modules")
            assert told == [
                "_modules/out.py: left out: it is a link to /etc/passwd: it is an absolute one",
                "_modules/sub: left out: it is a submodule (commit 111111111111): add that repository as a remote",
            ]
            log = parts.log("master")
            assert log.count("gitfs: good: not served: _modules/out.py: it is a link to /etc/passwd") == 1

            failed = run(parts, "fileserver.update")
            assert failed.returncode != 0
            assert failed.stdout.startswith(
                "Exception occurred in runner fileserver.update: 2 of 3 git remotes failed: broken: "
            )
            assert "refused: fatal: Authentication failed" in failed.stdout
            assert run(parts, "fileserver.update", "remote=good").returncode == 0
            assert (
                "no remote 'nope': there are good, broken, refused"
                in run(parts, "fileserver.update", "remote=nope").stdout
            )
            with pytest.raises(FileServerError, match="broken: "):
                parts.runner.call("fileserver.update", kwarg={"remote": "broken"})

            prefix = "saltern.master.fileserver.git"

            def newest() -> dict[str, float]:
                found = parts.render(f"{prefix}.remotes.*.failing")
                return {target.split(".")[-2]: points[-1][0] for target, points in found.items() if points}

            wait_for(lambda: newest() == {"good": 0, "broken": 1, "refused": 1}, "the metrics")
            assert parts.render(f"{prefix}.remotes.broken.failures")[f"{prefix}.remotes.broken.failures"][-1][0] >= 1
            for name in ("success_age_s", "bytes", "files"):
                assert parts.render(f"{prefix}.remotes.good.{name}")
            assert parts.render(f"{prefix}.failing")[f"{prefix}.failing"][-1][0] == 2

            server.reached.clear()
            server.gate.clear()
            assert server.reached.wait(30)
            seen = command_lines()
            server.gate.set()
            assert f"http://{server.address}/repo.git" in seen
            texts = [seen, failed.stderr, *(parts.log(name) for name in parts.names)]
            assert not [text for text in texts if PASSWORD in text or USER in text]
        finally:
            parts.stop_all()
