"""The HTTP side of the real program: its options, signals, and clients that hang up."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import TZPATH

import httpx
import pytest

DEADLINE_S = 40.0
PROGRAM = [sys.executable, "-c", "import sys; from saltern_graphite.main import main; sys.exit(main())"]
TOKEN = "0123456789abcdef"


class Running:
    """A read-only server over an empty tree; *said* is what it logged so far."""

    def __init__(self, process: subprocess.Popen[str], log: Path, url: str) -> None:
        self.process = process
        self._log = log
        self.url = url

    @property
    def said(self) -> str:
        return self._log.read_text()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=DEADLINE_S)


@contextlib.contextmanager
def serving(root: Path, *options: str) -> Iterator[Running]:
    log = root / "said"
    (root / "whisper").mkdir(exist_ok=True)
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--root", str(root), "--read-only", "--http", "127.0.0.1:0", *options], stderr=stream
        )
    try:
        wait_until(lambda: "http=" in log.read_text() or process.poll() is not None)
        found = re.search(r"http=(http://\S+)", log.read_text())
        assert found, log.read_text()
        yield Running(process, log, found[1])
    finally:
        if process.poll() is None:
            process.terminate()
        assert process.wait(DEADLINE_S) == 0


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def auth_file(root: Path, token: str, mode: int = 0o600) -> str:
    path = root / "auth"
    path.write_text(f"bearer {token}\n")
    path.chmod(mode)
    return str(path)


def test_credentials_and_log_are_read_and_opened_again(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = ("--auth-file", auth_file(tmp_path, TOKEN), "--auth-open", "/health", "--access-log", str(log))
    with serving(tmp_path, *options, "--cors-origin", "http://localhost:3000") as server:
        assert server.get("/version").status_code == 401
        assert server.get("/health").status_code == 200
        known = server.get("/version", authorization=f"Bearer {TOKEN}", origin="http://localhost:3000")
        assert (known.status_code, known.headers["access-control-allow-origin"]) == (200, "http://localhost:3000")
        wait_until(lambda: log.read_text().count("\n") == 3)
        log.rename(tmp_path / "old.log")
        auth_file(tmp_path, "fedcba9876543210")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.get("/version", authorization="Bearer fedcba9876543210").status_code == 200)
        assert server.get("/version", authorization=f"Bearer {TOKEN}").status_code == 401
        auth_file(tmp_path, TOKEN, mode=0o644)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.said.count("SIGHUP: logs are opened anew") == 2)
        assert "the credentials stay as they were" in server.said
        assert "the credentials were read again" not in server.said
        assert server.said.count("are read again, but for what is said above to be at fault; what the") == 2
        assert ", the credentials are read again, but" in server.said
        assert server.get("/version", authorization="Bearer fedcba9876543210").status_code == 200
    lines = [line for name in ("old.log", "access.log") for line in (tmp_path / name).read_text().splitlines()]
    requests = [json.loads(line) for line in lines]
    assert [line["status"] for line in requests][:3] == [401, 200, 200]
    assert {line["path"] for line in requests} == {"/version", "/health"}
    assert requests[-1]["user"] == "bearer"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--auth-file", "nix"), "saltern-graphite: nix: can't be read: No such file or directory\n"),
        (("--access-log", "/no/where"), "saltern-graphite: access log /no/where: can't be written: No such file"),
        (("--cors-origin", "https://a/b"), "'https://a/b' is no origin such as https://grafana.example.org"),
        (("--max-time", "0"), "a request needs some time: give more than 0 seconds"),
        (("--max-series", "0"), "'0' is not a whole number above zero"),
        (("--writers", "many"), "'many' is neither a whole number nor auto"),
        (("--auth-open", "/render"), "invalid choice: '/render'"),
        (("--tz", "Mars/Olympus"), "'Mars/Olympus' is no time zone such as Europe/Berlin or UTC"),
        (("--whisper", "/no/where"), "saltern-graphite: /no/where: there is no such folder"),
    ],
)
def test_it_does_not_start_with(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    (tmp_path / "whisper").mkdir()
    done = subprocess.run(
        [*PROGRAM, "serve", "--root", str(tmp_path), "--read-only", "--http", "127.0.0.1:0", *options],
        capture_output=True, text=True, timeout=DEADLINE_S * 2, check=False,
    )  # fmt: skip
    assert done.returncode in (2, 64, 78)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "environment", "hour"),
    [
        ((), {"TZ": "America/New_York"}, "00:00"),
        (("--tz", "asia/tokyo"), {"TZ": "America/New_York"}, "13:00"),
        ((), {"TZ": ":/usr/share/zoneinfo/America/New_York"}, "00:00"),
        ((), {"TZ": ":no/where"}, "04:00"),
        ((), {"TZ": ""}, "04:00"),
        ((), {"TZ": "/no/where"}, "04:00"),
        ((), {"TZ": ":TREE/Tokyo"}, "13:00"),
        ((), {"TZ": "<+03>-3"}, "07:00"),
        ((), {"TZ": "NZST-12NZDT,M9.5.0,M4.1.0/3"}, "16:00"),
        ((), {"TZ": "MST7MDT,M3.2.0/2,M11.1.0"}, "22:00"),
        ((), {"TZ": "AKST9AKDT"}, "20:00"),
    ],
)
def test_a_zone_of_its_own(
    tmp_path: Path, options: tuple[str, ...], environment: dict[str, str], hour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(next(path for folder in TZPATH if os.path.exists(path := f"{folder}/Asia/Tokyo")), tmp_path / "Tokyo")
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("TREE", str(tmp_path)))
    at = 1_718_078_400  # midnight of 2024-06-11 in New York
    with serving(tmp_path, *options) as server:
        query = f"/render?target=constantLine(1)&from={at - 60}&until={at}&format=csv"
        assert f" {hour}:00,1" in server.get(query).text
        assert " 06:00:00,1" in server.get(f"{query}&tz=Europe/Berlin").text


SLOW = "&".join(["target=movingMedian(randomWalk('x',1),200)"] * 40) + "&from=-1d&format=json"
"""Seconds of work, in steps of a fraction of one."""


def test_a_client_that_hangs_up_is_worked_for_no_longer(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with serving(tmp_path, "--access-log", str(log)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET /render?{SLOW} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            wait_until(lambda: server.get("/health").json()["totals"].get("requestCacheMisses"))  # it is worked on
        wait_until(lambda: '"/render"' in log.read_text())
        (line,) = [line for line in log.read_text().splitlines() if '"/render"' in line]
        assert json.loads(line)["status"] == 499
        totals = server.get("/health").json()["totals"]
        assert totals["requestsCancelled"] == 1


def test_the_time_of_a_request(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-time", "0.2") as server:
        answer = server.get(f"/render?{SLOW}")
        assert (answer.status_code, answer.text) == (
            503,
            "the request takes over 0.2 s: ask for fewer series or a shorter range, or try again later\n",
        )
        assert server.get("/version").status_code == 200


def test_the_first_answer_is_over_the_whole_tree(tmp_path: Path) -> None:
    for host in range(200):
        folder = tmp_path / "whisper" / f"host{host}"
        folder.mkdir(parents=True)
        for metric in range(100):
            (folder / f"m{metric}.wsp").touch()
    with serving(tmp_path) as server:
        assert len(server.get("/metrics/expand?query=*.*").json()["results"]) == 20_000
