"""collectd on loopback, with plugins that read what ``stats.collect`` does, writing to a store that keeps nothing."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from typing import NamedTuple

from support.debian import Package
from support.programs import HOST, folder, running, wait_for

PACKAGE = Package("collectd", "collectd", "collectd-core")
PLUGINS = (
    *("contextswitch", "cpu", "df", "disk", "interface", "load", "memory", "processes", "swap", "tcpconns"),
    *("uptime", "vmem"),
)
UP_WITHIN_S = 30.0
READ_BYTES = 1 << 16

CONFIG = """
Hostname "bench"
FQDNLookup false
BaseDir "{root}"
PIDFile "{root}/pid"
Interval {interval_s}
{plugins}
LoadPlugin write_graphite
<Plugin cpu>
  ReportByCpu true
  ReportByState true
  ValuesPercentage true
</Plugin>
<Plugin tcpconns>
  ListeningPorts false
  AllPortsSummary true
</Plugin>
<Plugin write_graphite>
  <Node "sink">
    Host "{host}"
    Port "{port}"
    Protocol "tcp"
    LogSendErrors true
  </Node>
</Plugin>
"""


class Collectd(NamedTuple):
    """A running collectd: its process id, and how many points it has sent."""

    pid: int
    peer: str
    points: list[int]


@contextlib.contextmanager
def collectd(interval_s: float) -> Iterator[Collectd]:
    """Run collectd with a reading every *interval_s* until the block ends; its first points have come by then."""
    points = [0]

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(READ_BYTES):
                points[0] += data.count(b"\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server((HOST, 0), Connection) as server, folder("collectd") as root:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = root / "collectd.conf"
        plugins = "\n".join(f"LoadPlugin {name}" for name in PLUGINS)
        port = server.server_address[1]
        config.write_text(CONFIG.format(root=root, interval_s=interval_s, plugins=plugins, host=HOST, port=port))
        argv = [PACKAGE.path(), "-f", "-C", str(config)]
        with running(argv, root / "log") as process:
            wait_for("collectd's points", lambda: points[0] > 0, UP_WITHIN_S + 2 * interval_s)
            yield Collectd(process.pid, PACKAGE.peer(), points)
        server.shutdown()
