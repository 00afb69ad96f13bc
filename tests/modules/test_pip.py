"""What scenarios can't show of the modules ``pip`` and ``virtualenv``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _pip
from saltern_modules._salt_errors import CommandNotFoundError
from support.strangers import folder_of_a_stranger, give_away, link_of_a_stranger, needs_root


@pytest.fixture
def asked(minion: Any) -> list[Any]:
    """The commands that were run; each does well, and prints nothing."""
    commands: list[Any] = []

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        commands.append((command, options))
        return {"pid": 1, "retcode": 0, "stdout": "pip 23.0", "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    return commands


def test_no_package_becomes_an_option(minion: Any, asked: list[Any]) -> None:
    for fun in (minion.load("pip").install, minion.load("pip").uninstall):
        with pytest.raises(ArgumentError, match="options go into 'extra_args'"):
            fun("x, --index-url=http://evil.example")
    with pytest.raises(ArgumentError, match="options go into 'extra_args'"):
        minion.load("pip_reading").list_all_versions("-x")
    assert asked == []


@pytest.mark.parametrize("how", ["folder", "python"])
def test_nobody_runs_code_by_the_current_folder(minion: Any, tmp_path: Path, how: str) -> None:
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/__init__.py").write_text("raise SystemExit('pip of the current folder')\n")
    (tmp_path / "runpy.py").write_text("raise SystemExit('runpy of the current folder')\n")
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to(sys.executable)
    minion.functions["cmd.run_all"] = minion.load("cmd").run_all
    where = tmp_path / "env" if how == "folder" else tmp_path / "env/bin/python"
    reading = minion.load("pip_reading")
    try:
        said = reading.version(str(where), cwd=str(tmp_path))
    except CommandNotFoundError as error:  # that Python has none
        said = str(error)
    assert "current folder" not in str(said)


def test_options_are_pips(minion: Any, asked: list[Any], tmp_path: Path) -> None:
    minion.opts.update(proxy_host="p.example", proxy_port=3128)
    minion.load("pip").install(
        ["a;b", "c"],
        timeout=5,
        find_links=str(tmp_path),
        index_url="https://i.example",
        no_binary=["x", "y"],
        cache_dir="/c",
        exists_action="w",
        global_options="one,two",
        extra_args=["--a", {"--b": 1}],
        trusted_host="t",
        target="/t",
        env_vars={"A": 1},
        user="root",
        no_deps=True,
    )
    command, options = asked[0]
    assert " ".join(command[4:]) == (
        f"install --no-binary x,y --proxy http://p.example:3128 --timeout 5 --find-links {tmp_path}"
        " --index-url https://i.example --target /t --cache-dir /c --exists-action w --no-deps"
        " --global-option one --global-option two a,b c --trusted-host t --a --b 1"
    )
    assert (options["env"], options["runas"]) == ({"A": "1"}, "root")


def test_requirements_of_the_master(minion: Any, asked: list[Any], tmp_path: Path) -> None:
    cached = tmp_path / "cached.txt"
    cached.write_text("x\n")
    minion.functions["cp.cache_file"] = lambda path, saltenv: str(cached) if path == "salt://r.txt" else False
    pip = minion.load("pip")
    pip.install(requirements="salt://r.txt")
    assert asked[-1][0][4:] == ["install", "--requirement", str(cached)]
    said = {"result": False, "comment": "pip requirements file 'salt://none.txt' not found"}
    assert pip.install(requirements="salt://none.txt") == pip.uninstall(requirements=["salt://none.txt"]) == said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_user_gets_copies_of_requirements(minion: Any, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("y\n")
    (tmp_path / "r.txt").write_text("-r more.txt # more\nx\n")
    seen = []

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        copy = Path(command[-1])
        seen.append((copy, copy.read_text(), (copy.parent / "more.txt").read_text(), copy.stat().st_uid))
        return {"pid": 1, "retcode": 0, "stdout": "", "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    minion.load("pip").install(requirements=str(tmp_path / "r.txt"), user="nobody")
    copy, text, more, owner = seen[0]
    assert (text, more) == ("-r more.txt # more\nx\n", "y\n")
    assert owner != 0
    assert not copy.exists()
    with pytest.raises(CommandError, match="can't be read"):
        minion.load("pip").install(requirements=str(tmp_path / "none.txt"), user="nobody")


@needs_root
def test_a_users_requirements_give_him_nobody_elses_files(minion: Any, tmp_path: Path, asked: list[Any]) -> None:
    """Root reads them, and he gets the copies: /etc/shadow, by a line or by a link."""
    home = folder_of_a_stranger(tmp_path / "home")
    secret = tmp_path / "shadow"
    secret.write_text("root:hash\n")
    secret.chmod(0o600)
    own = home / "r.txt"
    own.write_text("-r ../shadow\nx\n")
    give_away(own)
    with pytest.raises(CommandError, match="named by a file of another user"):
        minion.load("pip").install(requirements=str(own), user="nobody")
    link = link_of_a_stranger(home / "link.txt", secret)
    with pytest.raises(CommandError, match="can't be read"):
        minion.load("pip").install(requirements=str(link), user="nobody")
    own.write_text("-r more.txt\n")
    (home / "more.txt").write_text("y\n")
    give_away(home / "more.txt")
    minion.load("pip").install(requirements=str(own), user="nobody")
    assert len(asked) == 1


def test_a_python_without_pip(minion: Any) -> None:
    failed = {"pid": 1, "retcode": 1, "stdout": "", "stderr": "/usr/bin/python: No module named pip"}
    minion.functions["cmd.run_all"] = lambda command, **options: failed
    with pytest.raises(CommandNotFoundError, match="Could not find a `pip` binary"):
        minion.load("pip_reading").list_()


def test_what_pip_says_is_told(minion: Any) -> None:
    said = {"pid": 1, "retcode": 2, "stdout": "", "stderr": "it broke"}
    minion.functions["cmd.run_all"] = lambda command, **options: said
    with pytest.raises(CommandError, match="it broke"):
        minion.load("pip_reading").freeze()
    said.update(retcode=0, stdout="junk")
    with pytest.raises(CommandError, match="Invalid JSON"):
        minion.load("pip_reading").list_()


def test_versions_in_order(minion: Any) -> None:
    order = minion.load("pip_reading")._order
    versions = ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.post1", "1.1", "1.9", "1.10", "1!0.1"]
    backwards = list(reversed(versions))
    assert sorted(backwards, key=order) == versions
    sorted(["1.0", "x", "1.0rc1", ""], key=order)


@pytest.mark.parametrize(("text", "numbers"), [("23.0.1", (23, 0, 1)), (None, (0,)), ("junk", ()), ("9", (9,))])
def test_numbers_of_versions(text: str | None, numbers: tuple[int, ...]) -> None:
    assert _pip.numbers(text) == numbers


def test_a_half_made_environment_is_removed(minion: Any, tmp_path: Path) -> None:
    path = tmp_path / "v"

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        path.mkdir(exist_ok=True)
        return {"pid": 1, "retcode": 1, "stdout": "", "stderr": "no space"}

    minion.functions["cmd.run_all"] = run_all
    virtualenv = minion.load("virtualenv_mod")
    assert virtualenv.create(str(path), venv_bin="venv")["retcode"] == 1
    assert not path.exists()
    path.mkdir()
    virtualenv.create(str(path), venv_bin="venv")
    assert path.exists()
    with pytest.raises(ArgumentError, match="can't begin with '-'"):
        virtualenv.create("-x", venv_bin="venv")


def test_no_code_is_made_of_names(minion: Any, asked: list[Any], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("")
    virtualenv = minion.load("virtualenv_mod")
    virtualenv.get_distribution_path(str(tmp_path), "x'), print(1")
    command = asked[-1][0]
    assert command[3] == "x'), print(1"
    assert "x')" not in command[2]
    with pytest.raises(ArgumentError, match="are needed"):
        virtualenv.get_resource_path(str(tmp_path), "x")


@pytest.mark.parametrize(
    ("said", "version"),
    [("virtualenv 20.17.1+ds from /usr/lib", (20, 17, 1)), ("1.11.6", (1, 11, 6)), ("16.0rc1", (16, 0))],
)
def test_the_version_of_virtualenv(minion: Any, said: str, version: tuple[int, ...]) -> None:
    minion.functions["cmd.run_all"] = lambda command, **options: {"retcode": 0, "stdout": said}
    assert minion.load("virtualenv_mod").virtualenv_ver("virtualenv") == version


def test_options_of_virtualenv(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[Any] = []

    def run_all(command: list[str], **options: Any) -> dict[str, Any]:
        commands.append(command)
        return {"pid": 1, "retcode": 0, "stdout": "virtualenv 20.17.1", "stderr": ""}

    minion.functions["cmd.run_all"] = run_all
    minion.load("virtualenv_mod").create(
        "/no/v", venv_bin="virtual", python="sh", extra_search_dir="a, b", never_download=True, prompt="p", clear=True
    )
    assert commands[-1] == [
        *("virtual", "--python=sh", "--extra-search-dir=a", "--extra-search-dir=b", "--never-download"),
        *("--prompt='p'", "--clear", "/no/v"),
    ]
