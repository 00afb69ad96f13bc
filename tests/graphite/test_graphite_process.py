"""The real program: started, killed, stopped, started again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import whisper

from support.ports import free_port

STARTS_S = 15.0
PROGRAM = [sys.executable, "-c", "import sys; from saltern_graphite.main import main; sys.exit(main())"]


@contextlib.contextmanager
def program(root: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run ``serve`` until its run file is there; kill it at the end if it still runs."""
    run_file = root / "run" / "graphite.json"
    run_file.unlink(missing_ok=True)
    any_port = "127.0.0.1:0"
    process = subprocess.Popen(
        [
            *PROGRAM,
            "serve",
            "--root",
            str(root),
            "--pickle",
            "off",
            "--line",
            any_port,
            "--batch",
            any_port,
            "--http",
            any_port,
            *more,
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + STARTS_S
        while not run_file.exists():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.01)
        yield process, json.loads(run_file.read_text())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def connect(endpoint: str) -> socket.socket:
    host, _, port = endpoint.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def send_batch(
    sock: socket.socket, seq: int, names: list[str], times: list[int], values: list[float]
) -> dict[str, Any]:
    body = msgpack.packb({"v": 1, "type": "points", "seq": seq, "names": names, "times": times, "values": values})
    sock.sendall(struct.pack(">I", len(body)) + body)
    (length,) = struct.unpack(">I", sock.recv(4, socket.MSG_WAITALL))
    ack: dict[str, Any] = msgpack.unpackb(sock.recv(length, socket.MSG_WAITALL))
    return ack


def get(endpoints: dict[str, Any], path: str) -> Any:
    with urllib.request.urlopen(endpoints["http"] + path, timeout=30) as answer:
        return json.load(answer)


def in_file(root: Path, metric: str) -> dict[int, float]:
    path = str(root / "whisper" / (metric.replace(".", "/") + ".wsp"))
    if not os.path.exists(path):
        return {}
    now = int(time.time())
    (start, end, step), read = whisper.fetch(path, now - 3600, now)
    return {at: value for at, value in zip(range(start, end, step), read, strict=True) if value is not None}


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    assert process.wait(40) == 0


def test_acknowledged_points_survive_kill_9(tmp_path: Path) -> None:
    at = int(time.time()) // 15 * 15
    names = [f"host{n}.load" for n in range(50)]
    with program(tmp_path, "--flush-interval", "600") as (process, endpoints), connect(endpoints["batch"]) as sock:
        send_batch(sock, 1, names, [at - 30] * 50, [1.0] * 50)
        deadline = time.monotonic() + 40
        while get(endpoints, "/health")["cache"]["points"]:  # the files are new: they come at once
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for seq, age in enumerate((15, 0), start=2):
            assert send_batch(sock, seq, names, [at - age] * 50, [float(seq)] * 50)["accepted"] == 50
        process.kill()
        process.wait(30)
    assert in_file(tmp_path, "host7.load") == {at - 30: 1.0}
    with program(tmp_path) as (process, endpoints):
        (series,) = get(endpoints, f"/render?target=host7.load&format=json&from={at - 31}&until={at}")
        assert [value for value, _ in series["datapoints"]] == [1.0, 2.0, 3.0]
        stop(process)
    for name in names:
        assert in_file(tmp_path, name) == {at - 30: 1.0, at - 15: 2.0, at: 3.0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_leaves_nothing_unwritten(tmp_path: Path, number: int) -> None:
    at = int(time.time()) // 15 * 15
    lines = b"".join(b"m%d %d %d\n" % (n, n, at) for n in range(500))
    with program(tmp_path, "--flush-interval", "600") as (process, endpoints):
        assert endpoints["pid"] == process.pid
        with connect(endpoints["line"]) as sock, connect(endpoints["line"]) as idle:
            sock.sendall(lines)
            idle.sendall(b"half a li")
            get(endpoints, "/health")
            stop(process, number)
        assert process.stderr is not None
        told = process.stderr.read()
    assert "Traceback" not in told
    assert not (tmp_path / "run" / "graphite.json").exists()
    for n in range(500):
        assert in_file(tmp_path, f"m{n}") == {at: float(n)}


def test_sighup_reads_the_schemas_again(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    with program(tmp_path) as (process, endpoints):
        assert "# [all]\n" in (conf / "storage-schemas.conf").read_text()  # the samples, which say nothing yet
        (conf / "storage-schemas.conf").write_text("[all]\npattern = .\nretentions = 1s:1h\n[broken]\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert any("storage-schemas.conf:4: section [broken] has no pattern" in line for line in process.stderr)
        with connect(endpoints["line"]) as sock:
            sock.sendall(b"a 1 N\n")
        path = tmp_path / "whisper" / "a.wsp"
        deadline = time.monotonic() + 40
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert whisper.info(str(path))["archives"][0]["secondsPerPoint"] == 1


def test_read_only_touches_no_file(tmp_path: Path) -> None:
    with program(tmp_path) as (process, endpoints):
        with connect(endpoints["line"]) as sock:
            sock.sendall(b"a.b 1 N\n")
        deadline = time.monotonic() + 40
        while not in_file(tmp_path, "a.b"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        stop(process)
    shutil.rmtree(tmp_path / "conf")  # nor is a sample written
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    port = free_port()
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--root", str(tmp_path), "--http", f"127.0.0.1:{port}", "--read-only"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert any("listening: http=" in line for line in process.stderr)
        endpoints = {"http": f"http://127.0.0.1:{port}"}
        assert get(endpoints, "/health")["ok"] is True
        deadline = time.monotonic() + STARTS_S
        # The server's own metrics are there too, when the first run saw the turn of a minute.
        while [name for name in get(endpoints, "/metrics/index.json") if not name.startswith("carbon.")] != ["a.b"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (series,) = get(endpoints, "/render?target=a.b&format=json&from=-1min")
        assert 1.0 in [value for value, _ in series["datapoints"]]
        stop(process)
    finally:
        process.kill()
        process.communicate()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_second_server_on_the_same_root_is_refused_in_one_line(tmp_path: Path) -> None:
    with program(tmp_path):
        other = subprocess.run(
            [
                *PROGRAM,
                "serve",
                "--root",
                str(tmp_path),
                "--line",
                "off",
                "--pickle",
                "off",
                "--batch",
                "off",
                "--http",
                "127.0.0.1:0",
            ],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert other.returncode == 1
        assert "is in use" in other.stderr.splitlines()[-1]
        assert "Traceback" not in other.stderr
        assert (tmp_path / "run" / "graphite.json").exists()


def test_help_teaches_and_bad_addresses_are_explained() -> None:
    shown = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in shown.stdout
    shown = subprocess.run([*PROGRAM, "serve", "--help"], capture_output=True, text=True, check=True)
    assert "survives kill -9" in shown.stdout
    bad = subprocess.run(
        [*PROGRAM, "serve", "--root", "x", "--line", "2003"], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 2
    assert "'2003' is not HOST:PORT such as 127.0.0.1:2003" in bad.stderr
