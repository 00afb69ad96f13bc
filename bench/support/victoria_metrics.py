"""The other side: VictoriaMetrics, one node, taking Graphite's plaintext."""

from __future__ import annotations

import contextlib
import http.client
import re
from collections.abc import Iterator
from pathlib import Path

from support.debian import Package
from support.feeder import Sent
from support.programs import HOST, free_ports, running, wait_for

PACKAGE = Package("VictoriaMetrics", "victoria-metrics", "victoria-metrics")
SETTLED_WITHIN_S = 30.0
UP_WITHIN_S = 20.0
ACCEPTED_POLL_S = 0.01
_INSERTED = re.compile(r'^vm_rows_inserted_total\{type="graphite"\} (\d+)', re.MULTILINE)


class VictoriaMetrics:
    """A running server: its process id, its plaintext port, and a kept connection to ask it over."""

    def __init__(self, pid: int, port: int, http_port: int) -> None:
        self.pid = pid
        self.port = port
        self._connection = http.client.HTTPConnection(HOST, http_port, timeout=30)
        self._received = 0

    def get(self, path: str) -> tuple[int, bytes]:
        """Ask for *path*; return status and body."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def settle(self, sent: Sent) -> None:
        """Let it take a round that nothing is measured of."""
        self.await_accepted(sent, SETTLED_WITHIN_S)

    def await_accepted(self, sent: Sent, timeout_s: float) -> None:
        """Wait until it says that all that was sent so far is inserted."""
        self._received += sent.points
        wait_for("rows of VictoriaMetrics", lambda: self._rows() >= self._received, timeout_s, ACCEPTED_POLL_S)

    def _rows(self) -> int:
        found = _INSERTED.search(self.get("/metrics")[1].decode())
        return int(found[1]) if found else 0


@contextlib.contextmanager
def victoria_metrics(root: Path) -> Iterator[VictoriaMetrics]:
    """Run the server with its data under *root* until the block ends."""
    program = PACKAGE.path()
    line, web = free_ports(2)
    root.mkdir(parents=True, exist_ok=True)
    argv = [
        program,
        f"-storageDataPath={root}/data",
        f"-graphiteListenAddr={HOST}:{line}",
        f"-httpListenAddr={HOST}:{web}",
        "-retentionPeriod=1y",
        "-loggerLevel=ERROR",
    ]
    with running(argv, root / "log.txt") as process:
        wait_for("VictoriaMetrics", lambda: _answers(web) or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"VictoriaMetrics did not start: {(root / 'log.txt').read_text()}")
        yield VictoriaMetrics(process.pid, line, web)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
