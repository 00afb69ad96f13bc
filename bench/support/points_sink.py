"""A store that takes a master's points, in acknowledged batches, and keeps only those of a few metrics."""

from __future__ import annotations

import contextlib
import socketserver
import struct
import threading
import time
from collections.abc import Iterator

from saltern.wire import pack_value, unpack_value
from support.programs import HOST

LENGTH = struct.Struct(">I")


class PointsSink:
    """What came: all points counted, the values of some metrics kept by name."""

    def __init__(self, names: list[str]) -> None:
        self.points = 0
        self._values: dict[str, list[float]] = {name: [] for name in names}
        self._came = threading.Condition()

    def take(self, names: list[str], values: list[float]) -> None:
        """Take a batch."""
        with self._came:
            self.points += len(names)
            for name in self._values.keys() & set(names):
                self._values[name].append(values[names.index(name)])
                self._came.notify_all()

    def values(self, name: str, count: int, timeout_s: float) -> list[float]:
        """Wait for the next *count* values of a metric and return them. Raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout_s
        with self._came:
            before = len(self._values[name])
            if not self._came.wait_for(
                lambda: len(self._values[name]) >= before + count, max(0.0, deadline - time.monotonic())
            ):
                raise TimeoutError(f"{name}: {len(self._values[name]) - before} of {count} came in {timeout_s:g} s")
            return self._values[name][before:]


@contextlib.contextmanager
def points_sink(*names: str) -> Iterator[tuple[PointsSink, int]]:
    """Listen until the block ends; yield the sink and its port."""
    sink = PointsSink(list(names))

    class Connection(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while head := self.rfile.read(LENGTH.size):
                batch = unpack_value(self.rfile.read(*LENGTH.unpack(head)))
                sink.take(batch["names"], batch["values"])
                answer = {"v": 1, "type": "ack", "seq": batch["seq"], "accepted": len(batch["names"]), "refused": 0}
                packed = pack_value({**answer, "why": {}})
                self.wfile.write(LENGTH.pack(len(packed)) + packed)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server((HOST, 0), Connection) as server:
        listening = threading.Thread(target=server.serve_forever, daemon=True)
        listening.start()
        try:
            yield sink, server.server_address[1]
        finally:
            server.shutdown()
            listening.join()
