"""Queries: ours with ``--read-only`` and graphite-web under gunicorn, one process each, over the same Whisper tree.

A thousand series, 24 hours of each at 15 seconds, asked for as a chart of a thousand pixels does (json,
maxDataPoints=1000). Before anything is measured each request goes to both sides and their answers are compared:
names, times, and numbers to nine digits. Then the sides take turns of 0.3 s, on loopback connections.

    make bench NAME=graphite_query [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import re
import select
import socket
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from saltern.own_python import python_module
from support import graphite_web, query_tree, report, table
from support.debian import listens
from support.measure import cpu_s, median, tree
from support.programs import HOST, folder, free_ports, running, wait_for
from support.query_tree import NOW
from support.report import Figure, say
from support.table import Judged

HOSTS, QUICK_HOSTS = 100, 20
ROUNDS, QUICK_ROUNDS = 7, 2
TURN_S = 0.3
"""For so long a side is asked in a row, once at least: a few milliseconds alone would say little."""
UP_WITHIN_S = 60.0
MS = 1000
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_RECEIVE_BYTES = 1 << 20


class Query(NamedTuple):
    """What is asked, and how many times faster than graphite-web it must be answered."""

    what: str
    targets: tuple[str, ...]
    at_least: float

    def path(self) -> str:
        """The request's path and query."""
        parameters = [("target", target) for target in self.targets]
        parameters += [("from", str(NOW - 86400)), ("until", str(NOW)), ("now", str(NOW)), ("format", "json")]
        return "/render?" + urllib.parse.urlencode([*parameters, ("maxDataPoints", "1000"), ("noCache", "1")])


_ALL = "saltern.*.stats.cpu.*.user"
_HOSTS = "saltern.*.stats.cpu.0.user"
_TENS = [f"saltern.host{host:03d}.stats.cpu.*.user" for host in range(10)]
_DASHBOARD = (
    query_tree.name(10, 0),
    f"alias({query_tree.name(11, 0)},'one')",
    f"aliasByNode({_TENS[0]},1,4)",
    f"scale({_TENS[1]},0.01)",
    f"perSecond({_TENS[2]})",
    f"movingAverage({_TENS[3]},'5min')",
    f"sumSeries({_TENS[4]})",
    f"asPercent({_TENS[5]})",
    f"keepLastValue({_TENS[6]})",
    f"summarize({_TENS[7]},'10min','max')",
    f"highestAverage({_TENS[8]},5)",
    f"averageSeries({_TENS[9]})",
)


def queries(hosts: int) -> list[Query]:
    """Return all requests, with the numbers of series that *hosts* make."""
    everything = hosts * query_tree.CPUS
    return [
        Query("one metric", (query_tree.name(1, 0),), 5),
        Query(f"sumSeries of {everything}", (f"sumSeries({_ALL})",), 20),
        Query(f"groupByNode of {everything} into {hosts}", (f"groupByNode({_ALL},1,'sum')",), 10),
        Query(f"{everything} as they are", (_ALL,), 10),
        Query(f"movingAverage(…,'5min') of {hosts}", (f"movingAverage({_HOSTS},'5min')",), 10),
        Query(f"summarize(…,'1h','avg') of {hosts}", (f"summarize({_HOSTS},'1h','avg')",), 10),
        Query("holtWintersConfidenceBands of 10", (f"holtWintersConfidenceBands({_TENS[1]})",), 10),
        Query("a dashboard: 12 targets, 102 series", _DASHBOARD, 10),
    ]


