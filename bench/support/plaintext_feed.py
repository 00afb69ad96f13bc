"""Sends Carbon's plaintext over one TCP connection, as fast as it is taken or at a rate. A program of its own.

It connects to ``--to`` and obeys one JSON object a line on stdin, each answered by one on stdout:

* ``{"prepare": [stamp, ...], "by_metric": false, "last": "a line"}``: encode a point of each metric for each stamp, all
  metrics of a stamp together or all stamps of a metric; answers ``{"bytes": n}``.
* ``{"send": times, "end": false}``: send that so many times, then no more if it is the end; answers ``{"began": t,
  "ended": t, "wall": t, "points": n, "lag": 0}``.
* ``{"pour": seconds, "rate": points a second or null, "stamps": [stamp, ...]}``: send rounds of all metrics until the
  time is over; a round has the next of *stamps*, in turns, or the time at which it is sent; answers as ``send``.

``began`` and ``ended`` are of the monotonic clock, which all processes share, ``wall`` is ``began`` as epoch seconds,
``lag`` the most seconds it was behind the rate.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import sys
import time
from typing import Any

from support.metrics import names, value

STAMP = "0123456789"
"""Stands for the time in lines that are sent again and again; as long as one, and in no name or value."""
PIECE_BYTES = 1 << 20
LINES_A_PIECE = 500
BEHIND_AT_MOST_S = 1.0
"""What a paced feed catches up with; what it is later than that is given up, as an agent's timer would."""


class Feed:
    """A connection and what was prepared for it."""

    def __init__(self, host: str, port: int, metrics: int) -> None:
        self._names = names(metrics)
        self._socket = socket.create_connection((host, port))
        self._prepared = b""
        self._points = 0

    def prepare(self, stamps: list[int], by_metric: bool, last: str) -> dict[str, Any]:
        """Encode points."""
        self._points = len(stamps) * len(self._names)
        numbered = list(enumerate(self._names))
        if by_metric:
            parts = ["".join([f"{name} {value(n, at)} {at}\n" for at in stamps]) for n, name in numbered]
        else:
            parts = ["".join([f"{name} {value(n, at)} {at}\n" for n, name in numbered]) for at in stamps]
        self._prepared = "".join([*parts, last]).encode()
        return {"bytes": len(self._prepared)}

    def send(self, times: int, end: bool) -> dict[str, Any]:
        """Send what was prepared, and with *end* nothing more: the server needn't wait for the rest of a block."""
        wall, began = time.time(), time.monotonic()
        view = memoryview(self._prepared)
        for _ in range(times):
            for at in range(0, len(view), PIECE_BYTES):
                self._socket.sendall(view[at : at + PIECE_BYTES])
        if end:
            self._socket.shutdown(socket.SHUT_WR)
        return _sent(began, wall, times * self._points)

    def pour(self, seconds: float, rate: float | None, stamps: list[int]) -> dict[str, Any]:
        """Send all metrics again and again."""
        lines = [f"{name} {value(number, 0)} {STAMP}\n" for number, name in enumerate(self._names)]
        pieces = _cut(lines)
        turn = itertools.cycle(stamps) if stamps else None
        placeholder, lag, points = STAMP.encode(), 0.0, 0
        wall, began = time.time(), time.monotonic()
        due = began
        while True:
            stamp = next(turn) if turn else 0
            for piece, count in pieces:
                now = time.monotonic()
                if now - began >= seconds:
                    return {**_sent(began, wall, points), "lag": lag}
                if rate:
                    lag = max(lag, now - due)
                    due = max(due, now - BEHIND_AT_MOST_S)
                    if due > now:
                        time.sleep(due - now)
                    due += count / rate
                self._socket.sendall(piece.replace(placeholder, str(stamp or int(time.time())).encode()))
                points += count


def _cut(lines: list[str]) -> list[tuple[bytes, int]]:
    """Return *lines* in encoded pieces, each with its number of lines."""
    parts = (lines[at : at + LINES_A_PIECE] for at in range(0, len(lines), LINES_A_PIECE))
    return [("".join(part).encode(), len(part)) for part in parts]


def _sent(began: float, wall: float, points: int) -> dict[str, Any]:
    return {"began": began, "ended": time.monotonic(), "wall": wall, "points": points, "lag": 0.0}


def main() -> int:
    """Obey stdin until it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--metrics", type=int, required=True)
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    feed = Feed(host, int(port), options.metrics)
    for line in sys.stdin:
        order = json.loads(line)
        if "prepare" in order:
            answer = feed.prepare(order["prepare"], order["by_metric"], order["last"])
        elif "send" in order:
            answer = feed.send(order["send"], order["end"])
        else:
            answer = feed.pour(order["pour"], order["rate"], order["stamps"])
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
