"""The agent's memory over its work: after huge returns, and over an hour's jobs at one a second, as fast as they go.

Each figure is RSS after, against RSS before: a ratio of 1 means that nothing is left.

    make bench NAME=agent_memory [ARGS=--quick]
"""

from __future__ import annotations

import argparse
import sys
import time

from saltern.client import LocalClient
from support import report
from support.measure import memory
from support.report import Figure, say
from support.stack import Stack, stack

HUGE = 7 * 1024 * 1024
"""Characters: what a message of the agent's default options may carry."""

HUGE_RETURNS, QUICK_HUGE_RETURNS = 5, 2
JOBS, QUICK_JOBS = 3600, 100
WARM_UP_JOBS = 50
SETTLE_S = 70.0
"""The agent looks after its memory at the end of each job, and once a minute."""

QUICK_SETTLE_S = 3.0


def bench(options: argparse.Namespace) -> list[Figure]:
    """Measure one agent of a whole stack."""
    with stack(1) as running:
        client = LocalClient(running.config_dir)
        (minion,) = running.minions
        _jobs(client, minion, WARM_UP_JOBS)
        before = _rss(running)
        returns = QUICK_HUGE_RETURNS if options.quick else HUGE_RETURNS
        say(f"{before:.1f} MiB; {returns} returns of {HUGE:,} characters")
        for _ in range(returns):
            client.cmd(minion, "test.echo", ["x" * HUGE], timeout=60)
            say(f"{_rss(running):.1f} MiB")
        time.sleep(QUICK_SETTLE_S if options.quick else SETTLE_S)
        after = _rss(running)
        jobs = QUICK_JOBS if options.quick else JOBS
        say(f"{after:.1f} MiB; {jobs} jobs")
        _jobs(client, minion, jobs)
        grown = _rss(running)
        say(f"{grown:.1f} MiB")
    return [
        Figure("agent_memory", "RSS after huge returns", after, before, "the same agent before them", "MiB"),
        Figure("agent_memory", f"RSS after {jobs} jobs", grown, after, "the same agent before them", "MiB"),
    ]


def _jobs(client: LocalClient, minion: str, count: int) -> None:
    for _ in range(count):
        client.cmd(minion, "stats.collect", timeout=60)


def _rss(running: Stack) -> float:
    (minion,) = running.minions
    return memory([running.pids[f"agent {minion}"]]).rss


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sys.exit(report.run(parser, bench))
