"""A fleet's numbers, from the agents into files: 10,000 agents × 165 numbers every 15 s, on the cores of one machine.

Simulated agents return life-like numbers (``support/lifelike.py``), each at the moment that its id gives it; the real
master takes them and ships them in acknowledged batches; the real store, started with nothing but its folder, keeps
them from an empty tree on. Each slot's value can be made again: afterwards the store is told to stop (SIGTERM), started
again, and asked for all slots of some metrics, then for how many numbers each host has at each slot.

*Lag*: every few seconds metrics at random are rendered; it is for how long a slot was due that isn't there. A master
needs two descriptors an agent and the agents six: where the limit ends that, fewer agents return more numbers each.
With ``--senders-only`` one process sends the same numbers to the store, a frame for each host and slot, without a
master. The senders share the machine.

To remove the files of a whole run can take hours: ``--image`` keeps them in a file system in a file.

    make bench NAME=fleet_points [ARGS="--quick"] [ARGS="--agents 3000"] [ARGS="--senders-only --minutes 4"]
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from support import report, table
from support.disk_image import disk_image
from support.fleet_check import Check, Checked, Covered, LagProbe
from support.fleet_plan import FleetPlan
from support.fleet_senders import Senders, acknowledged_in_order, agent_senders, batch_senders
from support.fleet_store import FleetStore, fleet_store
from support.fleet_watch import Watch
from support.measure import p95
from support.programs import HOST
from support.report import Figure, say
from support.stack import master
from support.table import BUDGET, Judged

AGENTS, QUICK_AGENTS = 10_000, 200
NUMBERS, INTERVAL_S = 165, 15
MINUTES, QUICK_MINUTES = 20.0, 1.0
FEWER_AGENTS = 3_000
DESCRIPTORS_AN_AGENT = 2
"""In the master: two connections."""
OTHER_DESCRIPTORS = 1_000
DRAIN_S = 120.0
"""How long is waited at the end for what isn't stored yet."""
METRICS_CHECKED = 2_000
COVERAGE_S = 300.0
LAST_S = 300.0
LAG_BUDGET_S, MEMORY_BUDGET_MIB, CORES_BUDGET = 30.0, 1e9 / 2**20, 0.4
SMALL_FLEET_A_S = 34_000.0
"""Up to so many points a second the budget of processor time holds."""


