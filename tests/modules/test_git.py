"""What scenarios can't show of the module ``git``: what is refused, and what no error tells."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _git, _git_identity

PARTS = ("git", "git_config", "git_reading", "git_remotes", "git_worktrees")


@pytest.fixture
def git(minion: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    home = tmp_path / "home"
    home.mkdir()
    for name, value in (
        ("HOME", str(home)),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", str(home / ".gitconfig")),
    ):
        monkeypatch.setenv(name, value)
    cmd = minion.load("cmd")
    minion.functions.update({"cmd.run_all": cmd.run_all})
    for part in PARTS:
        module = minion.load(part)
        aliases = getattr(module, "__func_alias__", {})
        for name in vars(module).keys() - {"annotations"}:
            if callable(vars(module)[name]) and not name.startswith("_"):
                minion.functions.setdefault(f"git.{aliases.get(name, name)}", vars(module)[name])
    return minion.functions


@pytest.fixture
def repo(git: Any, tmp_path: Path) -> str:
    where = str(tmp_path / "repo")
    git["git.init"](where, opts="-b main")
    git["git.config_set"]("user.name", "Ann", cwd=where)
    git["git.config_set"]("user.email", "ann@example.com", cwd=where)
    git["git.commit"](where, "first", opts="--allow-empty")
    return where


def test_it_is_only_where_git_is(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(minion.load(part).__virtual__() is True for part in PARTS)
    monkeypatch.setenv("PATH", "/nowhere")
    assert minion.load("git_config").__virtual__() == (
        False,
        "The git execution module cannot be loaded: git unavailable.",
    )


@pytest.mark.parametrize(
    ("fun", "args", "kwargs"),
    [
        ("branch", (), {"name": "--list"}),
        ("checkout", ("--orphan",), {}),
        ("merge", (), {"rev": "--abort"}),
        ("rebase", ("--exec=touch x",), {}),
        ("rebase", ("main --exec=x",), {}),
        ("stash", ("--help",), {}),
        ("symbolic_ref", ("-d",), {}),
        ("symbolic_ref", ("HEAD", "-d"), {}),
        ("tag", ("-l",), {}),
        ("tag", ("x", "--list"), {}),
        ("archive", ("a.tar", "--remote=x"), {}),
        ("describe", ("--all",), {}),
        ("diff", ("--output=x",), {}),
        ("diff", ("--output=x",), {"cached": True}),
        ("merge_base", ("--all,x",), {}),
        ("merge_base", (), {"fork_point": "--all"}),
        ("merge_tree", ("--x", "main"), {"base": "main"}),
        ("rev_parse", ("--git-dir",), {}),
        ("revision", ("--git-dir",), {}),
        ("fetch", ("--upload-pack=touch x",), {}),
        ("fetch", ("origin",), {"refspecs": "--upload-pack=x"}),
        ("ls_remote", ("--upload-pack=touch x",), {}),
        ("ls_remote", ("origin", "--exec=x"), {}),
        ("push", ("--receive-pack=x", "main"), {}),
        ("push", ("origin", "--receive-pack=x"), {}),
        ("remote_set", ("x",), {"remote": "--x"}),
        ("remote_set", ("--x",), {}),
        ("submodule", ("--x",), {}),
        ("worktree_add", ("--x",), {}),
        ("worktree_add", ("x",), {"ref": "--x"}),
        ("worktree_add", ("x",), {"branch": "-x"}),
    ],
)
def test_no_name_becomes_an_option(git: Any, repo: str, fun: str, args: Any, kwargs: Any) -> None:
    with pytest.raises(ArgumentError, match="options go into 'opts'"):
        git[f"git.{fun}"](repo, *args, **kwargs)


@pytest.mark.parametrize("fun", ["config_get", "config_get_regexp", "config_unset"])
def test_no_key_becomes_an_option(git: Any, repo: str, fun: str) -> None:
    with pytest.raises(ArgumentError, match="options go into 'opts'"):
        git[f"git.{fun}"]("--edit", cwd=repo)


@pytest.mark.parametrize("address", ["ext::sh -c 'touch %s' x", "EXT::sh", " fd::3"])
def test_addresses_that_run_a_program_are_refused(git: Any, repo: str, tmp_path: Path, address: str) -> None:
    allowed = "-c protocol.ext.allow=always"
    for call in (
        lambda: git["git.clone"](str(tmp_path / "x"), address, git_opts=allowed),
        lambda: git["git.fetch"](repo, address, git_opts=allowed),
        lambda: git["git.push"](repo, address, "main", git_opts=allowed),
        lambda: git["git.ls_remote"](repo, address, git_opts=allowed),
        lambda: git["git.remote_refs"](address),
        lambda: git["git.remote_set"](repo, address),
        lambda: git["git.remote_set"](repo, "/x", push_url=address),
    ):
        with pytest.raises(ArgumentError, match="it is refused"):
            call()
    assert git["git.remotes"](repo) == {}


def test_no_error_tells_a_password(git: Any, tmp_path: Path) -> None:
    for address in ("https://ann:s3cret@127.0.0.1:9/x.git", "ftp://ann:s3cret@127.0.0.1:9/x.git"):
        with pytest.raises(CommandError, match="<redacted>") as caught:
            git["git.clone"](str(tmp_path / "x"), address)
        assert "s3cret" not in str(caught.value)
    with pytest.raises(CommandError) as caught:
        git["git.remote_refs"]("https://127.0.0.1:9/x.git", https_user="ann", https_pass="s3cret")
    assert "s3cret" not in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_nor_does_what_git_says(minion: Any) -> None:
    said = {"retcode": 1, "stdout": "", "stderr": "fatal: https://ann:s3cret@h.example/ is gone"}
    minion.functions["cmd.run_all"] = lambda command, **options: said
    with pytest.raises(CommandError, match=r"failed: fatal: https://<redacted>@h\.example/ is gone"):
        minion.load("git_remotes").pull("/x")


def test_a_name_with_its_secret_is_left_out_of_any_text() -> None:
    assert _git.redacted("a https://me:pw@h/x b") == "a https://<redacted>@h/x b"
    assert _git.redacted("ssh://git:pw@h/x and git@h:x") == "ssh://<redacted>@h/x and git@h:x"
    assert _git.redacted("HTTP://me@h") == "HTTP://<redacted>@h"


def test_a_symbolic_ref_is_set(git: Any, repo: str) -> None:
    assert git["git.symbolic_ref"](repo, "HEAD", "refs/heads/other") == ""
    assert git["git.symbolic_ref"](repo, "HEAD") == "refs/heads/other"


def test_a_refused_remote_stays_as_it_was(git: Any, repo: str) -> None:
    git["git.remote_set"](repo, "/tmp/x", "up")
    with pytest.raises(ArgumentError, match="only supported for HTTPS"):
        git["git.remote_set"](repo, "/tmp/y", "up", https_user="ann")
    assert git["git.remote_get"](repo, "up")["fetch"] == "/tmp/x"


def test_the_users_own_configuration(git: Any, repo: str) -> None:
    assert git["git.config_set"]("x.y", "-v", **{"global": True}) == ["-v"]
    assert git["git.config_get"]("x.y", **{"global": True}) == "-v"
    assert git["git.config_get"]("x.y", cwd=repo) is None
    assert git["git.config_unset"]("x.y", **{"global": True}) is True
    with pytest.raises(ArgumentError, match="required"):
        git["git.config_set"]("x.y", cwd=repo)


def test_the_version(git: Any) -> None:
    said = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    assert git["git.version"]() == said
    assert git["git.version"](versioninfo=True)[0] == int(said.split(".")[0])


def test_a_link_to_a_worktree_is_removed_not_followed(git: Any, repo: str, tmp_path: Path) -> None:
    git["git.worktree_add"](repo, str(tmp_path / "w"))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "w")
    assert git["git.worktree_rm"](str(link)) is True
    assert not link.is_symlink()
    assert (tmp_path / "w" / ".git").exists()


class TestKeys:
    def test_keys_are_tried_in_order(self, minion: Any, tmp_path: Path) -> None:
        asked: list[Any] = []

        def run_all(command: list[str], **options: Any) -> dict[str, Any]:
            asked.append(options["env"].get("GIT_SSH_COMMAND"))
            code = 0 if len(asked) == 2 else 1
            return {"pid": 1, "retcode": code, "stdout": "", "stderr": "no https://a:b@c" if code else ""}

        for name in ("one", "two words"):
            (tmp_path / name).write_text("key")
        minion.functions["cmd.run_all"] = run_all
        remotes = minion.load("git_remotes")
        keys = [str(tmp_path / "one"), str(tmp_path / "two words"), str(tmp_path / "none")]
        assert remotes.clone(str(tmp_path / "x"), "x", identity=keys) is True
        assert f"-i '{tmp_path}/two words'" in asked[1]
        with pytest.raises(
            CommandError, match=r"identity file:\n\nno https://<redacted>@c\n\nThe following .* found: "
        ):
            remotes.clone(str(tmp_path / "x"), "x", identity=[keys[0], keys[2]])

    def test_one_of_the_masters_is_thrown_away_afterwards(self, minion: Any, tmp_path: Path) -> None:
        seen: list[str] = []

        def get_file(source: str, target: str, saltenv: str) -> str:
            Path(target).write_text("key")
            seen.append(target)
            return target if source == "salt://key" else ""

        def run_all(command: list[str], **options: Any) -> dict[str, Any]:
            assert Path(seen[0]).stat().st_mode & 0o777 == 0o600
            return {"pid": 1, "retcode": 0, "stdout": "1\tmain\n", "stderr": ""}

        minion.functions.update({"cp.get_file": get_file, "cmd.run_all": run_all})
        remotes = minion.load("git_remotes")
        assert remotes.ls_remote(remote="x", identity="salt://key") == {"main": "1"}
        assert not Path(seen[0]).exists()
        with pytest.raises(CommandError, match="salt://none is not on the master"):
            remotes.ls_remote(remote="x", identity="salt://none")

    def test_a_passphrase_is_seen(self, minion: Any, tmp_path: Path) -> None:
        def own(cipher: bytes) -> str:
            data = b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher + b"rest"
            lines = base64.b64encode(data).decode()
            return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{lines}\n-----END OPENSSH PRIVATE KEY-----\n"

        assert _git_identity.is_encrypted(own(b"aes256-ctr"))
        assert not _git_identity.is_encrypted(own(b"none"))
        assert _git_identity.is_encrypted("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n")
        (tmp_path / "key").write_text(own(b"aes256-ctr"))
        with pytest.raises(CommandError, match="is passphrase-protected"):
            minion.load("git_remotes").remote_refs("x", identity=str(tmp_path / "key"))

    @given(st.text())
    def test_any_text_may_be_a_key(self, text: str) -> None:
        assert _git_identity.is_encrypted(text) in (True, False)
        assert _git_identity.is_encrypted(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}") in (True, False)
