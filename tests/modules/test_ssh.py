"""Keys in users' homes: links that lead elsewhere, lines that would be two, words that would be options."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _ssh
from support.strangers import needs_root

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIOpU2fp+UcZvuCPda4EzaahYHZNgL1QTJGNFA584manF"
NOBODY = 65534


@pytest.fixture
def ssh(minion: Any) -> ModuleType:
    return minion.load("ssh")  # type: ignore[no-any-return]  # the fixture's class lives in conftest


@pytest.fixture
def hosts(minion: Any) -> ModuleType:
    return minion.load("ssh_hosts")  # type: ignore[no-any-return]  # as above


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of the user "marge", who is nobody else."""
    tmp_path.chmod(0o755)
    place = tmp_path / "home"
    place.mkdir()
    uid = NOBODY if os.geteuid() == 0 else os.getuid()
    if os.geteuid() == 0:
        os.chown(place, uid, uid)
    marge = _ssh.User("marge", uid, uid, str(place))
    monkeypatch.setattr(_ssh, "user", lambda name: marge if name == "marge" else None)
    return place


def test_a_new_file_is_its_users_alone(ssh: ModuleType, home: Path) -> None:
    assert ssh.set_auth_key("marge", KEY, "ed25519", "c") == "new"
    file = home / ".ssh" / "authorized_keys"
    assert file.read_text() == f"ssh-ed25519 {KEY} c\n"
    assert {(one.stat().st_uid, one.stat().st_mode & 0o777) for one in (file,)} == {(home.stat().st_uid, 0o600)}
    assert (file.parent.stat().st_uid, file.parent.stat().st_mode & 0o777) == (home.stat().st_uid, 0o700)
    assert ssh.set_auth_key("marge", KEY, "ed25519", "other") == "replace"
    assert ssh.rm_auth_key("marge", KEY) == "Key removed"
    assert (file.read_text(), file.stat().st_uid) == ("", home.stat().st_uid)


@needs_root
def test_a_users_link_leads_to_no_file_of_anothers(ssh: ModuleType, home: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text(f"ssh-ed25519 {KEY} root\n")
    (home / ".ssh").mkdir()
    for name in ("authorized_keys", "id_rsa"):
        (home / ".ssh" / name).symlink_to(victim)
        os.lchown(home / ".ssh" / name, NOBODY, NOBODY)
    with pytest.raises(CommandError, match="Problem reading"):
        ssh.auth_keys("marge")
    with pytest.raises(CommandError):
        ssh.set_auth_key("marge", KEY, "ed25519", "mine")
    assert ssh.user_keys("marge") == {}
    assert victim.read_text() == f"ssh-ed25519 {KEY} root\n"


@needs_root
def test_a_users_folder_leads_nowhere_else(ssh: ModuleType, home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (home / ".ssh").symlink_to(elsewhere)
    os.lchown(home / ".ssh", NOBODY, NOBODY)
    with pytest.raises(CommandError, match="Could not write to key file"):
        ssh.set_auth_key("marge", KEY, "ed25519")
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("comment", "options"),
    [(f"x\nssh-ed25519 {KEY}", None), ("x", ["a\nb"]), ("x\x85y", None), ("x\0", None), ("x", "a\rb"), ("x\n", None)],
)
def test_a_key_is_one_line(ssh: ModuleType, home: Path, comment: str, options: Any) -> None:
    with pytest.raises(ArgumentError, match="of one line"):
        ssh.set_auth_key("marge", KEY, "ed25519", comment, options)
    assert not (home / ".ssh").exists()


def test_a_user_without_a_home(ssh: ModuleType, home: Path) -> None:
    home.rmdir()
    assert ssh.set_auth_key("marge", KEY, "ed25519") == "fail"
    assert ssh.set_auth_key("nobody-here", KEY, "ed25519") == "fail"


@pytest.mark.parametrize(
    ("config", "path"),
    [("/k/%u", "/k/marge"), ("%h/x", "/home/m/x"), ("a%%b", "/home/m/a%b"), (".ssh/k", "/home/m/.ssh/k")],
)
def test_paths_of_keys(config: str, path: str) -> None:
    assert _ssh.authorized_keys_path(config, _ssh.User("marge", 1, 1, "/home/m")) == path


@pytest.mark.parametrize("config", ["%x", "a%"])
def test_paths_that_are_none(config: str) -> None:
    with pytest.raises(CommandError, match="AuthorizedKeysFile path"):
        _ssh.authorized_keys_path(config, _ssh.User("marge", 1, 1, "/home/m"))


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "", "a\nb"])
def test_hosts_are_no_options(hosts: ModuleType, minion: Any, tmp_path: Path, name: str) -> None:
    minion.functions["cmd.which"] = lambda name: name
    minion.functions["cmd.run"] = minion.functions["cmd.run_stdout"] = lambda *_, **__: pytest.fail("was run")
    (tmp_path / "known").write_text("")
    config = str(tmp_path / "known")
    for call in (
        lambda: hosts.get_known_host_entries(None, name, config),
        lambda: hosts.recv_known_host_entries(name),
        lambda: hosts.recv_known_host_entries("fine", enc=name or "-x"),
        lambda: hosts.rm_known_host(None, name or "-x", config),
    ):
        with pytest.raises(CommandError, match="no name of a host"):
            call()