def bench(options: argparse.Namespace) -> list[Figure]:
    """Let a fleet send for a while, then look for what it sent."""
    plan = _plan(options)
    minutes = options.minutes or (QUICK_MINUTES if options.quick else MINUTES)
    slots = max(1, round(minutes * 60 / plan.interval_s))
    with (
        _tree(options, len(plan.order) * plan.count) as root,
        fleet_store(root / "graphite", _store_options(options)) as store,
    ):
        with _senders(options, plan, store, root) as (senders, groups):
            first = int((time.time() + 2) // plan.interval_s + 1) * plan.interval_s
            times = range(first, first + slots * plan.interval_s, plan.interval_s)
            say(f"{slots} slots of {len(plan.order)} × {plan.count} numbers, every {plan.interval_s} s")
            probe = LagProbe(store, plan, times)
            watch = Watch(store, senders, plan, probe, groups, root)
            senders.begin(first, slots)
            watch.until(times[-1] + 2 * plan.interval_s, options.drain)
            frames = watch.acknowledged
        sent = acknowledged_in_order(plan, first, frames) if options.senders_only else _everything
        checked, covered = _look_back(options, store, Check(store, plan, times, sent))
    rows = _rows(options, plan, watch, checked, covered)
    table.show(rows)
    return [row.figure for row in rows]


def _plan(options: argparse.Namespace) -> FleetPlan:
    """Return the fleet, with fewer agents of more numbers where the descriptors don't suffice."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    agents = options.agents or (QUICK_AGENTS if options.quick else AGENTS)
    numbers = options.numbers
    if not options.senders_only and 0 < hard < agents * DESCRIPTORS_AN_AGENT + OTHER_DESCRIPTORS:
        fewer = min(FEWER_AGENTS, (hard - OTHER_DESCRIPTORS) // DESCRIPTORS_AN_AGENT)
        numbers = -(-agents * numbers // fewer)
        say(f"{hard} descriptors are too few for {agents} agents of {options.numbers}: {fewer} of {numbers} numbers")
        agents = fewer
    return FleetPlan(agents, numbers, options.interval)


def _store_options(options: argparse.Namespace) -> list[str]:
    return [*(["--writers", str(options.writers)] if options.writers is not None else []), *shlex.split(options.store)]


@contextlib.contextmanager
def _tree(options: argparse.Namespace, files: int) -> Iterator[Path]:
    """Make a folder for all that is written; millions of files can take hours to remove."""
    root = Path(tempfile.mkdtemp(prefix="bench-fleet-", dir=options.root))
    try:
        with disk_image(root, files) if options.image else contextlib.nullcontext(root) as place:
            yield place
    finally:
        if options.keep and not options.image:
            say(f"everything is left in {root}")
        else:
            say(f"removing {root}")
            subprocess.run(["rm", "-rf", str(root)], check=False, start_new_session=True)


@contextlib.contextmanager
def _senders(
    options: argparse.Namespace, plan: FleetPlan, store: FleetStore, root: Path
) -> Iterator[tuple[Senders, dict[str, int]]]:
    """Run what sends; yield it and the process ids of what is between it and the store, by name."""
    if options.senders_only:
        with batch_senders(plan, store.batch) as senders:
            yield senders, {}
        return
    entry = {"function": "stats.collect", "seconds": plan.interval_s, "metrics": True}
    ships = {"carbon_protocol": "saltern", "carbon_host": HOST, "carbon_port": int(store.batch.rpartition(":")[2])}
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with (
        master({**ships, "schedule": {"stats": entry}}, root) as running,
        agent_senders(plan, running, descriptors) as senders,
    ):
        yield senders, {"master": running.pid}


def _everything(host: int, slot: int) -> bool:
    """Of agents all is sent: what their master hasn't shipped in time is lost to the store."""
    return True


def _look_back(options: argparse.Namespace, store: FleetStore, check: Check) -> tuple[Checked, Covered]:
    """Stop the store, start it again, and compare."""
    say(f"the store stopped within {store.stop():.1f} s")
    say(f"it is there again, its log read back, after {store.start_again():.1f} s")
    checked = check.values(METRICS_CHECKED)
    say(f"{checked}")
    covered = check.coverage(options.coverage)
    say(f"{covered}")
    return checked, covered


def _rows(
    options: argparse.Namespace, plan: FleetPlan, watch: Watch, checked: Checked, covered: Covered
) -> list[Judged]:
    rate = len(plan.order) * plan.count / plan.interval_s
    usage = watch.usage
    what = f"{len(plan.order)} × {plan.count} numbers every {plan.interval_s} s"
    rows: list[Judged] = []

    def row(name: str, ours: float, unit: str, budget: float = 0.0, more: bool = False) -> None:
        peer = BUDGET if budget else "none"
        figure = Figure("fleet_points", f"{what}: {name}", ours, budget, peer, unit, more)
        rows.append(Judged(figure, 1.0 if budget else 0.0))

    lags = watch.probe.seconds or [0.0]
    row("lag, at most", max(lags), "s", LAG_BUDGET_S)
    row("lag, 95th percentile", p95(lags), "s")
    row("from due to acknowledged, at most", watch.progress.ack_most_s, "s")
    row("from due to acknowledged, 95th percentile", watch.progress.ack_p95_s, "s")
    row("points there, of those checked", checked.points - checked.never_sent - checked.lost, "", checked.points, True)
    row("points with the right value, of those there", *_right(checked), more=True)
    row("points there, of those acknowledged and counted", covered.there, "", covered.sent, True)
    row("memory of the store with its writers, RSS", usage.most_rss("store", "writers"), "MiB", MEMORY_BUDGET_MIB)
    for name in usage.looks[-1].cpu:
        row(f"memory of the {name}, RSS, at most", usage.most_rss(name), "MiB")
    row("memory of the store with its writers, PSS", watch.most_pss, "MiB")
    store_cores = usage.cores("store") + usage.cores("writers")
    row("cores of the store with its writers", store_cores, "cores", CORES_BUDGET if rate <= SMALL_FLEET_A_S else 0.0)
    for name in usage.looks[-1].cpu:
        row(f"cores of the {name}", usage.cores(name), "cores")
        row(f"cores of the {name}, last {LAST_S / 60:g} minutes", usage.cores(name, LAST_S), "cores")
    row("cores of other programs on this machine", usage.others_cores(), "cores")
    seconds = usage.looks[-1].at - usage.looks[0].at
    first, last = usage.looks[0], usage.looks[-1]
    for name in last.written:
        row(f"written by the {name}", (last.written[name] - first.written[name]) / seconds / 1e6, "MB/s")
    row("written to the disk by everybody", (last.device_bytes - first.device_bytes) / seconds / 1e6, "MB/s")
    row("files made", watch.files, "")
    return rows


def _right(checked: Checked) -> tuple[float, str, float]:
    there = checked.points - checked.never_sent - checked.lost
    return there - checked.wrong, "", there


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, help=f"(default {AGENTS}, quick {QUICK_AGENTS})")
    parser.add_argument("--numbers", type=int, default=NUMBERS, help="of each (default: %(default)s)")
    parser.add_argument("--interval", type=int, default=INTERVAL_S, metavar="S", help="(default: %(default)s)")
    parser.add_argument("--minutes", type=float, help=f"(default {MINUTES:g}, quick {QUICK_MINUTES:g})")
    parser.add_argument("--senders-only", action="store_true", help="no master: batches straight to the store")
    parser.add_argument("--writers", type=int, help="processes of the store that write files (default: its own)")
    parser.add_argument("--store", default="", metavar="OPTIONS", help="more options of the store's command line")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the temporary folder is made")
    parser.add_argument("--keep", action="store_true", help="leave everything there, unless it is in an image")
    parser.add_argument("--image", action="store_true", help="keep all in a file system in a file; needs root")
    parser.add_argument("--drain", type=float, default=DRAIN_S, metavar="S", help="wait at the end (%(default)s)")
    parser.add_argument("--coverage", type=float, default=COVERAGE_S, metavar="S", help="count so long (%(default)s)")
    sys.exit(report.run(parser, bench))
