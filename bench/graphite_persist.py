"""Points written into Whisper files that exist: ours and carbon-cache, one point a metric and ten.

Each round sends the next slot of every metric (or the next ten, metric by metric), as fast as it is taken, and waits
until all files were written and nothing more comes. When a file was written its ctime says, on both sides.

* "while writing": files (points) over the seconds from the first file's change to the last one's, without pauses of
  more than a quarter second: carbon-cache's writer sleeps for a second between two passes.
* "end to end": the same over the seconds from the first byte sent to the last change, pauses included.

Ours has ``--flush-interval 0 --writers 2``: as fast as possible, as it catches up after an outage. carbon-cache has no
limit on updates, its best case. A first round of each, in which blocks are allocated and caches filled, doesn't count.
At the end a sample of all files is read with the whisper library and compared with what was sent.

    make bench NAME=graphite_persist [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from support import carbon_cache, metrics, report, table
from support.cost import Watch
from support.feeder import Feeder
from support.measure import Memory, median
from support.programs import folder
from support.report import Figure, say
from support.saltern_graphite import SalternGraphite, saltern_graphite
from support.table import BUDGET, Judged
from support.whisper_tree import WhisperTree

UPDATES_BUDGET_A_S, POINTS_BUDGET_A_S = 120_000, 500_000
TIMES_CARBON = 5.0
TEN = 10
ROUNDS, QUICK_ROUNDS = 8, 1
WITHIN_S = 120.0
US = 1_000_000


class Round(NamedTuple):
    """One round of one side: points, seconds of writing without pauses, seconds from first byte to last change."""

    points: int
    writing_s: float
    whole_s: float
    cpu_s: float


class Side(NamedTuple):
    """The rounds of one side with one point a metric and with ten, and its peak memory."""

    single: list[Round]
    ten: list[Round]
    peak: Memory


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure ours, then carbon-cache: fresh folders on the same disk."""
    peer = carbon_cache.PACKAGE.peer()
    count = metrics.asked(options)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with folder("persist") as root:
        ours = _side("ours", root, saltern_graphite(root, "--flush-interval", "0", "--writers", "2"), count, rounds)
    with folder("persist") as root:
        theirs = _side(peer, root, carbon_cache.carbon_cache(root), count, rounds)
    rows = _rows(ours, theirs, peer)
    table.show(rows)
    return [row.figure for row in rows]


def _side(
    name: str,
    root: Path,
    program: AbstractContextManager[SalternGraphite | carbon_cache.CarbonCache],
    count: int,
    rounds: int,
) -> Side:
    tree = WhisperTree(root / "whisper", count)
    tree.make()
    per_round = [1] * (rounds + 1) + [TEN] * (rounds + 1)
    slots = metrics.slots(time.time(), sum(per_round))
    done: list[Round] = []
    with program as server, Feeder(server.port, count) as feeder, Watch(server.pid) as watch:
        at = 0
        for points in per_round:
            done.append(_round(server, feeder, tree, slots[at : at + points]))
            at += points
            say(f"{name}: {points} a metric: {_told(done[-1])}")
    checked = tree.verify(slots)
    say(f"{name}: {checked} files hold all {len(slots)} points each, says the whisper library")
    return Side(done[1 : rounds + 1], done[rounds + 2 :], watch.cost.peak)


def _round(
    server: SalternGraphite | carbon_cache.CarbonCache, feeder: Feeder, tree: WhisperTree, stamps: Sequence[int]
) -> Round:
    """Send one round and wait until it is in the files."""
    feeder.prepare(stamps, by_metric=True)
    updates = server.totals()["updateOperations"] if isinstance(server, SalternGraphite) else 0
    with Watch(server.pid) as watch:
        sent = feeder.send()
        written = tree.await_round(sent.wall, WITHIN_S)
    writing_s, whole_s = written.busy_s, written.last - sent.wall
    if isinstance(server, SalternGraphite):
        updates = server.totals()["updateOperations"] - updates
        if updates > sent.points / len(stamps) * 1.01:  # files were written twice: their ctimes hide the first time
            say(f"{updates:g} updates: the time of writing is taken as the whole time")
            writing_s = whole_s
    return Round(sent.points, writing_s, whole_s, watch.cost.cpu_s)


def _told(done: Round) -> str:
    writing, whole = done.points / done.writing_s, done.points / done.whole_s
    return f"{writing:,.0f} points/s while writing, {whole:,.0f} end to end"


def _rows(ours: Side, theirs: Side, peer: str) -> list[Judged]:
    rows = []
    kinds = (
        ("single-point updates", "updates/s", UPDATES_BUDGET_A_S, TIMES_CARBON, ours.single, theirs.single),
        ("ten points a metric", "points/s", POINTS_BUDGET_A_S, 0.0, ours.ten, theirs.ten),
    )
    for what, unit, budget, times, mine, others in kinds:
        writing, writing_theirs = _rate(mine), _rate(others)
        rows += [
            Judged(_figure(f"{what}, while writing", writing, budget, BUDGET, unit), 1.0),
            Judged(_figure(f"{what}, while writing", writing, writing_theirs, peer, unit), times),
            Judged(_figure(f"{what}, end to end", _rate(mine, True), _rate(others, True), peer, unit)),
            Judged(Figure("graphite_persist", f"{what}, CPU a point", _cpu(mine), _cpu(others), peer, "µs")),
        ]
    for kind in ("rss", "pss"):
        what = f"memory, {kind.upper()}, peak"
        figure = Figure("graphite_persist", what, getattr(ours.peak, kind), getattr(theirs.peak, kind), peer, "MiB")
        rows.append(Judged(figure))
    return rows


def _rate(rounds: list[Round], end_to_end: bool = False) -> float:
    return median([one.points / (one.whole_s if end_to_end else one.writing_s) for one in rounds])


def _cpu(rounds: list[Round]) -> float:
    return median([one.cpu_s / one.points * US for one in rounds])


def _figure(what: str, ours: float, theirs: float, peer: str, unit: str) -> Figure:
    return Figure("graphite_persist", what, ours, theirs, peer, unit, more_is_better=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    metrics.add_argument(parser)
    sys.exit(report.run(parser, bench))