def test_a_host_can_not_bring_two_lines(hosts: ModuleType, minion: Any, tmp_path: Path) -> None:
    minion.functions.update({"cmd.which": lambda name: name, "cmd.run": lambda *_, **__: ""})
    with pytest.raises(CommandError, match="are no host, kind and key"):
        hosts.set_known_host(None, "a", key=f"{KEY}\nb ssh-rsa x", enc="ssh-rsa", config=str(tmp_path / "k"))
    assert not (tmp_path / "k").exists()


def test_what_a_scan_brings_is_checked(hosts: ModuleType, minion: Any, tmp_path: Path) -> None:
    ran: list[list[str]] = []
    heard = f"# a:22 SSH-2.0\na ssh-ed25519 {KEY}\n"
    minion.functions.update(
        {
            "cmd.which": lambda name: name,
            "cmd.run": lambda *_, **__: "",
            "cmd.run_stdout": lambda argv, **_: ran.append(argv) or heard,
        }
    )
    given = {"config": str(tmp_path / "k"), "hash_known_hosts": False}
    found = hosts.set_known_host(None, "a", fingerprint="aa:bb", **given)
    assert found["error"].startswith("Remote host public keys found but none of their fingerprints")
    assert hosts.set_known_host(None, "a", port=2222, enc="ed25519", timeout=2, **given)["status"] == "updated"
    assert ran[-1] == ["ssh-keyscan", "-p", "2222", "-t", "ed25519", "-T", "2", "a"]
    assert (tmp_path / "k").read_text() == f"[a]:2222 ssh-ed25519 {KEY}\n"
    heard = ""
    assert hosts.set_known_host(None, "a", **given) == {
        "status": "error",
        "error": "Unable to receive remote host keys",
    }
    assert len(ran) == 2 + 5, "five attempts"


def test_without_the_programs_it_is_said(hosts: ModuleType, minion: Any) -> None:
    minion.functions["cmd.which"] = lambda name: None
    for call in (lambda: hosts.get_known_host_entries(None, "a"), lambda: hosts.recv_known_host_entries("a")):
        with pytest.raises(CommandError, match=r"binary was not found in \$PATH"):
            call()


@given(st.text(max_size=200))
def test_any_text_is_read(text: str) -> None:
    _ssh.keys_of(text, None)
    _ssh.entries(text, "md5")
    _ssh.found_lines(text, None)
    assert KEY not in _ssh.without_key(f"ssh-ed25519 {KEY} x\n", KEY)


@given(st.text(max_size=50), st.lists(st.text(max_size=10), max_size=3))
def test_a_line_is_one_or_refused(comment: str, options: list[str]) -> None:
    try:
        line = _ssh.key_line(KEY, "ssh-rsa", comment, options)
    except ArgumentError:
        return
    assert len(line.splitlines()) == 1
