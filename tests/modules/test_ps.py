"""The module ``ps`` on processes of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from saltern.errors import ArgumentError, CommandError


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a name that no other has."""
    program = tmp_path / f"zz{tmp_path.name[-6:]}{id(tmp_path) % 9973}"
    shutil.copy2("/bin/sleep", program)
    with subprocess.Popen([program, "600.5"]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_process_is_found_and_ended(minion: Any, child: subprocess.Popen[bytes]) -> None:
    ps = minion.load("ps")
    user = psutil.Process().username()
    path = str(child.args[0])  # type: ignore[index]
    name = Path(path).name[:15]
    assert ps.pgrep(name) == ps.pgrep(name, user=user) == [child.pid]
    assert ps.pgrep(name, user="no-such-user") is None
    assert ps.pgrep(f"{path} 600.5") is None, "the name alone is looked at"
    assert ps.pgrep(f"{path} 600.5", full=True) == [child.pid]
    assert ps.pgrep(rf"^{name[:4]}.*{name[-3:]}$", pattern_is_regex=True) == [child.pid]
    assert child.pid in ps.get_pid_list()
    assert {"pid": child.pid, "name": name} in ps.status("sleeping") + ps.status("running")
    assert ps.proc_info(child.pid, ["ppid", "name"]) == {"ppid": psutil.Process().pid, "name": name}
    assert ps.kill_pid(child.pid, 0) is True
    assert ps.pkill("600.5", full=False) is None
    assert ps.pkill(name, user=user) == {"killed": [child.pid]}
    assert child.wait(30) == -15
    assert ps.kill_pid(child.pid) is False
    with pytest.raises(CommandError, match="process PID not found"):
        ps.proc_info(child.pid)


def test_what_would_end_all_is_refused(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No real process is in reach here: were the refusal missing, all of the host's would be ended."""
    signalled: list[int] = []
    sham = SimpleNamespace(pid=4711, name=lambda: "sham", cmdline=lambda: ["sham"], send_signal=signalled.append)
    monkeypatch.setattr(psutil, "process_iter", lambda: [sham])
    monkeypatch.setattr(os, "kill", lambda *args: pytest.fail("nothing is to be signalled"))
    ps = minion.load("ps")
    assert ps.pkill("sham", signal=1) == {"killed": [4711]}
    for full in (False, True):
        with pytest.raises(ArgumentError, match="the pattern is empty"):
            ps.pkill("", full=full)
    assert signalled == [1]


def test_what_can_not_be_signalled_is_one_line(minion: Any, child: subprocess.Popen[bytes]) -> None:
    ps = minion.load("ps")
    with pytest.raises(CommandError):
        ps.kill_pid("x")
    with pytest.raises(CommandError, match=r"ps\.kill_pid"):
        ps.kill_pid(child.pid, 9999)


def test_wrong_arguments_are_one_line(minion: Any) -> None:
    ps, host = minion.load("ps"), minion.load("ps_host")
    for call in (
        lambda: ps.pgrep("(", pattern_is_regex=True),
        lambda: ps.psaux("("),
        lambda: ps.proc_info(1, ["nothing"]),
        lambda: ps.proc_info("x"),
        lambda: host.disk_usage("/no/such/path"),
    ):
        with pytest.raises(CommandError):
            call()
    for call in (lambda: ps.top(interval=-1), lambda: ps.top(interval=1e9), lambda: host.cpu_percent(1e9)):
        with pytest.raises(ArgumentError, match="the interval is from 0"):
            call()


def test_the_busiest_first(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ps = minion.load("ps")
    with subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) as busy:
        try:
            found = ps.top(3, 0.3)
        finally:
            busy.kill()
    assert len(found) == 3
    row = next(row for row in found if row["pid"] == busy.pid)
    assert row["cmd"] == ["/bin/sh", "-c", "while :; do :; done"]
    assert row["cpu"]["user"] > 0
    assert row["mem"]["rss"] > 0
    assert set(row) == {"cmd", "user", "status", "pid", "create_time", "cpu", "mem"}


def test_lines_of_programs(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ps = minion.load("ps")
    monkeypatch.setattr(ps, "needed", lambda name: name)
    asked: list[list[str]] = []
    output = "USER PID COMMAND\nroot 1 init\nroot 2 salt-call ps.psaux init\nwww 3 apache2 -k"
    minion.functions["cmd.run"] = lambda argv, **kwargs: (asked.append(argv), output)[1]
    assert ps.psaux("init|apa.he") == ["init|apa.he", ["root 1 init", "www 3 apache2 -k"], "2 occurrence(s)."]
    assert ps.netstat("apache") == ps.ss("apache") == ["apache", ["www 3 apache2 -k"]]
    assert ps.lsof("apache") == ["apache", output]
    assert asked == [["ps", "aux"], ["netstat", "-nap"], ["ss", "-neap"], ["lsof", "-c", "apache"]]
    with pytest.raises(CommandError, match="is no name of a program"):
        ps.lsof("-i")


def test_a_host_without_disks(minion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host = minion.load("ps_host")
    monkeypatch.setattr(psutil, "disk_io_counters", lambda perdisk=False: {} if perdisk else None)
    assert (host.disk_io_counters(), host.disk_io_counters("sda")) == ({}, False)