class Side:
    """A running server, asked over a connection that is kept if it keeps it."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, path: str) -> bytes:
        """Return the body of the answer. Raises ``RuntimeError`` unless the status is 200."""
        if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
            self._socket.close()  # it was idle for too long: that is the server's end of it
            self._socket = None
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head, _, first = self._head()
        length = _LENGTH.search(head)
        if length is None or not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head.decode()} {first[:500].decode()}")
        body = bytearray(int(length[1]))
        body[: len(first)] = first
        view = memoryview(body)[len(first) :]
        while view:
            view = view[self._received(self._socket.recv_into(view)) :]
        if _CLOSE.search(head):
            self._socket.close()
            self._socket = None
        return bytes(body)

    def measured(self, path: str) -> tuple[float, float]:
        """Ask for one turn; return a request's milliseconds on the clock, and of the server's CPU."""
        cpu, began, took, times = self._cpu_s(), time.perf_counter(), 0.0, 0
        while took < TURN_S:
            self.ask(path)
            times += 1
            took = time.perf_counter() - began
        return took / times * MS, (self._cpu_s() - cpu) / times * MS

    def _head(self) -> tuple[bytes, bytes, bytes]:
        assert self._socket is not None
        data = b""
        while b"\r\n\r\n" not in data:
            more = self._socket.recv(_RECEIVE_BYTES)
            self._received(len(more))
            data += more
        return data.partition(b"\r\n\r\n")

    @staticmethod
    def _received(count: int) -> int:
        if not count:
            raise RuntimeError("the server closed the connection within an answer")
        return count

    def _cpu_s(self) -> float:
        return sum(cpu_s(pid) for pid in tree(self._pid))


def bench(options: argparse.Namespace) -> list[Figure]:
    """Compare both sides' answers, then measure them in turns."""
    hosts, rounds = (QUICK_HOSTS, QUICK_ROUNDS) if options.quick else (HOSTS, ROUNDS)
    peer = f"{graphite_web.PEER}, gunicorn"
    with folder("query") as root:
        say(f"making {query_tree.make(root / 'whisper', hosts)} files")
        with (
            graphite_web.graphite_web(root / "web", root / "whisper") as theirs_at,
            _saltern(root, root / "whisper") as ours_at,
        ):
            theirs, ours = Side(*theirs_at), Side(*ours_at)
            asked = [query for query in queries(hosts) if re.search(options.only, query.what)]
            _await_index(ours, hosts)
            for query in asked:
                points = _compare(ours.ask(query.path()), theirs.ask(query.path()), query.what)
                say(f"{query.what}: both sides give the same {points:,} points")
            rows = [row for query in asked for row in _rows(query, ours, theirs, peer, rounds)]
    table.show(rows)
    return [row.figure for row in rows]


@contextlib.contextmanager
def _saltern(root: Path, whisper_tree: Path) -> Iterator[tuple[int, int]]:
    """Run our server over the tree, reading only, until the block ends; yields its process id and port."""
    (port,) = free_ports(1)
    argv = python_module("saltern_graphite", "serve", "--root", str(root), "--whisper", str(whisper_tree))
    argv += ["--read-only", "--http", f"{HOST}:{port}", "--log-level", "warning"]
    with running(argv, root / "ours.txt") as process:
        wait_for("saltern-graphite", lambda: listens(port) or process.poll() is not None, UP_WITHIN_S)
        if process.poll() is not None:
            raise RuntimeError(f"saltern-graphite did not start: {(root / 'ours.txt').read_text()}")
        yield process.pid, port


def _await_index(ours: Side, hosts: int) -> None:
    """Wait until every metric was found in the tree."""
    path = "/metrics/expand?" + urllib.parse.urlencode({"query": _ALL})
    everything = hosts * query_tree.CPUS
    wait_for("the index", lambda: len(json.loads(ours.ask(path))["results"]) >= everything, UP_WITHIN_S)


def _rows(query: Query, ours: Side, theirs: Side, peer: str, rounds: int) -> list[Judged]:
    """Ask both sides in turns, and return the medians: time on the clock, and CPU."""
    path = query.path()
    taken = [(ours.measured(path), theirs.measured(path)) for _ in range(rounds)]
    clock = [median([pair[side][0] for pair in taken]) for side in (0, 1)]
    cpu = [median([pair[side][1] for pair in taken]) for side in (0, 1)]
    say(f"{query.what}: ours {clock[0]:.2f} ms (CPU {cpu[0]:.2f}), theirs {clock[1]:.1f} ms (CPU {cpu[1]:.1f})")
    return [
        Judged(Figure("graphite_query", query.what, clock[0], clock[1], peer, "ms"), query.at_least),
        Judged(Figure("graphite_query", f"{query.what}, CPU", cpu[0], cpu[1], peer, "ms")),
    ]


def _compare(ours: bytes, theirs: bytes, what: str) -> int:
    """Return how many points both answers have. Raises ``ValueError`` where they differ."""
    mine, other = json.loads(ours), json.loads(theirs)
    names, others = ([one["target"] for one in side] for side in (mine, other))
    if names != others or not names:
        raise ValueError(f"{what}: not the same series: {names[:5]} … and {others[:5]} …")
    return sum(_compare_series(one, another, what) for one, another in zip(mine, other, strict=True))


def _compare_series(mine: dict[str, Any], other: dict[str, Any], what: str) -> int:
    points, others = mine["datapoints"], other["datapoints"]
    same = len(points) == len(others) and all(
        at == other_at and (value == held or (None not in (value, held) and math.isclose(value, held, rel_tol=1e-9)))
        for (value, at), (held, other_at) in zip(points, others, strict=True)
    )
    if not same:
        first = next((pair for pair in zip(points, others, strict=False) if pair[0] != pair[1]), None)
        raise ValueError(f"{what}: {mine['target']}: {len(points)} and {len(others)} points, first difference {first}")
    return len(points)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="REGEX", default="", help="only the requests whose description it finds")
    sys.exit(report.run(parser, bench))
