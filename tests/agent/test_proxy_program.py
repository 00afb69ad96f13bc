"""``saltern-proxy``: its command line, what a fault in it looks like, and going on in the background."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from saltern.__about__ import __version__
from saltern_agent import settings
from saltern_agent.proxy_program import main

KEY = "k" * 40
PARENT = """
import os, sys
from saltern_agent.daemon import Daemon

with Daemon() as daemon:
    if sys.argv[1] == "fails":
        print("what was wrong", file=sys.stderr)
        sys.exit(78)
    if sys.argv[1] == "dies":
        os.kill(os.getpid(), 9)
    daemon.begun("it runs")
    print("to nobody")
    os.write(int(sys.argv[2]), f"{os.getsid(0) == os.getpid()}".encode())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "proxy").write_text(f"root_dir: {tmp_path}/root\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--proxyid is missing: it names the device; see saltern-proxy --help"),
        (["--proxyid", "a/b"], "--proxyid: minion id 'a/b' is not valid"),
        (["--proxyid"], "--proxyid needs a value"),
        (["--id", "x"], "'--id' is not an option"),
        (["--proxyid=sw1", "-l", "loud"], "there is no log level 'loud'"),
    ],
)
def test_a_wrong_command_line_is_one_line(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(words) == 64
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_it_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"saltern-proxy {__version__}\n"
    assert main(["--help"]) == 0
    assert "--proxyid ID" in capsys.readouterr().out


def test_a_device_without_a_master_says_how_to_get_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--proxyid", "sw1", "-c", str(folder)]) == 78
    told = capsys.readouterr().err
    assert f"saltern-proxy: {folder}/proxy: master_key is not set" in told
    assert "saltern-proxy --proxyid sw1 --join -" in told
    assert (folder / "root/etc/saltern/pki/proxy/sw1").is_dir() is False
    assert (folder / "root/var/cache/saltern/proxy/sw1").is_dir()


def test_its_options_are_read_again_as_they_were_read(folder: Path) -> None:
    (folder / "minion").write_text("id: [")
    (folder / "proxy.d" / "sw1").mkdir(parents=True)
    (folder / "proxy.d" / "sw1" / "own.conf").write_text("grains: {rack: 4}\n")
    first, _ = settings.load(str(folder), proxyid="sw1")
    again, _ = settings.load_again(str(folder), proxyid="sw1")
    assert first == again
    assert (first["id"], first["grains"]) == ("sw1", {"rack": 4})


def test_two_do_not_run_for_one_device(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from saltern.folder_lock import locked

    with locked(f"{folder}/root/var/cache/saltern/proxy/sw1", 0o755):
        assert main(["--proxyid", "sw1", "-c", str(folder)]) != 0
    assert "sw1" in capsys.readouterr().err


@pytest.mark.parametrize(("how", "code", "out", "err"), [("fails", 78, "", "what was wrong\n"), ("dies", 1, "", "")])
def test_the_caller_learns_that_it_did_not_begin(how: str, code: int, out: str, err: str) -> None:
    ended = subprocess.run([sys.executable, "-c", PARENT, how], capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, out, err)


def test_it_goes_on_when_the_caller_is_let_go() -> None:
    read, write = os.pipe()
    ended = subprocess.run(
        [sys.executable, "-c", PARENT, "begins", str(write)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        pass_fds=(write,),
    )
    os.close(write)
    with open(read, encoding="ascii") as stream:
        assert stream.read() == "True"
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "it runs\n", "")
