"""Our Graphite side alone: ``saltern-graphite serve`` on free ports of loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from saltern.own_python import python_module
from support.feeder import Sent
from support.metrics import SCHEMAS
from support.programs import HOST, running, wait_for

SETTLED_WITHIN_S = 30.0
UP_WITHIN_S = 30.0
ACCEPTED_POLL_S = 0.01


class SalternGraphite:
    """A running server: its process id, its plaintext port, and a kept connection to ask it over."""

    def __init__(self, pid: int, port: int, http_port: int) -> None:
        self.pid = pid
        self.port = port
        self._connection = http.client.HTTPConnection(HOST, http_port, timeout=30)
        self._received = self.totals()["metricsReceived"]

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for *path*; return status and body."""
        try:
            return self._ask(path)
        except http.client.RemoteDisconnected:  # it was idle for too long; the next request makes a new one
            self._connection.close()
            return self._ask(path)

    def totals(self) -> Counter[str]:
        """Return the server's counters since its start; what it has not counted yet is 0."""
        told: dict[str, Any] = json.loads(self.get("/health")[1])  # also when it says 503
        return Counter(told["totals"])

    def _ask(self, path: str) -> tuple[int, bytes]:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def settle(self, sent: Sent) -> None:
        """Let it take a round that nothing is measured of."""
        self.await_accepted(sent, SETTLED_WITHIN_S)

    def await_accepted(self, sent: Sent, timeout_s: float) -> None:
        """Wait until all that was sent since this was made or last asked is accepted: logged and readable."""
        self._received += sent.points
        wait_for(
            "points accepted by saltern-graphite",
            lambda: self.totals()["metricsReceived"] >= self._received,
            timeout_s,
            ACCEPTED_POLL_S,
        )


@contextlib.contextmanager
def saltern_graphite(root: Path, *options: str) -> Iterator[SalternGraphite]:
    """Run a server with everything under *root* until the block ends; *options* go to its command line."""
    conf = root / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "storage-schemas.conf").write_text(SCHEMAS)
    argv = python_module("saltern_graphite", "serve", "--root", str(root), "--log-level", "warning")
    argv += ["--line", f"{HOST}:0", "--http", f"{HOST}:0", "--pickle", "off", "--batch", "off", *options]
    ready = root / "run" / "graphite.json"
    with running(argv, root / "log.txt") as process:
        wait_for("saltern-graphite", lambda: ready.exists() or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"saltern-graphite did not start: {(root / 'log.txt').read_text()}")
        told = json.loads(ready.read_text())
        ports = (int(told[name].rpartition(":")[2]) for name in ("line", "http"))
        yield SalternGraphite(process.pid, *ports)
