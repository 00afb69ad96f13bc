"""The other side: carbon-c-relay, which parses and routes every line, here into nothing: its best case."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from support.debian import Package, listens
from support.feeder import Sent
from support.programs import free_ports, running, wait_for

PACKAGE = Package("carbon-c-relay", "carbon-c-relay", "carbon-c-relay")
SETTLED_WITHIN_S = 30.0
UP_WITHIN_S = 10.0
READ_POLL_S = 0.005
COUNTED_WITHIN_S = 20.0
_CONFIG = """\
cluster counts file {counts};
statistics submit every 1 seconds prefix with relay send to counts stop;
match * send to blackhole stop;
"""
_LISTEN = "0A"
_RECEIVED = re.compile(r"^relay\.metricsReceived (\d+) ", re.MULTILINE)


class CarbonCRelay:
    """A running relay: its process id and port, and the file in which it counts."""

    def __init__(self, pid: int, port: int, counts: Path) -> None:
        self.pid = pid
        self.port = port
        self._counts = counts
        self._received = 0

    def settle(self, sent: Sent) -> None:
        """Let it take a round that nothing is measured of."""
        self.await_accepted(sent, SETTLED_WITHIN_S)

    def await_accepted(self, sent: Sent, timeout_s: float) -> None:
        """Wait until it has read every byte: it tells its own count only every second."""
        wait_for("bytes read by carbon-c-relay", lambda: not _unread(self.port), timeout_s, READ_POLL_S)
        self._received += sent.points

    def check(self) -> None:
        """Wait until its own count confirms that every line was taken. Raises ``TimeoutError``."""
        wait_for("carbon-c-relay's count of all lines", lambda: self._counted() >= self._received, COUNTED_WITHIN_S)

    def _counted(self) -> int:
        told = _RECEIVED.findall(self._counts.read_text()) if self._counts.exists() else []
        return int(told[-1]) if told else 0


@contextlib.contextmanager
def carbon_c_relay(root: Path) -> Iterator[CarbonCRelay]:
    """Run the relay with everything under *root* until the block ends."""
    program = PACKAGE.path()
    (port,) = free_ports(1)
    root.mkdir(parents=True, exist_ok=True)
    counts = root / "counts"
    (root / "relay.conf").write_text(_CONFIG.format(counts=counts))
    with running([program, "-f", str(root / "relay.conf"), "-p", str(port)], root / "log.txt") as process:
        wait_for("carbon-c-relay", lambda: listens(port) or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"carbon-c-relay did not start: {(root / 'log.txt').read_text()}")
        yield CarbonCRelay(process.pid, port, counts)


def _unread(port: int) -> int:
    """Return the bytes on their way over connections to *port*: sent and not acknowledged, received and not read."""
    suffix = f":{port:04X}"
    count = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if state != _LISTEN and (local.endswith(suffix) or remote.endswith(suffix)):
            unsent, unread = queues.split(":")
            count += int(unsent, 16) + int(unread, 16)
    return count
