"""A sender of plaintext in a process of its own, and the sink that tells how fast it could be."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from support.programs import HOST

BENCH = Path(__file__).parents[1]
RECEIVE_BYTES = 1 << 20
SINK_ENDS_WITHIN_S = 60.0


class Sent(NamedTuple):
    """What was sent: monotonic seconds of the first byte and of the end, the former as epoch seconds, points, lag."""

    began: float
    ended: float
    wall: float
    points: int
    lag: float


class Feeder:
    """Sends points of *metrics* metrics to a port over one connection; see :mod:`support.plaintext_feed`."""

    def __init__(self, port: int, metrics: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.plaintext_feed", "--to", f"{HOST}:{port}", "--metrics", str(metrics)],
            cwd=BENCH,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Feeder:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def prepare(self, stamps: Sequence[int], *, by_metric: bool = False, last: str = "") -> int:
        """Encode a point of each metric for each of *stamps*, then the line *last*; return the number of bytes."""
        self._order({"prepare": list(stamps), "by_metric": by_metric, "last": last})
        size: int = self._answer()["bytes"]
        return size

    def send(self, times: int = 1, *, end: bool = False) -> Sent:
        """Send what was prepared, as fast as it is taken; return when the kernel has all of it.

        *times*: again and again; *end*: and nothing more on this connection.
        """
        self._order({"send": times, "end": end})
        return self.result()

    def pour(self, seconds: float, rate: float | None = None, stamps: Sequence[int] = ()) -> None:
        """Begin to send rounds of all metrics, for *seconds*, as fast as they are taken or at *rate* points/s."""
        self._order({"pour": seconds, "rate": rate, "stamps": list(stamps)})

    def result(self) -> Sent:
        """Wait until what was begun is sent."""
        return Sent(**self._answer())

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the feeder has ended: the server closed its connection")
        answer: dict[str, Any] = json.loads(line)
        return answer


def ceiling(metrics: int, stamps: Sequence[int]) -> float:
    """Return the points a second of the feeder into a socket whose reader throws all away."""
    with socket.create_server((HOST, 0)) as listener:
        took = _Sink(listener)
        with Feeder(listener.getsockname()[1], metrics) as feeder:
            size = feeder.prepare(stamps)
            took.expect(size)
            sent = feeder.send()
            return sent.points / (took.all_at() - sent.began)


class _Sink(threading.Thread):
    """Reads one connection until it ends and notes when it had as much as expected."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(daemon=True)
        self._listener = listener
        self._expected = 0
        self._at = 0.0
        self._done = threading.Event()
        self.start()

    def run(self) -> None:
        connection, _ = self._listener.accept()
        buffer = bytearray(RECEIVE_BYTES)
        got = 0
        with connection:
            while size := connection.recv_into(buffer):
                got += size
                if got == self._expected:
                    self._at = time.monotonic()
                    self._done.set()

    def expect(self, size: int) -> None:
        """Set how many bytes will come, before they do."""
        self._expected = size

    def all_at(self) -> float:
        """Return the monotonic time at which all were read."""
        if not self._done.wait(SINK_ENDS_WITHIN_S):
            raise TimeoutError("the feeder's bytes did not all arrive")
        return self._at
