"""``saltern-up``: one command, and nothing is left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from saltern.client import LocalClient
from saltern.errors import CODES, ChannelError
from saltern_master.up.view import sparkline
from support.stacks import keep_ports, process_tree, wait_for

PORTS = ("http", "api", "web", "line", "batch", "ret", "publish")
OFF = ["--line", "off", "--pickle", "off", "--batch", "off", "--http", "127.0.0.1:0"]


def start(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "saltern_master.up", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def lines_until(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if words in line:
            return lines
    pytest.fail(f"{words!r} never came: {lines}")


def render(http: str, target: str) -> list[Any]:
    with urllib.request.urlopen(f"{http}/render?target={target}&format=json&from=-5min", timeout=30) as answer:
        return list(json.load(answer))


def gone(pids: set[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_shows_itself_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    up = start("--demo", environment={"TMPDIR": str(tmp_path)})
    try:
        lines = lines_until(up, "3/3 up")
        text = "\n".join(lines)
        for part in (
            "graphite is listening",
            "master is listening",
            "api is listening",
            "web is listening",
            "3 minions are up and their first points",
        ):
            assert part in text
        (root,) = tmp_path.glob("saltern-demo-*")
        endpoints = json.loads((root / "run" / "endpoints.json").read_text())
        assert {"http", "api", "web", "line", "publish", "ret", "sock_dir", "config_dir"} <= set(endpoints)
        assert len(render(endpoints["http"], "saltern.*.stats.load.1m")) == 3
        wait_for(lambda: len(process_tree(up.pid)) == 8, "what it starts")
        pids = process_tree(up.pid)
        with urllib.request.urlopen(f"{endpoints['web']}/login", timeout=30) as answer:
            assert "Log in" in answer.read().decode()
        up.send_signal(number)
        assert up.wait(30) == 0
        assert "stopped cleanly" in (up.stdout.read() if up.stdout else "")
        wait_for(lambda: gone(pids), "every process to end")
        assert list(tmp_path.glob("saltern-demo-*")) == []
    finally:
        up.kill()
        up.wait()
        if up.stdout:
            up.stdout.close()


@pytest.mark.timeout(120)
def test_a_root_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        process = start("--root", str(root))
        printed, _ = process.communicate()
        assert process.returncode == 78
        assert (
            printed.splitlines()[-1]
            == f"saltern-up: {root}: there is a file where a folder is needed: name another --root"
        )


@pytest.mark.timeout(240)
def test_a_root_survives_a_restart(tmp_path: Path) -> None:
    root = (
        tmp_path / "a folder whose name is so long that no Unix socket's path would fit into the kernel's field" / "r"
    )
    keep_ports(root)
    seen = []
    for _ in range(2):
        up = start("--root", str(root), "--minions", "2")
        try:
            lines_until(up, "2/2 up")
            endpoints = json.loads((root / "run" / "endpoints.json").read_text())
            answers = LocalClient(endpoints["config_dir"]).cmd("*", "test.ping")
            assert answers == dict.fromkeys(endpoints["minions"], True)
            points = sum(
                v is not None
                for row in render(endpoints["http"], "saltern.*.stats.uptime.seconds")
                for v, _ in row["datapoints"]
            )
            seen.append((endpoints["http"], endpoints["ret"], points))
            up.terminate()
            assert up.wait(30) == 0
            assert not (root / "run" / "endpoints.json").exists()
        finally:
            up.kill()
            up.wait()
            if up.stdout:
                up.stdout.close()
    assert seen[0][:2] == seen[1][:2]
    assert 0 < seen[0][2] <= seen[1][2]


@pytest.mark.timeout(120)
def test_the_second_on_a_folder_is_told_who_has_it_and_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "r"
    up = start("--root", str(root), "--minions", "1")
    try:
        lines_until(up, "1/1 up")
        endpoints = json.loads((root / "run" / "endpoints.json").read_text())
        kept = ("etc/master", "etc/master.d/up.conf", "run/ports.json", "run/endpoints.json", "run/master.json")
        before = [((root / name).read_bytes(), (root / name).stat().st_mtime_ns) for name in kept]
        second = start("--root", f"{root}/../r", "--minions", "2")
        output, _ = second.communicate(timeout=30)
        assert output == f"saltern-up: {root} is in use by pid {up.pid}: end that first, or choose another folder\n"
        assert second.returncode == 1
        assert [((root / name).read_bytes(), (root / name).stat().st_mtime_ns) for name in kept] == before
        # Nor does a part of it by hand, whatever ports it has.
        minion_id = endpoints["minions"][0]
        others = tmp_path / "others"
        for name in ("master", "minion"):
            (others / name).mkdir(parents=True)
        (others / "master" / "master").write_text(
            f"pki_dir: {others}/pki\nsock_dir: {others}/run\ncachedir: {root}/cache/master\n"
            "publish_port: 0\nret_port: 0\n"
        )
        config = (root / "etc" / "minions" / minion_id / "minion.d" / "up.conf").read_text()
        (others / "minion" / "minion").write_text(config.replace(f"{root}/pki", f"{others}/pki"))
        for name, folder, arguments in (
            ("master", "cache/master", ["saltern_master", "-c", str(others / "master")]),
            (f"agent {minion_id}", f"cache/{minion_id}", ["saltern_agent", "-c", str(others / "minion")]),
            ("graphite", "graphite", ["saltern_graphite", "serve", "--root", str(root / "graphite"), *OFF]),
        ):
            done = subprocess.run(
                [sys.executable, "-P", "-m", *arguments], capture_output=True, text=True, timeout=30, check=False
            )
            assert done.returncode == 1, done
            assert f"{root}/{folder} is in use by pid {endpoints['pids'][name]}: " in done.stderr.splitlines()[-1]
        assert sorted(os.listdir(others)) == ["master", "minion"]
        assert LocalClient(endpoints["config_dir"]).cmd("*", "test.ping") == {minion_id: True}
    finally:
        up.terminate()
        up.wait(30)
        if up.stdout:
            up.stdout.close()


@pytest.mark.timeout(180)
def test_a_part_that_ends_is_started_again(tmp_path: Path) -> None:
    keep_ports(tmp_path / "r")
    up = start("--root", str(tmp_path / "r"), "--minions", "1")
    try:
        lines_until(up, "1/1 up")
        endpoints = json.loads((tmp_path / "r" / "run" / "endpoints.json").read_text())
        os.kill(endpoints["pids"]["master"], signal.SIGKILL)
        lines_until(up, "master ended with SIGKILL: again in")
        client = LocalClient(endpoints["config_dir"])

        def answered() -> bool:
            try:
                return client.cmd("*", "test.ping") == {endpoints["minions"][0]: True}
            except Exception:
                return False

        assert wait_for(answered, "the agent to be back")
        now = json.loads((tmp_path / "r" / "run" / "endpoints.json").read_text())["pids"]
        assert now.pop("master") != endpoints["pids"].pop("master")
        assert now == endpoints["pids"]
    finally:
        up.terminate()
        up.wait(30)
        if up.stdout:
            up.stdout.close()


@pytest.mark.timeout(240)
def test_two_stacks_started_together_share_no_port(tmp_path: Path) -> None:
    ups = [start("--root", str(tmp_path / name), "--minions", "1") for name in ("a", "b", "c")]
    try:
        for up in ups:
            lines_until(up, "1/1 up")
        found = [json.loads((tmp_path / name / "run" / "endpoints.json").read_text()) for name in ("a", "b", "c")]
        listening = [endpoints[port] for endpoints in found for port in PORTS]
        assert len(set(listening)) == 3 * len(PORTS)
    finally:
        for up in ups:
            up.terminate()
        for up in ups:
            up.wait(30)
            if up.stdout:
                up.stdout.close()


class Thief(threading.Thread):
    """Listens on the port *name* of a stack as soon as that has chosen it, *times* at most."""

    def __init__(self, root: Path, name: str, times: int) -> None:
        super().__init__(daemon=True)
        self._file, self._name, self._times = root / "run" / "ports.json", name, times
        self.over = threading.Event()
        self.has: dict[int, socket.socket] = {}

    def run(self) -> None:
        while not self.over.wait(0.002) and len(self.has) < self._times:
            with contextlib.suppress(OSError):
                port = json.loads(self._file.read_text())[self._name]
                if port not in self.has:
                    self.has[port] = socket.create_server(("127.0.0.1", port))

    def __enter__(self) -> Thief:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join(10)
        for listener in self.has.values():
            listener.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["batch", "ret", "api", "web"])
def test_a_port_that_another_program_was_quicker_to_take_is_replaced(tmp_path: Path, name: str) -> None:
    root = tmp_path / "r"
    with Thief(root, name, 2) as thief:
        up = start("--root", str(root), "--minions", "1")
        try:
            lines_until(up, "1/1 up")
            chosen = json.loads((root / "run" / "ports.json").read_text())
            assert len(thief.has) == 2
            assert chosen[name] not in thief.has
            endpoints = json.loads((root / "run" / "endpoints.json").read_text())
            assert endpoints[name].endswith(f":{chosen[name]}")
            assert LocalClient(endpoints["config_dir"]).cmd("*", "test.ping") == {endpoints["minions"][0]: True}
        finally:
            up.terminate()
            up.wait(30)
            if up.stdout:
                up.stdout.close()


@pytest.mark.timeout(180)
def test_a_program_that_finds_no_port_ends_the_start_in_its_words(tmp_path: Path) -> None:
    with Thief(tmp_path / "r", "http", 100) as thief:
        up = start("--root", str(tmp_path / "r"), "--minions", "0")
        printed, _ = up.communicate(timeout=60)
    assert up.returncode == CODES[ChannelError.code].exit
    told = printed.splitlines()[-1]
    assert told.startswith("saltern-up: graphite ended: ")
    assert str(list(thief.has)[-1]) in told
    assert not (tmp_path / "r" / "run" / "endpoints.json").exists()


def test_arguments_that_make_no_sense() -> None:
    for arguments, message in (((), "--root DIR"), (("--demo", "--minions", "-1"), "must be between 0 and 100")):
        process = start(*arguments)
        output, _ = process.communicate(timeout=20)
        assert process.returncode == 2
        assert message in output


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([5, 5, 5], "▁▁▁"), ([0, 7], "▁█"), (list(range(8)), "▁▂▃▄▅▆▇█"), ([1e9, -1e9], "█▁")],
)
def test_sparklines(values: list[float], line: str) -> None:
    assert sparkline(values) == line


def test_a_sparkline_shows_the_latest() -> None:
    assert sparkline([100.0] * 50 + [0.0, 1.0], width=2) == "▁█"
