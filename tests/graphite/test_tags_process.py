"""Tags and events in the real program: received, found, kept over kill -9, and served read-only."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import whisper

from saltern_graphite.tags.tagged_name import readable_path
from support.ports import free_port

WITHIN_S = 40.0
PROGRAM = [sys.executable, "-c", "import sys; from saltern_graphite.main import main; sys.exit(main())"]
ANY_PORT = "127.0.0.1:0"


class Served:
    """A running server: where it listens, and how to ask it."""

    def __init__(self, process: subprocess.Popen[str], endpoints: dict[str, Any]) -> None:
        self.process = process
        self.endpoints = endpoints

    def get(self, path: str, **params: str | list[str]) -> Any:
        url = f"{self.endpoints['http']}{path}?{urllib.parse.urlencode(params, doseq=True)}"
        with urllib.request.urlopen(url, timeout=WITHIN_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: str) -> bytes:
        with urllib.request.urlopen(f"{self.endpoints['http']}{path}", body.encode(), timeout=WITHIN_S) as answer:
            return bytes(answer.read())

    def send(self, *lines: str) -> None:
        host, _, port = self.endpoints["line"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=WITHIN_S) as sender:
            sender.sendall("".join(f"{line}\n" for line in lines).encode())

    def find(self, expected: list[str], *expressions: str) -> None:
        """Wait until the series that pass *expressions* are the *expected*."""
        deadline = time.monotonic() + WITHIN_S
        while (found := self.get("/tags/findSeries", expr=list(expressions))) != expected:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)


@contextlib.contextmanager
def serving(root: Path) -> Iterator[Served]:
    """Run ``serve`` on *root*; it is killed at the end."""
    run_file = root / "run" / "graphite.json"
    run_file.unlink(missing_ok=True)
    addresses = ["--line", ANY_PORT, "--http", ANY_PORT, "--pickle", "off", "--batch", "off"]
    process = subprocess.Popen([*PROGRAM, "serve", "--root", str(root), *addresses], stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + WITHIN_S
        while not run_file.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "it did not start"
            time.sleep(0.01)
        yield Served(process, json.loads(run_file.read_text()))
    finally:
        process.kill()
        process.communicate()


def test_tagged_series_are_found_as_they_come_and_after_a_crash(tmp_path: Path) -> None:
    now = int(time.time())
    with serving(tmp_path) as server:
        server.send(f"cpu;host=w1;dc=a 1 {now}", f"cpu;dc=b;host=w2 2 {now}", f"plain.metric 3 {now}")
        server.find(["cpu;dc=a;host=w1", "cpu;dc=b;host=w2"], "name=cpu")
        server.find([], "name=plain.metric")
        answer = server.get("/render", target="seriesByTag('dc=a')", format="json", **{"from": "-5min"})
        assert [(one["target"], one["tags"]["host"]) for one in answer] == [("cpu;dc=a;host=w1", "w1")]
        assert 1.0 in [value for value, _ in answer[0]["datapoints"]]
        assert server.get("/tags/autoComplete/values", tag="dc", expr="name=cpu") == ["a", "b"]
        server.post("/events/", json.dumps({"what": "deployed", "tags": "web", "when": now}))
    with serving(tmp_path) as server:  # the first was killed, as by kill -9
        server.find(["cpu;dc=a;host=w1", "cpu;dc=b;host=w2"], "name=cpu")
        assert [event["what"] for event in server.get("/events/get_data", tags="web")] == ["deployed"]


def test_a_lost_index_comes_back_with_the_points(tmp_path: Path) -> None:
    now = int(time.time())
    with serving(tmp_path) as server:
        server.send(f"cpu;dc=a 1 {now}")
        server.find(["cpu;dc=a"], "name=cpu")
    for path in (tmp_path / "db").iterdir():
        path.unlink()
    (tmp_path / "db" / "tags.sqlite").write_text("no database")
    with serving(tmp_path) as server:
        server.send(f"cpu;dc=a 2 {now}")
        server.find(["cpu;dc=a"], "name=cpu")
        assert len(list((tmp_path / "db").glob("tags.sqlite.unreadable*"))) == 1


@pytest.fixture
def carbons_tree(tmp_path: Path) -> Path:
    """What Carbon left, a file of it named by its series."""
    now = int(time.time())
    path = tmp_path / "whisper" / readable_path("disk.used;dc=a")
    path.parent.mkdir(parents=True)
    whisper.create(str(path), [(60, 1440)])
    whisper.update_many(str(path), [(now - 60, 5.0), (now, 6.0)])
    return tmp_path


def test_the_first_answer_is_over_all_of_carbons_tree(carbons_tree: Path) -> None:
    names = sorted([f"disk.used;dc=a;host=w{number}" for number in range(5000)])
    for name in names:
        path = carbons_tree / "whisper" / readable_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with serving(carbons_tree) as server:
        assert server.get("/tags/findSeries", expr="host=~w") == names


def test_an_existing_tree_is_served_read_only(carbons_tree: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in carbons_tree.rglob("*")}
    port = free_port()
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--root", str(carbons_tree), "--read-only", "--http", f"127.0.0.1:{port}"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    server = Served(process, {"http": f"http://127.0.0.1:{port}"})
    try:
        deadline = time.monotonic() + WITHIN_S
        while True:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "it did not start"
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                server.get("/health")
                break
            time.sleep(0.02)
        server.find(["disk.used;dc=a"], "dc=a")
        (one,) = server.get("/render", target="seriesByTag('dc=a')", format="json", **{"from": "-5min"})
        assert 5.0 in [value for value, _ in one["datapoints"]]
        names = urllib.parse.urlencode({"path": "posted;dc=a"})
        assert json.loads(server.post("/tags/tagMultiSeries", names)) == ["posted;dc=a"]
        server.find(["disk.used;dc=a", "posted;dc=a"], "dc=a")
        server.post("/events/", json.dumps({"what": "seen", "tags": "x"}))
        assert [event["what"] for event in server.get("/events/get_data")] == ["seen"]
    finally:
        process.kill()
        process.communicate()
    assert {path: path.stat().st_mtime_ns for path in carbons_tree.rglob("*")} == before
