"""New Whisper files: ours and carbon-cache, one point each of metrics that were never seen.

The time is from the first file's last change to the last one's (its ctime, which a rename sets too), without pauses of
more than a quarter second, and "end to end" from the first byte sent. carbon-cache has no limit on creates or updates;
once it makes files with ``fallocate``, as Debian sets it, and once sparse, as ours are. A sample of all files is read
with the whisper library afterwards.

    make bench NAME=graphite_create [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from support import carbon_cache, metrics, report, table
from support.cost import Cost, Watch
from support.feeder import Feeder
from support.measure import median
from support.programs import folder
from support.report import Figure, say
from support.saltern_graphite import SalternGraphite, saltern_graphite
from support.table import BUDGET, Judged
from support.whisper_tree import WhisperTree

BUDGET_A_S = 5_000
TIMES_CARBON = 7.0
ROUNDS = 2
WITHIN_S = 300.0
US = 1_000_000

Program = AbstractContextManager[SalternGraphite | carbon_cache.CarbonCache]


class Run(NamedTuple):
    """One run of one side: files, seconds of creating without pauses, seconds from first byte to last change."""

    files: int
    creating_s: float
    whole_s: float
    cost: Cost


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure all sides in turns; a fresh server and a fresh folder on the same disk each time."""
    peer = carbon_cache.PACKAGE.peer()
    sides: dict[str, Callable[[Path], Program]] = {
        "ours": lambda root: saltern_graphite(root, "--flush-interval", "0", "--writers", "2"),
        f"{peer}, fallocate": carbon_cache.carbon_cache,
        f"{peer}, sparse": lambda root: carbon_cache.carbon_cache(
            root, WHISPER_SPARSE_CREATE="True", WHISPER_FALLOCATE_CREATE="False"
        ),
    }
    count = metrics.asked(options)
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for number in range(1 if options.quick else ROUNDS):
        for name, side in sides.items():
            with folder("create") as root:
                run = _run(side(root), WhisperTree(root / "whisper", count), count)
            runs[name].append(run)
            creating, whole = run.files / run.creating_s, run.files / run.whole_s
            say(f"round {number + 1}: {name}: {creating:,.0f} files/s while creating, {whole:,.0f} end to end")
    rows = _rows(runs)
    table.show(rows)
    return [row.figure for row in rows]


def _run(program: Program, tree: WhisperTree, count: int) -> Run:
    stamps = metrics.slots(time.time(), 1)
    with program as server, Feeder(server.port, count) as feeder:
        feeder.prepare(stamps)
        with Watch(server.pid) as watch:
            sent = feeder.send()
            written = tree.await_round(sent.wall, WITHIN_S)
    tree.verify(stamps)
    return Run(count, written.busy_s, written.last - sent.wall, watch.cost)


def _rows(runs: dict[str, list[Run]]) -> list[Judged]:
    """Return the medians of each side against ours."""
    creating = {name: median([run.files / run.creating_s for run in all_runs]) for name, all_runs in runs.items()}
    whole = {name: median([run.files / run.whole_s for run in all_runs]) for name, all_runs in runs.items()}
    cpu = {name: median([run.cost.cpu_s / run.files * US for run in all_runs]) for name, all_runs in runs.items()}
    rss = {name: median([run.cost.peak.rss for run in all_runs]) for name, all_runs in runs.items()}
    pss = {name: median([run.cost.peak.pss for run in all_runs]) for name, all_runs in runs.items()}
    what, unit = "files created, while creating", "files/s"
    rows = [Judged(_figure(what, creating["ours"], BUDGET_A_S, BUDGET, unit, True), 1.0)]
    for name in list(runs)[1:]:
        rows += [
            Judged(_figure(what, creating["ours"], creating[name], name, unit, True), TIMES_CARBON),
            Judged(_figure("files created, end to end", whole["ours"], whole[name], name, unit, True)),
            Judged(_figure("CPU a file", cpu["ours"], cpu[name], name, "µs")),
            Judged(_figure("memory, RSS, peak", rss["ours"], rss[name], name, "MiB")),
            Judged(_figure("memory, PSS, peak", pss["ours"], pss[name], name, "MiB")),
        ]
    return rows


def _figure(what: str, ours: float, theirs: float, peer: str, unit: str, more: bool = False) -> Figure:
    return Figure("graphite_create", what, ours, theirs, peer, unit, more)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    metrics.add_argument(parser)
    sys.exit(report.run(parser, bench))
