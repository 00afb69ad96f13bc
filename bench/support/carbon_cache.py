"""The other side: the real carbon-cache, as Debian's graphite-carbon has it, with no limit on what it may do."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support.debian import Package, listens
from support.feeder import Sent
from support.metrics import SCHEMAS
from support.programs import HOST, free_ports, start, stop, wait_for

PACKAGE = Package("carbon-cache", "carbon-cache", "graphite-carbon")
UP_WITHIN_S = 30.0
ACCEPTED_POLL_S = 0.02
SETTLE_S = 2.0
MARKER = "marker.last"
"""The last line's metric. The writer meets it last, as it has the fewest points: as soon as it is cached, all are."""
UNLIMITED = "inf"
DEFAULT_UPDATES_A_S = "500"
_LENGTH = struct.Struct("!L")


class CarbonCache:
    """A running carbon-cache: its process id, its plaintext port, and a connection to its cache-query port."""

    def __init__(self, pid: int, port: int, query_port: int) -> None:
        self.pid = pid
        self.port = port
        self._socket = socket.create_connection((HOST, query_port), timeout=60)
        self._stream = self._socket.makefile("rb")

    def cached(self, metric: str) -> list[tuple[float, float]]:
        """Return the points of *metric* that are in the cache."""
        request = pickle.dumps({"type": "cache-query", "metric": metric}, protocol=2)
        self._socket.sendall(_LENGTH.pack(len(request)) + request)
        (length,) = _LENGTH.unpack(self._stream.read(_LENGTH.size))
        answer: dict[str, Any] = pickle.loads(self._stream.read(length))
        return list(answer["datapoints"])

    def settle(self, _: Sent) -> None:
        """Let it take a round that nothing is measured of."""
        time.sleep(SETTLE_S)

    def await_accepted(self, _: Sent, timeout_s: float) -> None:
        """Wait until the marker, the last line that was sent, is in the cache: so all before it are."""
        wait_for("points accepted by carbon-cache", lambda: self.cached(MARKER), timeout_s, ACCEPTED_POLL_S)


@contextlib.contextmanager
def carbon_cache(root: Path, **settings: str) -> Iterator[CarbonCache]:
    """Run carbon-cache with everything under *root* until the block ends; *settings* go to its ``[cache]`` section.

    Without them it is as fast as it gets: no limit on updates and creates, no tags, no logs of what it does, and
    files made with ``fallocate``, as Debian sets it.
    """
    program = PACKAGE.path()
    line, query = free_ports(2)
    _configure(root, line, query, settings)
    argv = [program, f"--config={root}/conf/carbon.conf", f"--pidfile={root}/pid", "--nodaemon", "start"]
    process = start(argv, root / "log.txt")
    try:
        wait_for("carbon-cache", lambda: listens(query) or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"carbon-cache did not start: {(root / 'log.txt').read_text()}")
        yield CarbonCache(process.pid, line, query)
    finally:
        process.kill()  # told to stop it would write its whole cache first
        stop([process])


def _configure(root: Path, line: int, query: int, settings: dict[str, str]) -> None:
    conf = root / "conf"
    for folder in (conf, root / "logs", root / "whisper"):
        folder.mkdir(parents=True, exist_ok=True)
    everything = {
        "STORAGE_DIR": root,
        "LOCAL_DATA_DIR": root / "whisper",
        "CONF_DIR": conf,
        "LOG_DIR": root / "logs",
        "PID_DIR": root,
        "USER": "",
        "MAX_CACHE_SIZE": "inf",
        "MAX_UPDATES_PER_SECOND": UNLIMITED,
        "MAX_CREATES_PER_MINUTE": UNLIMITED,
        "MIN_TIMESTAMP_RESOLUTION": "1",
        "LINE_RECEIVER_INTERFACE": HOST,
        "LINE_RECEIVER_PORT": line,
        "PICKLE_RECEIVER_PORT": "0",
        "CACHE_QUERY_INTERFACE": HOST,
        "CACHE_QUERY_PORT": query,
        "ENABLE_TAGS": "False",
        "LOG_UPDATES": "False",
        "LOG_CREATES": "False",
        "LOG_CACHE_HITS": "False",
        "CACHE_WRITE_STRATEGY": "sorted",
        "WHISPER_FALLOCATE_CREATE": "True",
        **settings,
    }
    text = "".join(f"{key} = {setting}\n" for key, setting in everything.items())
    (conf / "carbon.conf").write_text(f"[cache]\n{text}")
    (conf / "storage-schemas.conf").write_text(SCHEMAS)
