"""Our HTTP API over an index alone: the program that ``graphite_find`` measures, and the handle to it.

    python -m support.index_server NAMES KIND     as many names, ``fleet`` or ``unlike``; then commands on stdin

It writes one JSON object a line: first what the index takes, then an answer to each command, ``build FOLDER``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from saltern_graphite.http.app import create_app
from saltern_graphite.index import Index

HOST = "127.0.0.1"
METRICS_A_HOST = 400
PATTERN = "saltern.*.stats.cpu.*.user"
CPUS = 8
_CPU = ("user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
_PARTS = (
    [f"cpu.{cpu}.{kind}" for cpu in range(CPUS) for kind in _CPU]
    + [f"disk.sd{'abcdefghijkl'[disk]}.field{field}" for disk in range(12) for field in range(12)]
    + [f"net.eth{port}.counter{counter}" for port in range(8) for counter in range(16)]
    + [f"memory.item{item}" for item in range(38)]
    + [f"own{number}.value" for number in range(10)]
)


def fleet(count: int) -> Iterator[str]:
    """Yield names as a fleet of like hosts has them, :data:`METRICS_A_HOST` of each."""
    for number in range(count):
        host, part = divmod(number, METRICS_A_HOST)
        yield f"saltern.web{host:05d}-eu.stats.{_PARTS[part]}"


def unlike(count: int) -> Iterator[str]:
    """Yield names that share nothing below the second element: a hundred in each branch, each of its own kind."""
    chosen = random.Random(1)
    for number in range(count):
        yield f"apps.app{number // 100}.task-{chosen.getrandbits(64):016x}"


class _NoCache:
    def points(self, name: str) -> list[tuple[int, float]]:
        return []


class _Store:
    """A store that is nothing but an index."""

    whisper_dir = "/nonexistent"
    cache = _NoCache()

    def __init__(self) -> None:
        self.index = Index()

    def retentions(self, name: str) -> list[tuple[int, int]]:
        return [(15, 5760)]

    def roll_up(self, name: str) -> tuple[str, float]:
        return "average", 0.0

    def health(self) -> Mapping[str, object]:
        return {"ok": True}


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def main(count: int, kind: str) -> None:
    """Fill an index, tell what it takes, serve it, and do what standard input says."""
    store = _Store()
    gc.collect()
    rss, began = _rss(), time.monotonic()
    for name in {"fleet": fleet, "unlike": unlike}[kind](count):
        store.index.add(name)
    adding = time.monotonic() - began
    store.index.tidy()
    gc.collect()
    taken = _rss() - rss
    listener = socket.create_server((HOST, 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(create_app(store), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    _tell(port=listener.getsockname()[1], bytes=taken, adding_s=adding, metrics=len(store.index))
    for line in sys.stdin:
        _, _, folder = line.strip().partition(" ")
        began = time.monotonic()
        index = Index()
        index.start_build(folder).join()
        _tell(seconds=time.monotonic() - began, metrics=len(index))


class IndexServer:
    """The program, running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.facts = self._answer()
        self._connection = http.client.HTTPConnection(HOST, self.facts["port"], timeout=60)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def get(self, path: str) -> bytes:
        """Ask for *path*. ``RuntimeError`` for any status but 200."""
        try:
            status, body = self._ask(path)
        except http.client.RemoteDisconnected:  # it was idle for too long; the next request makes a new one
            self._connection.close()
            status, body = self._ask(path)
        if status != 200:
            raise RuntimeError(f"{path}: status {status}: {body[:200]!r}")
        return body

    def _ask(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def start_build(self, folder: Path) -> None:
        """Let it read a tree into another index, beside serving this one."""
        assert self._process.stdin
        self._process.stdin.write(f"build {folder}\n")
        self._process.stdin.flush()

    def built(self) -> dict[str, Any]:
        """Wait for a build's end; return its ``seconds`` and ``metrics``."""
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the index server ended; what it said is above")
        told: dict[str, Any] = json.loads(line)
        return told


@contextlib.contextmanager
def index_server(names: int, kind: str = "fleet") -> Iterator[IndexServer]:
    """Run the program with *names* until the block ends."""
    argv = [sys.executable, "-m", "support.index_server", str(names), kind]
    bench = Path(__file__).parent.parent
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=bench) as process:
        try:
            yield IndexServer(process)
        finally:
            process.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
