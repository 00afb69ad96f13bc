"""The command line, keys, joining, and what a fault in them looks like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern.__about__ import __version__
from saltern.config import minion_config
from saltern.errors import ConfigError, KeyStoreError, UsageError
from saltern.kept_id import keep_id
from saltern.secret import Secret
from saltern_agent import identity, settings
from saltern_agent.main import main, parse
from support.folders import open_to_all

KEY = "k" * 40


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(**options: Any) -> Path:
        base = {"id": "host01", "root_dir": str(tmp_path / "root")}
        (tmp_path / "minion").write_text(yaml.safe_dump({**base, **options}))
        return tmp_path

    return write


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "saltern_agent.main", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse(["-c", "/x", "--id=a", "--log-level", "debug"])[:4] == ("/x", "a", None, "debug")
    for words, text in [(["--nonsense"], "'--nonsense' is not an option"), (["--id"], "--id needs a value")]:
        with pytest.raises(UsageError, match=text):
            parse(words)
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"saltern-agent {__version__}\n"
    assert main(["--help"]) == 0
    assert "--join TOKEN" in capsys.readouterr().out
    assert main(["--versions-report"]) == 0
    assert "pyzmq" in capsys.readouterr().out
    assert main(["what"]) == 64
    assert "see saltern-agent --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words", "code", "text"),
    [
        ({}, [], 78, "master_key is not set: set it to what saltern-key -F master shows"),
        ({"master_key": "short"}, [], 78, "minion: line 2: master_key: 'short' is not a public key"),
        ({"masterr": "x"}, [], 78, "line 2: masterr is not an option: did you mean 'master'?"),
        ({"master_key": KEY}, ["--id", "no/good"], 64, "--id: minion id 'no/good' is not valid"),
        ({"master_key": KEY}, ["-l", "loud"], 64, "there is no log level 'loud'"),
        ({"master_key": KEY, "log_file": "/proc/no/such"}, [], 78, "log_file"),
        ({"master": "bad host"}, [], 78, "minion: line 2: master: host 'bad host' is not a host name or an address"),
        ({"master": "10.0.0.1:4506"}, [], 78, "give the name or the address alone, ports are set apart"),
        ({"master_key": KEY, "id": "localhost"}, [], 78, "'localhost' is what every host calls itself: set id: there"),
        ({"master_key": KEY}, ["--id", "localhost.localdomain"], 78, "is what every host calls itself"),
        ({"master_key": KEY}, ["--id", ""], 64, "--id: minion id '' is not valid"),
        ({}, ["-c", ""], 64, "-c must name a folder or a file, not nothing"),
        ({}, ["--join", "nonsense"], 1, "this is not a join token"),
        ({}, ["--join", ""], 1, "this is not a join token"),
        ({}, ["--join", "-"], 1, "this is not a join token"),
        ({}, ["--join-file", "/no/such"], 64, "--join-file /no/such: can't be read: No such file or directory"),
        ({}, ["--join-file", "/"], 64, "--join-file /: can't be read: Is a directory"),
        ({}, ["--join", "x", "--join-file", "y"], 64, "give one of them"),
    ],
)
def test_faults_are_one_line(
    config: Callable[..., Path], options: dict[str, Any], words: list[str], code: int, text: str
) -> None:
    folder = config(**options)
    done = run("-c", str(folder), *words)
    assert done.returncode == code
    assert text in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("saltern-agent: ")


def test_a_secret_key_that_others_may_read(config: Callable[..., Path], tmp_path: Path) -> None:
    folder = config(master_key=KEY)
    options = minion_config(folder)
    identity.keys(options)
    path = Path(options["pki_dir"]) / "minion.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert identity.keys(options) == identity.keys(options)
    path.chmod(0o644)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        identity.keys(options)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    with open_to_all() as folder:
        yield folder


def test_options_are_read_by_a_child(config: Callable[..., Path]) -> None:
    folder = config(grains={"role": "web"})
    assert settings.load(str(folder)) == (minion_config(folder), [])
    (folder / "minion").write_text("id: x\ngrains: {token: !secret hunter2}\n")
    assert settings.load(str(folder)) == (minion_config(folder), [])
    assert settings.load(str(folder))[0]["grains"] == {"token": Secret("hunter2")}
    (folder / "minion").write_text("id: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        settings.load(str(folder))


def test_who_names_the_minion_is_not_told_of_another_name(config: Callable[..., Path], tmp_path: Path) -> None:
    folder = config()
    options = minion_config(folder)
    keep_id(options["pki_dir"], "elsewhere", identity.keys(options).public)
    (folder / "minion").write_text(yaml.safe_dump({"root_dir": options["root_dir"]}))
    (_, told), (_, quiet) = settings.load(str(folder)), settings.load(str(folder), named=True)
    assert "keeps the id 'elsewhere'" in told[0]
    assert quiet == []


def test_a_secret_that_all_can_read_is_warned_of(open_folder: Path) -> None:
    (open_folder / "minion").write_text(f"id: web01\nmaster_key: {KEY}\nstats: {{redis: {{password: hunter2}}}}\n")
    _, (warning,) = settings.load(str(open_folder))
    assert "it holds a secret (stats.redis.password): run chgrp" in warning
    (open_folder / "minion").write_text(
        f"id: web01\nmaster_key: {KEY}\nroot_dir: {open_folder}\nstats: {{a_token: x}}\n"
    )
    agent = subprocess.Popen(
        [sys.executable, "-m", "saltern_agent.main", "-c", str(open_folder)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert agent.stderr is not None
        line = agent.stderr.readline()
        assert " WARNING " in line
        assert "it holds a secret (stats.a_token): run chgrp" in line
    finally:
        agent.kill()
        agent.communicate()


def test_the_pinned_key(config: Callable[..., Path]) -> None:
    options = minion_config(config())
    with pytest.raises(ConfigError, match="--join"):
        identity.pinned_master_key(options)
    pinned = Path(options["pki_dir"]) / "minion_master.pub"
    pinned.parent.mkdir(parents=True)
    pinned.write_text("rubbish\n")
    with pytest.raises(ConfigError, match="is not a public key"):
        identity.pinned_master_key(options)
    pinned.write_text(f"{KEY}\n")
    assert identity.pinned_master_key(options) == KEY
    options["master_key"] = "m" * 40
    assert identity.pinned_master_key(options) == "m" * 40
