"""Logs are rotated under every program, told or not, and SIGHUP ends none of them, however early it comes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from saltern.client import LocalClient
from support.stacks import Parts, process_tree, wait_for

BIN = Path(sys.executable).parent
HANGUP = 1 << signal.SIGHUP - 1


def heeds_or_ignores_hangups(pid: int) -> bool:
    lines = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    return bool((int(lines["SigIgn"], 16) | int(lines["SigCgt"], 16)) & HANGUP)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


@pytest.mark.timeout(120)
def test_the_logs_of_a_whole_stack_are_rotated_and_hangups_end_nothing(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with (tmp_path / "up.log").open("wb") as output:
        up = subprocess.Popen(
            [BIN / "saltern-up", "--root", str(root), "--minions", "1"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: "1/1 up" in text(tmp_path / "up.log"), "the stack", 60)
        endpoints: dict[str, Any] = json.loads((root / "run" / "endpoints.json").read_text())
        pids = process_tree(up.pid)
        logs = sorted((root / "log").iterdir())
        agent = f"agent-{endpoints['minions'][0]}.log"
        assert [log.name for log in logs] == [agent, "api.log", "graphite.log", "master.log", "web.log"]
        for log in logs:
            log.rename(f"{log}.1")
        up.send_signal(signal.SIGHUP)
        for log in logs:
            wait_for(lambda log=log: "SIGHUP: " in text(log), f"{log.name} to be made anew")  # type: ignore[misc]
            assert "SIGHUP" not in text(Path(f"{log}.1"))
        wait_for(lambda: "SIGHUP: graphite, master, api, web, agent" in text(tmp_path / "up.log"), "its word")
        # Without a signal: by name, and copied and cut short.
        client = LocalClient(endpoints["config_dir"])
        for log in logs:
            log.rename(f"{log}.2")
        masters = root / "log" / "master.log"
        masters.touch()
        assert client.cmd("*", "test.ping") == {endpoints["minions"][0]: True}
        for log in (logs[0], masters):
            wait_for(lambda log=log: "test.ping" in text(log), f"{log.name} to be made anew")  # type: ignore[misc]
        os.truncate(masters, 0)
        assert client.cmd("*", "test.echo", ["x"]) == {endpoints["minions"][0]: "x"}
        wait_for(lambda: "test.echo" in text(masters), "the line in the master's log")
        assert b"\0" not in masters.read_bytes()
        assert pids <= process_tree(up.pid)  # some may be reading their configuration again
    finally:
        up.terminate()
        assert up.wait(40) == 0


PROGRAMS = {
    "saltern-master": (["-c", "{0}"], "is ready: "),
    "saltern-agent": (["-c", "{0}"], "starts as "),
    "saltern-proxy": (["--proxyid", "d1", "-c", "{0}"], "starts as "),
    "saltern-graphite": (
        ["serve", "--root", "{0}/g", "--line", "off", "--pickle", "off", "--batch", "off", "--http", "127.0.0.1:0"],
        "listening: ",
    ),
    "saltern-up": (["--root", "{0}/up", "--minions", "1"], "1/1 up"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_hangup_at_the_start_ends_nothing(tmp_path: Path, program: str) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npublish_port: 0\nret_port: 0\n")
    (tmp_path / "minion").write_text(f"root_dir: {tmp_path}\nid: m1\nmaster_key: {'A' * 40}\n")
    (tmp_path / "proxy").write_text(f"root_dir: {tmp_path}\nmaster_key: {'A' * 40}\n")
    words, ready = PROGRAMS[program]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / program, *[word.format(tmp_path) for word in words]],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 240
        while not heeds_or_ignores_hangups(process.pid):  # looked at often: a moment later it is ready
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert ready not in text(log)
        while ready not in text(log):
            assert time.monotonic() < deadline
            assert process.poll() is None, text(log)
            for pid in (process.pid, *children(process.pid)) if program == "saltern-up" else (process.pid,):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGHUP)
            time.sleep(0.01)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0, text(log)
        assert "Traceback" not in text(log)
        assert "ended with" not in text(log)
    finally:
        process.kill()
        process.wait()


def test_the_stores_worker_outlives_a_hangup_and_its_access_log_is_rotated(tmp_path: Path) -> None:
    access, log = tmp_path / "access.log", tmp_path / "own.log"
    argv = [BIN / "saltern-graphite", "serve", "--root", str(tmp_path / "g"), "--pickle", "off", "--batch", "off"]
    argv += ["--line", "127.0.0.1:0", "--http", "127.0.0.1:0", "--access-log", str(access), "--log-file", str(log)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    run_file = tmp_path / "g" / "run" / "graphite.json"
    try:
        wait_for(run_file.exists, "the store", 30)
        endpoints = json.loads(run_file.read_text())
        workers = wait_for(lambda: process_tree(process.pid) - {process.pid}, "its worker")
        wait_for(lambda: all(map(heeds_or_ignores_hangups, workers)), "the worker to know of hangups")

        def ask(path: str) -> None:
            urllib.request.urlopen(f"{endpoints['http']}{path}", timeout=30).read()

        ask("/version")
        wait_for(lambda: "/version" in text(access), "the line")
        access.rename(tmp_path / "access.log.1")
        log.rename(tmp_path / "own.log.1")
        for pid in (process.pid, *workers):
            os.kill(pid, signal.SIGHUP)
        wait_for(lambda: "SIGHUP: logs are opened anew; storage-schemas.conf, " in text(log), "its word")
        ask("/metrics/find?query=*")
        wait_for(lambda: "/metrics/find" in text(access), "the line")
        host, port = endpoints["line"].rsplit(":", 1)
        with socket.create_connection((host, int(port))) as line:
            line.sendall(f"a.b 1 {int(time.time())}\n".encode())
        wait_for((tmp_path / "g" / "whisper" / "a" / "b.wsp").exists, "the file", 30)
        assert process_tree(process.pid) - {process.pid} == workers
    finally:
        process.terminate()
        assert process.wait(40) == 0


def test_the_master_says_what_it_read_again(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "s", minions=0, master="schedule: {stats: false}\nlog_level: info\n")
    with parts.running():
        main = Path(parts.stack.config_dir) / "master"
        main.write_text(
            "schedule: {stats: false}\nlog_level: debug\ntimeout: 9\nalerts: {a: {metric: x, crit: '> 1'}}\n"
        )
        wait_for(lambda: "these options wait for a restart of the master: timeout" in parts.log("master"), "its word")
        wait_for(lambda: [rule["name"] for rule in parts.runner.cmd("alerts.list")] == ["a"], "the rule")
        main.write_text("schedule: {stats: 5}\n")
        os.kill(parts.pid("master"), signal.SIGHUP)
        wait_for(lambda: "SIGHUP: the log is opened anew; configuration" in parts.log("master"), "its word")
        wait_for(lambda: "the configuration stays as it was: " in parts.log("master"), "the fault")
        assert parts.alive("master")
