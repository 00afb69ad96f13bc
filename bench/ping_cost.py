"""What a ``test.ping`` to real minions costs on our side: processor time of each agent, the master and the client.

No other system runs beside it, so that two versions of ours can be compared, in turns on one machine: what the programs
take without pings is measured first, and taken off.

    make bench NAME=ping_cost [ARGS="--quick"] [ARGS="--minions 10"]
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from saltern.client import LocalClient
from support import report
from support.measure import median
from support.report import Figure, say
from support.stack import stack

MINIONS, QUICK_MINIONS = 30, 4
PINGS, QUICK_PINGS = 200, 30
WARM_UP = 20
IDLE_S = 10.0
NS_PER_MS = 1e6
MS = 1000
NOBODY = "nothing beside it"


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ping, and return what a ping took of whom."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    pings = QUICK_PINGS if options.quick else PINGS
    with stack(minions) as running:
        client = LocalClient(running.config_dir)
        for _ in range(WARM_UP):
            client.cmd("*", "test.ping")
        say(f"idle for {IDLE_S:g} s")
        began, before = time.monotonic(), _taken_ms(running.pids)
        time.sleep(IDLE_S)
        idle = {name: (ms - before[name]) / (time.monotonic() - began) for name, ms in _taken_ms(running.pids).items()}
        say(f"{pings} pings to {minions} minions")
        began, before, own = time.monotonic(), _taken_ms(running.pids), time.process_time()
        rounds = []
        for _ in range(pings):
            at = time.perf_counter()
            answers = client.cmd("*", "test.ping")
            rounds.append(time.perf_counter() - at)
            assert len(answers) == minions, f"{len(answers)} of {minions} answered"
        seconds, own = time.monotonic() - began, time.process_time() - own
        after = _taken_ms(running.pids)
    taken = {name: (after[name] - before[name] - idle[name] * seconds) / pings for name in after}
    agents = sum(ms for name, ms in taken.items() if name not in ("master", "graphite", "api")) / minions
    figures = {
        "processor time of an agent for a ping": agents,
        "processor time of the master for a ping": taken["master"],
        "processor time of the client for a ping": own / pings * MS,
        f"test.ping to {minions} minions, round trip, median": median(rounds) * MS,
    }
    return [Figure("ping_cost", what, value, 0.0, NOBODY, "ms") for what, value in figures.items()]


def _taken_ms(pids: dict[str, int]) -> dict[str, float]:
    """Return the processor time that each program's threads have taken, as the scheduler counts it."""
    taken = {}
    for name, pid in pids.items():
        threads = os.listdir(f"/proc/{pid}/task")
        taken[name] = sum(_of_thread(pid, thread) for thread in threads) / NS_PER_MS
    return taken


def _of_thread(pid: int, thread: str) -> int:
    try:
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as stream:
            return int(stream.read().split()[0])
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"(default {MINIONS}, quick {QUICK_MINIONS})")
    sys.exit(report.run(parser, bench))
