"""Memory over time: 25,000 points a second over 350,000 metrics, each one every 14 seconds.

All metrics are sent twice and their files created first; then memory of the server and all its children is taken every
few seconds. The slope is a straight line through all of it but the first fifth, by least squares; what memory would be
an hour later follows from it. RSS counts a page once for each process that maps it, PSS once in all. No peer: at
carbon-cache's pace the files alone would take ten minutes.

    make bench NAME=graphite_soak [ARGS="--minutes 10"]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import NamedTuple

from support import report, table
from support.feeder import Feeder
from support.measure import Memory, cpu_with_children_s, memory, tree
from support.programs import folder, wait_for
from support.report import Figure, say
from support.saltern_graphite import SalternGraphite, saltern_graphite
from support.table import BUDGET, Judged

BUDGET_MIB = 200.0
METRICS, QUICK_METRICS = 350_000, 20_000
RATE_A_S = 25_000.0
MINUTES, QUICK_MINUTES = 10.0, 0.1
ROUNDS_BEFORE = 2
CREATED_WITHIN_S = 900.0
SAMPLES = 120
"""How often memory is looked at, whatever the duration: every five seconds in ten minutes."""
SETTLING = 5
"""One sample of so many, the first ones, is not in the slope."""
HOUR_S = 3600.0


class Sample(NamedTuple):
    """Memory of the whole process tree, *at* seconds after the start."""

    at: float
    memory: Memory


def bench(options: argparse.Namespace) -> list[Figure]:
    """Feed for a while and fit a line."""
    count = options.metrics or (QUICK_METRICS if options.quick else METRICS)
    seconds = 60 * (options.minutes or (QUICK_MINUTES if options.quick else MINUTES))
    with folder("soak") as root, saltern_graphite(root) as server, Feeder(server.port, count) as feeder:
        began = time.monotonic()
        feeder.pour(ROUNDS_BEFORE * count / RATE_A_S, RATE_A_S)
        feeder.result()
        wait_for("all files", lambda: server.totals()["creates"] >= count, CREATED_WITHIN_S)
        say(f"{count} files exist {time.monotonic() - began:.0f} s after the first point; feeding for {seconds:g} s")
        cpu, received = cpu_with_children_s(tree(server.pid)), server.totals()["metricsReceived"]
        feeder.pour(seconds, RATE_A_S)
        samples = _samples(server, seconds)
        sent = feeder.result()
        cores = (cpu_with_children_s(tree(server.pid)) - cpu) / (sent.ended - sent.began)
        wait_for("points accepted", lambda: server.totals()["metricsReceived"] - received >= sent.points, 60.0)
        rate = sent.points / (sent.ended - sent.began)
        say(f"{sent.points} points at {rate:,.0f} a second, at most {sent.lag:.2f} s late; {cores:.2f} cores in use")
    rows = _rows(samples, cores)
    table.show(rows)
    return [row.figure for row in rows]


def _samples(server: SalternGraphite, seconds: float) -> list[Sample]:
    """Look at the memory :data:`SAMPLES` times, evenly."""
    began = time.monotonic()
    samples = []
    for number in range(SAMPLES):
        time.sleep(max(0.0, began + (number + 1) * seconds / SAMPLES - time.monotonic()))
        processes = tree(server.pid)
        samples.append(Sample(time.monotonic() - began, memory(processes)))
        if not number % (SAMPLES // 10):
            now = samples[-1].memory
            waiting = server.totals()["metricsReceived"] - server.totals()["committedPoints"]
            told = f"{len(processes)} processes, RSS {now.rss:.1f} MiB, PSS {now.pss:.1f} MiB"
            say(f"{samples[-1].at:.0f} s: {told}, {waiting:,.0f} points not yet in files")
    return samples


def _rows(samples: list[Sample], cores: float) -> list[Judged]:
    rows = []
    settled = samples[len(samples) // SETTLING :]
    for kind in ("rss", "pss"):
        values = [float(getattr(sample.memory, kind)) for sample in settled]
        slope = statistics.linear_regression([sample.at for sample in settled], values).slope
        label = kind.upper()
        highest = max(getattr(sample.memory, kind) for sample in samples)
        in_an_hour = highest + max(0.0, slope) * HOUR_S
        say(f"{label}: {values[0]:.1f} to {values[-1]:.1f} MiB, slope {slope * HOUR_S:+.1f} MiB an hour")
        rows.append(Judged(_figure(f"memory, {label}, highest", highest), 1.0))
        rows.append(Judged(_figure(f"memory, {label}, an hour later", in_an_hour), 1.0))
        rows.append(Judged(Figure("graphite_soak", f"memory, {label}, slope", slope * HOUR_S, 0.0, "none", "MiB/h")))
    rows.append(Judged(Figure("graphite_soak", f"cores in use at {RATE_A_S:,.0f} points/s", cores, 0.0, "none", "")))
    return rows


def _figure(what: str, ours: float) -> Figure:
    return Figure("graphite_soak", what, ours, BUDGET_MIB, BUDGET, "MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metrics", type=int, help=f"how many (default: {METRICS}, with --quick {QUICK_METRICS})")
    parser.add_argument("--minutes", type=float, help=f"how long (default: {MINUTES:g}, with --quick {QUICK_MINUTES})")
    sys.exit(report.run(parser, bench))
