"""How long a reader waits for one metric's last ten minutes while points pour in: at full speed, and at 25,000/s.

A client on a kept connection asks fifty times a second for a metric at random. While an answer takes longer than that,
the requests that would have been due meanwhile are counted too, as if others had sent them. At full speed each round of
all metrics has another second of the last ten minutes; at 25,000 a second all points are of the time they are sent.

carbon-cache answers no renders: what is measured of it is its cache query, the part of a render that graphite-web asks
of it for every metric; files, functions and JSON would come on top. VictoriaMetrics answers ``/api/v1/query_range``.

    make bench NAME=graphite_render_under_ingest [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from support import carbon_cache, metrics, report, table, victoria_metrics
from support.cost import percentile
from support.feeder import Feeder
from support.measure import Memory, cpu_with_children_s, median, memory, tree
from support.programs import folder
from support.report import Figure, say
from support.saltern_graphite import saltern_graphite
from support.table import BUDGET, Judged

P99_BUDGET_MS = 20.0
PACED_A_S = 25_000.0
EVERY_S = 0.02
SECONDS, QUICK_SECONDS = 20.0, 2.0
SPAN_S = 600
PRIMED_SLOTS = 20
SETTLE_S = 1.5
MS = 1000

Ask = Callable[[str], bool]
"""Asks for a metric; returns whether points came."""


class Side(NamedTuple):
    """A running server: its process id and plaintext port, and how to ask it."""

    pid: int
    port: int
    ask: Ask


class Run(NamedTuple):
    """What a reader waited, sorted, ms; what was taken in meanwhile, points/s; cores in use; memory at the end."""

    waits: list[float]
    rate: float
    cores: float
    memory: Memory


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure all sides one after the other, at full speed and paced."""
    sides: dict[str, Callable[[Path], AbstractContextManager[Side]]] = {
        "ours": _ours,
        f"{carbon_cache.PACKAGE.peer()} cache query": _carbon,
        victoria_metrics.PACKAGE.peer(): _victoria,
    }
    count = metrics.asked(options)
    seconds = QUICK_SECONDS if options.quick else SECONDS
    rows: list[Judged] = []
    runs: dict[str, dict[str, Run]] = {}
    for name, side in sides.items():
        with folder("render") as root, side(root) as server, Feeder(server.port, count) as feeder:
            feeder.prepare(metrics.slots(time.time(), PRIMED_SLOTS))
            feeder.send()
            time.sleep(SETTLE_S)
            runs[name] = {
                "paced": _run(name, server, feeder, count, seconds, PACED_A_S),
                "full speed": _run(name, server, feeder, count, seconds, None),
            }
    for kind in ("paced", "full speed"):
        rows += _rows(kind, {name: of[kind] for name, of in runs.items()})
    table.show(rows)
    return [row.figure for row in rows]


def _run(name: str, server: Side, feeder: Feeder, count: int, seconds: float, rate: float | None) -> Run:
    """Ask for *seconds* while the feeder sends at *rate*."""
    now = int(time.time())
    feeder.pour(seconds + SETTLE_S, rate, range(now - SPAN_S, now) if rate is None else ())
    time.sleep(SETTLE_S / 2)
    cpu, began = cpu_with_children_s(tree(server.pid)), time.monotonic()
    waits = _waits(server.ask, metrics.names(count), seconds)
    cores = (cpu_with_children_s(tree(server.pid)) - cpu) / (time.monotonic() - began)
    sent = feeder.result()
    taken = sent.points / (sent.ended - sent.began)
    p50, p99 = median(waits), percentile(waits, 99)
    say(f"{name}: at {taken:,.0f} points/s: p50 {p50:.2f} ms, p99 {p99:.2f} ms, longest {waits[-1]:.2f} ms")
    return Run(waits, taken, cores, memory(tree(server.pid)))


def _waits(ask: Ask, names: list[str], seconds: float) -> list[float]:
    """Ask for random metrics, one every :data:`EVERY_S`; return how long each took, in ms, sorted.

    Requests that would have been due while one was waited for count too, each with what was left of that wait.
    """
    chosen = random.Random(1)
    waits = []
    due = time.monotonic()
    until = due + seconds
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        name = chosen.choice(names)
        began = time.monotonic()
        if not ask(name):
            raise RuntimeError(f"no points of {name} came, though they were sent")
        took = time.monotonic() - began
        while took > 0.0:
            waits.append(took * MS)
            took -= EVERY_S
            due += EVERY_S
    return sorted(waits)


@contextmanager
def _ours(root: Path) -> Iterator[Side]:
    with saltern_graphite(root) as server:

        def ask(name: str) -> bool:
            status, body = server.get(f"/render?target={name}&from=-10min&format=json")
            series = json.loads(body) if status == 200 else []
            return any(value is not None for one in series for value, _ in one["datapoints"])

        yield Side(server.pid, server.port, ask)


@contextmanager
def _carbon(root: Path) -> Iterator[Side]:
    # At full speed its writer would take half of it; the default's 500 updates a second leave most points cached.
    with carbon_cache.carbon_cache(root, MAX_UPDATES_PER_SECOND=carbon_cache.DEFAULT_UPDATES_A_S) as server:

        def ask(name: str) -> bool:
            server.cached(name)
            return True  # none cached is an answer too: they are in its file

        yield Side(server.pid, server.port, ask)


@contextmanager
def _victoria(root: Path) -> Iterator[Side]:
    with victoria_metrics.victoria_metrics(root) as server:

        def ask(name: str) -> bool:
            query = urllib.parse.urlencode({"query": f'{{__name__="{name}"}}', "start": "-10m", "step": "15s"})
            status, body = server.get(f"/api/v1/query_range?{query}")
            return status == 200 and bool(json.loads(body)["data"]["result"])

        yield Side(server.pid, server.port, ask)


def _rows(kind: str, runs: dict[str, Run]) -> list[Judged]:
    ours = runs["ours"]
    p99 = percentile(ours.waits, 99)
    rows = [Judged(_figure(f"{kind}, p99 ({ours.rate:,.0f} points/s)", p99, P99_BUDGET_MS, BUDGET), 1.0)]
    for name, theirs in list(runs.items())[1:]:
        rates = f"({ours.rate:,.0f} against {theirs.rate:,.0f} points/s)"
        rows += [
            Judged(_figure(f"{kind}, p50 {rates}", median(ours.waits), median(theirs.waits), name)),
            Judged(_figure(f"{kind}, p99", p99, percentile(theirs.waits, 99), name)),
            Judged(_figure(f"{kind}, longest", ours.waits[-1], theirs.waits[-1], name)),
            Judged(_figure(f"{kind}, cores in use", ours.cores, theirs.cores, name, "cores")),
            Judged(_figure(f"{kind}, memory, RSS", ours.memory.rss, theirs.memory.rss, name, "MiB")),
            Judged(_figure(f"{kind}, memory, PSS", ours.memory.pss, theirs.memory.pss, name, "MiB")),
        ]
    return rows


def _figure(what: str, ours: float, theirs: float, peer: str, unit: str = "ms") -> Figure:
    return Figure("graphite_render_under_ingest", what, ours, theirs, peer, unit)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    metrics.add_argument(parser)
    sys.exit(report.run(parser, bench))
