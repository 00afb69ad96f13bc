"""Prometheus' node_exporter on loopback, scraped as Prometheus does it."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from support.programs import HOST, folder, free_ports, running, wait_for
from support.report import say

PACKAGE = PROGRAM = "prometheus-node-exporter"
HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}
_VERSION = re.compile(r"version (\S+)")


class NodeExporter:
    """A running node_exporter: its process id and version, and a kept connection to scrape it over."""

    def __init__(self, pid: int, port: int, version: str) -> None:
        self.pid = pid
        self.peer = f"node_exporter {version}"
        self._connection = http.client.HTTPConnection(HOST, port, timeout=10)

    def scrape(self) -> int:
        """Fetch all metrics; return how many samples came."""
        try:
            self._connection.request("GET", "/metrics", headers=HEADERS)
            answer = self._connection.getresponse()
            body = answer.read()
        except OSError:
            self._connection.close()  # the next request makes a new one
            raise
        if answer.status != http.client.OK:
            raise RuntimeError(f"node_exporter answered {answer.status}")
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return sum(1 for line in body.splitlines() if line and not line.startswith(b"#"))


def install() -> str:
    """Return node_exporter's path, installing Debian's package when this is root. Raises ``RuntimeError``."""
    path = shutil.which(PROGRAM) or shutil.which("node_exporter")
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"installing Debian's package {PACKAGE}")
        for command in (["update"], ["install", "--yes", "--no-install-recommends", PACKAGE]):
            subprocess.run(["apt-get", "-qq", *command], check=True, stdout=subprocess.DEVNULL)
        path = shutil.which(PROGRAM)
    if path is None:
        raise RuntimeError(f"node_exporter is not installed: apt-get install {PACKAGE}")
    return path


@contextlib.contextmanager
def node_exporter() -> Iterator[NodeExporter]:
    """Run node_exporter with its default collectors until the block ends."""
    path = install()
    told = subprocess.run([path, "--version"], capture_output=True, text=True)
    found = _VERSION.search(told.stdout + told.stderr)
    (port,) = free_ports(1)
    with folder("node") as root, running([path, f"--web.listen-address={HOST}:{port}"], root / "log") as process:
        exporter = NodeExporter(process.pid, port, found[1] if found else "")
        wait_for("node_exporter", lambda: _answers(exporter), 10.0)
        yield exporter


def _answers(exporter: NodeExporter) -> bool:
    with contextlib.suppress(OSError):
        return exporter.scrape() > 0
    return False
