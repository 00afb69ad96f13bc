"""A remote's credentials are in no process's arguments, no file, no log and no message."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.errors import ConfigError
from saltern_master.fileserver.gitfs import program
from saltern_master.fileserver.gitfs.backend import GitBackend
from saltern_master.fileserver.gitfs.spec import parse_remote, redact
from support.git_http import GitHttp

USER, PASSWORD = "deploy-user", "hunter2/s&cr et%"
IN_URL = "deploy-user:hunter2%2Fs%26cr%20et%25"


@pytest.fixture(autouse=True)
def _no_settings_of_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text(f"[credential]\n\thelper = store --file {tmp_path}/kept\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHttp]:
    origin = tmp_path / "srv" / "repo.git"
    origin.mkdir(parents=True)
    (origin / "a.py").write_text("one")
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    for words in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "m")):
        subprocess.run(["git", *identity, "-C", str(origin), *words], check=True)
    with GitHttp(tmp_path / "srv", USER, PASSWORD).running() as running:
        yield running


def command_lines() -> list[str]:
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                lines.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:  # it ended
                continue
    return lines


def secrets_in(text: str) -> bool:
    return any(secret in text for secret in (PASSWORD, "hunter2", USER))


def test_no_process_shows_them_while_the_remote_is_asked(server: GitHttp, tmp_path: Path) -> None:
    server.gate.clear()
    server.stepping = True
    backend = GitBackend([f"http://{IN_URL}@{server.address}/repo.git"], str(tmp_path / "cache"))
    thread = threading.Thread(target=backend.update)
    thread.start()
    asked: list[str] = []
    requests = 0
    try:
        while thread.is_alive():
            if server.reached.wait(0.05):
                server.reached.clear()
                requests += 1
                asked += [line for line in command_lines() if server.address in line]
                server.gate.set()
    finally:
        server.stepping = False
        server.gate.set()
        thread.join()
    assert requests >= 4  # of ls-remote and of fetch
    assert len(asked) >= 2 * requests  # git and its transport
    assert not [line for line in asked if secrets_in(line)]
    assert any(" fetch " in line for line in asked)
    assert backend.paths("base") == ["a.py"]
    cached = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not [path for path in cached if secrets_in(path.read_text("latin-1"))]
    assert not (tmp_path / "kept").exists()  # the operator's own helper is told nothing


def test_wrong_ones_are_said_without_them(server: GitHttp, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = GitBackend([f"http://deploy-user:hunter2wrong@{server.address}/repo.git"], str(tmp_path / "cache"))
    assert backend.update() is False
    (remote,) = backend.remotes
    assert "Authentication failed" in str(remote.fault)
    assert not secrets_in(str(remote.fault))
    assert not secrets_in(caplog.text)
    assert not any(secrets_in(str(name)) for name in backend.counts())


def test_they_go_to_their_own_site_alone(server: GitHttp, tmp_path: Path) -> None:
    """A server that sends us on to another one does not get what was meant for the first."""
    with GitHttp(tmp_path / "srv", USER, PASSWORD).running() as other:
        spec = parse_remote(f"http://{IN_URL}@{server.address}/repo.git", 1)
        with pytest.raises(program.GitFault, match="could not read Username"):
            program.run("ls-remote", "--", f"http://{other.address}/repo.git", access=spec.access)
        assert set(other.asked) == {""}


@pytest.mark.parametrize(
    ("url", "clean", "username", "password"),
    [
        ("https://u:p@h/r.git", "https://h/r.git", "u", "p"),
        ("https://token@h:8443/r.git", "https://h:8443/r.git", "token", ""),
        ("https://:p@h/r.git", "https://h/r.git", "", "p"),
        ("https://u:p%40q@[::1]:1/r", "https://[::1]:1/r", "u", "p@q"),
        ("https://u:a@b@h/r", "https://h/r", "u", "a@b"),
        ("https://h/r.git", "https://h/r.git", "", ""),
        ("ssh://git@h/r.git", "ssh://git@h/r.git", "", ""),
        ("git@h:r.git", "git@h:r.git", "", ""),
        ("file:///a@b/c", "file:///a@b/c", "", ""),
    ],
)
def test_they_are_taken_out_of_the_address(url: str, clean: str, username: str, password: str) -> None:
    access = parse_remote(url, 1).access
    assert (access.url, access.username, access.password) == (clean, username, password)


def test_all_of_a_password_is_struck_out() -> None:
    assert redact("at https://u:hun@ter2@h/r.git and http://t@x/") == "at https://***@h/r.git and http://***@x/"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ssh://git:hunter2@h/r.git", "a password, which ssh doesn't take"),
        ("git://u:hunter2@h/r.git", "a password, which git doesn't take"),
        ("https://h/r.git?private_token=hunter2", "a secret behind its"),
        ("https://u:a%0Ahunter2@h/r.git", "a line break"),
    ],
)
def test_where_they_could_not_be_hidden_they_are_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        parse_remote(url, 1)
    assert "hunter2" not in str(caught.value)
