"""Points accepted over one plaintext connection: ours, carbon-cache, carbon-c-relay and VictoriaMetrics in turns.

The time is from the first byte sent until the server has all points, as closely as each lets itself be asked: ours when
``/health`` counts them all (they are in the log and readable then), carbon-cache when its cache-query port knows the
last line's metric, carbon-c-relay when the kernel holds no byte for it any more (it counts once a second; the count is
checked afterwards), VictoriaMetrics when ``vm_rows_inserted_total`` counts them all. None is asked before the feeder
has given its last byte to the kernel. Files exist and one point of each metric was sent before, so that nobody meets
a name for the first time; the writers are at their defaults (carbon-cache: 500 updates a second), so that all is about
accepting; the relay throws everything away.

    make bench NAME=graphite_accept [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from support import carbon_c_relay, carbon_cache, metrics, report, table, victoria_metrics
from support.cost import Cost, Watch
from support.feeder import Feeder, Sent, ceiling
from support.measure import median
from support.programs import folder
from support.report import Figure, say
from support.saltern_graphite import saltern_graphite
from support.table import BUDGET, Judged
from support.whisper_tree import WhisperTree

BUDGET_A_S = 1_000_000
TIMES_CARBON = 5.0
POINTS, QUICK_POINTS = 2_000_000, 200_000
TIMES: dict[type[object], int] = {carbon_c_relay.CarbonCRelay: 5, victoria_metrics.VictoriaMetrics: 3}
"""Who gets the same points so many times: both look for new bytes a few times a second only after an idle while."""
SPAN_S = 600
"""The points of each metric are of the last ten minutes, evenly."""
ROUNDS = 3
WITHIN_S = 120.0
US = 1_000_000


class Server(Protocol):
    """What accepts points."""

    pid: int
    port: int

    def settle(self, sent: Sent) -> None:
        """Take a round that nothing is measured of."""

    def await_accepted(self, sent: Sent, timeout_s: float) -> None:
        """Wait until all of *sent* is accepted."""


class Run(NamedTuple):
    """One run of one side."""

    points: int
    seconds: float
    cost: Cost

    @property
    def rate(self) -> float:
        """Points accepted a second."""
        return self.points / self.seconds


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure all sides in turns; a fresh server and fresh folders each time."""
    sides: dict[str, Callable[[Path, int], AbstractContextManager[Server]]] = {
        "ours": _ours,
        carbon_cache.PACKAGE.peer(): _carbon,
        carbon_c_relay.PACKAGE.peer(): _relay,
        victoria_metrics.PACKAGE.peer(): _victoria,
    }
    count = metrics.asked(options)
    stamps = _stamps(max(1, (QUICK_POINTS if options.quick else options.points) // count))
    most = ceiling(count, stamps)
    say(f"the feeder's own ceiling, into a socket whose reader throws all away: {most:,.0f} points/s")
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for number in range(1 if options.quick else ROUNDS):
        for name, side in sides.items():
            with folder("accept") as root, side(root, count) as server:
                run = _run(server, count, stamps)
            runs[name].append(run)
            say(f"round {number + 1}: {name}: {run.rate:,.0f} points/s, CPU {run.cost.cpu_s:.2f} s")
    rows = _rows(runs, most)
    table.show(rows)
    return [row.figure for row in rows]


def _stamps(count: int) -> list[int]:
    """Return *count* whole seconds of the last :data:`SPAN_S`, in order; more when there are more points."""
    span = max(SPAN_S, count)
    now = int(time.time())
    return [now - span + (number + 1) * span // count for number in range(count)]


def _run(server: Server, count: int, stamps: list[int]) -> Run:
    times = TIMES.get(type(server), 1)
    with Feeder(server.port, count) as feeder:
        feeder.prepare(stamps[:1])
        server.settle(feeder.send())
        feeder.prepare(stamps, last=f"{carbon_cache.MARKER} 1 {stamps[-1]}\n")
        with Watch(server.pid) as watch:
            sent = feeder.send(times, end=True)
            server.await_accepted(sent, WITHIN_S)
            seconds = time.monotonic() - sent.began
        if isinstance(server, carbon_c_relay.CarbonCRelay):
            server.check()
    return Run(sent.points, seconds, watch.cost)


@contextmanager
def _ours(root: Path, count: int) -> Iterator[Server]:
    WhisperTree(root / "whisper", count).make()
    with saltern_graphite(root) as server:
        yield server


@contextmanager
def _carbon(root: Path, count: int) -> Iterator[Server]:
    WhisperTree(root / "whisper", count).make()
    with carbon_cache.carbon_cache(root, MAX_UPDATES_PER_SECOND=carbon_cache.DEFAULT_UPDATES_A_S) as server:
        yield server


@contextmanager
def _relay(root: Path, _: int) -> Iterator[Server]:
    with carbon_c_relay.carbon_c_relay(root) as server:
        yield server


@contextmanager
def _victoria(root: Path, _: int) -> Iterator[Server]:
    with victoria_metrics.victoria_metrics(root) as server:
        yield server


def _rows(runs: dict[str, list[Run]], most: float) -> list[Judged]:
    """Return the medians of each side against ours."""
    rate = {name: median([run.rate for run in all_runs]) for name, all_runs in runs.items()}
    cpu = {name: median([run.cost.cpu_s / run.points * US for run in all_runs]) for name, all_runs in runs.items()}
    rss = {name: median([run.cost.peak.rss for run in all_runs]) for name, all_runs in runs.items()}
    pss = {name: median([run.cost.peak.pss for run in all_runs]) for name, all_runs in runs.items()}
    what, unit = "points accepted, one plaintext connection", "points/s"
    rows = [
        Judged(_figure(what, rate["ours"], BUDGET_A_S, BUDGET, unit, True), 1.0),
        Judged(_figure("the same, against the feeder's ceiling", rate["ours"], most, "sink", unit, True)),
    ]
    for name in list(runs)[1:]:
        asked = TIMES_CARBON if name == carbon_cache.PACKAGE.peer() else 0.0
        rows += [
            Judged(_figure(what, rate["ours"], rate[name], name, unit, True), asked),
            Judged(_figure("CPU a point", cpu["ours"], cpu[name], name, "µs")),
            Judged(_figure("memory, RSS, peak", rss["ours"], rss[name], name, "MiB")),
            Judged(_figure("memory, PSS, peak", pss["ours"], pss[name], name, "MiB")),
        ]
    return rows


def _figure(what: str, ours: float, theirs: float, peer: str, unit: str, more: bool = False) -> Figure:
    return Figure("graphite_accept", what, ours, theirs, peer, unit, more)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    metrics.add_argument(parser)
    parser.add_argument("--points", type=int, default=POINTS, help="points sent a run (default: %(default)s)")
    sys.exit(report.run(parser, bench))
