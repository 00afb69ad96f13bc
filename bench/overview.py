"""What it takes a master to show 10,000 minions at a glance (``manage.overview``, ``manage.health``), in this process.

Every tenth is away; each has two schedules, an hour of samples with gaps, and a series in each of three alerts; there
are four groups. *again*: for who asks within the second after another. Processor time, of all threads; and how long
others waited for the event loop meanwhile. There is nothing to compare with: beside it stands what is wanted.

    make bench NAME=overview [ARGS="--quick"]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from saltern.config import master_config
from saltern.metric_segment import owner
from saltern_master.alerts.rule import Rule
from saltern_master.alerts.state import SeriesState
from saltern_master.alerts.watch import Watch
from saltern_master.auth.caller import Caller, Kind
from saltern_master.fleet import Session
from saltern_master.master import Master
from support import report
from support.measure import median
from support.programs import folder
from support.report import Figure, say

MINIONS, QUICK_MINIONS = 10_000, 500
ROUNDS, QUICK_ROUNDS = 10, 2
HOUR_OF_SLOTS = 240
WANTED_MS, WANTED_AGAIN_MS, WANTED_WAIT_MS = 60.0, 10.0, 20.0
MS = 1000
ROOT = Caller(Kind.LOCAL, "root", 0)
WATCHER = Caller(Kind.LOGIN, "wanda", source="ldap")
CONFIG = """
root_dir: {root}
interface: 127.0.0.1
publish_port: 0
ret_port: 0
carbon_protocol: none
schedule:
  stats: {{function: stats.collect, seconds: 15, metrics: true}}
  packages: {{function: pkg.list_pkgs, seconds: 3600, metrics: true}}
groups: {{web: ['web*'], db: ['db*'], all: ['*'], some: ['web0001*', 'db9*']}}
roles: {{watcher: {{members: ['ldap:wanda'], on: [web]}}}}
"""


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ask a master again and again."""
    count, rounds = (QUICK_MINIONS, QUICK_ROUNDS) if options.quick else (MINIONS, ROUNDS)
    with folder("overview") as root:
        (root / "master").write_text(CONFIG.format(root=root))
        master = _master(root, count)
        gc.collect()
        gc.freeze()  # as the program does
        return asyncio.run(_asked(master, count, rounds))


async def _asked(master: Master, count: int, rounds: int) -> list[Figure]:
    view = master.overview
    figures: list[Figure] = []
    stalls: list[float] = []
    watching = asyncio.create_task(_watch(stalls))
    for name, caller, who in (
        ("manage.overview", ROOT, ""),
        ("manage.overview", WATCHER, " for a watcher of half of them"),
        ("manage.health", ROOT, ""),
    ):
        anew, again = [], []
        for _ in range(rounds):
            view._columns_until = view._totals_until = 0.0
            view._hour = None
            anew.append(await _ask(master, caller, name))
            again.append(await _ask(master, caller, name))
        for times, when, wanted in ((anew, "", WANTED_MS), (again, ", again", WANTED_AGAIN_MS)):
            what = f"{name} of {count:,}{who}{when}"
            say(f"{what}: {median(times) * MS:.1f} ms")
            figures.append(Figure("overview", what, median(times) * MS, wanted, "wanted", "ms"))
    watching.cancel()
    stalls.sort()
    longest = stalls[-1] * MS
    say(f"the longest wait for the loop: {longest:.1f} ms")
    return [*figures, Figure("overview", "the longest wait for the loop", longest, WANTED_WAIT_MS, "wanted", "ms")]


async def _ask(master: Master, caller: Caller, name: str) -> float:
    began = time.process_time()
    await master.dispatcher.call(caller, f"runner.{name}", [], {})
    return time.process_time() - began


async def _watch(stalls: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append(time.perf_counter() - began - 0.001)


def _master(root: Path, count: int) -> Master:
    """Return a master that knows *count* minions, which nobody started."""
    master = Master(master_config(root))
    master.accounting.loaded = True
    now = time.time()
    ids = [f"{'web' if number % 2 else 'db'}{number:05}.example.org" for number in range(count)]
    for number, minion in enumerate(ids):
        master.keyring._tables["minions"].put(minion, f"{number:040}")
        link = master.fleet._link_of(minion, f"{number:040}")
        link.grains, link.since = {"salternversion": "1.0.0"}, now
        session: Any = Session(1.0)
        session.jobs = SimpleNamespace(send=lambda frame: True)
        if number % 10:
            link.sessions.append(session)
        begun = now - HOUR_OF_SLOTS * 15
        master.accounting.expect(minion, master.briefing.schedule_of(minion), begun)
        tally = master.accounting.of(minion)["stats"]
        for slot in range(HOUR_OF_SLOTS):
            if (number + slot) % 97:
                at = (tally.first + slot) * 15
                tally.ran(at, at + 1, failed=False)
    for name in ("load", "disk", "memory"):
        watch = Watch(Rule(name=name, target=f"saltern.*.{name}"))
        watch.states = {f"saltern.{owner(minion)}.{name}": SeriesState("ok", now, now, value=1.0) for minion in ids}
        master.alerts._watches[name] = watch
    return master


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
