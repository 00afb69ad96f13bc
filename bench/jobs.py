"""A thousand jobs in a row: how long they take, what the master's memory grows by, and what it stores of them.

``test.ping`` to a few real minions, again and again, by each side's ``LocalClient``, made and connected before; both
sides run on this host, and their jobs take turns, ten of one and ten of the other. Then the jobs are listed by each
side's command line, ``jobs.list_jobs``, a program's start included.

Memory is that of all the master's processes (PSS), looked at before and after. What is stored is what is in its cache
folder, by bytes that the files take on disk, and by files.

    make bench NAME=jobs [ARGS="--quick"] [ARGS="--jobs 1000 --minions 2"]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from saltern.client import LocalClient
from saltern.config import master_config
from support import report, salt
from support.measure import memory, tree
from support.report import Figure, say
from support.stack import stack

JOBS, QUICK_JOBS = 1000, 50
MINIONS = 2
TURN = 10
LISTS = 3
KB = 1024
MS = 1000
STORED_S = 3.0
"""Waited until what is in the journal is in the store, and Salt's last return is written."""


class State(NamedTuple):
    """A master's memory in MiB, and its cache's bytes on disk and files."""

    memory_mb: float
    stored: int
    files: int


def bench(options: argparse.Namespace) -> list[Figure]:
    """Run the jobs on both sides and return what they took and left."""
    jobs = options.jobs or (QUICK_JOBS if options.quick else JOBS)
    minions = options.minions
    with (
        stack(minions, {"schedule": {}}) as running,
        salt.salt(minions) as other,
        salt.SaltClient(other) as salt_client,
    ):
        client = LocalClient(running.config_dir)
        our_cache = Path(master_config(running.config_dir)["cachedir"])
        salt_cache = other.config_dir.parent / "cache"
        _ping(client, minions)
        salt_client.ping()
        before = _state(running.pids["master"], our_cache), _state(other.master_pid, salt_cache)
        ours = theirs = 0.0
        for done in range(TURN, jobs + TURN, TURN):
            count = min(TURN, jobs - done + TURN)
            ours += sum(_ping(client, minions) for _ in range(count))
            theirs += sum(salt_client.ping()[0] for _ in range(count))
            if done % 100 == 0:
                say(f"{done} jobs: ours {ours:.1f} s, Salt {theirs:.0f} s")
        time.sleep(STORED_S)
        after = _state(running.pids["master"], our_cache), _state(other.master_pid, salt_cache)
        lists = (
            _listed([sys.executable, "-m", "saltern.cli.run", "-c", running.config_dir]),
            _listed([str(other.bin / "salt-run"), "-c", str(other.config_dir)]),
        )
    say(f"memory before and after, MiB: ours {_pair(before[0], after[0])}, Salt {_pair(before[1], after[1])}")
    what = f"{jobs:,} jobs to {minions} minions, one after the other"
    figures = [
        Figure("jobs", what, ours, theirs, salt.PEER, "s"),
        Figure("jobs", f"{what}: what is listed at the end, by the command", *lists, salt.PEER, "ms"),
    ]
    for name, field, unit, scale in (
        ("master's memory at the end", "", "MiB", 1.0),
        ("growth of the master's memory", "memory_mb", "MiB", 1.0),
        ("growth of what is stored, a job", "stored", "kB", jobs * KB),
        ("files more than before", "files", "files", 1.0),
    ):
        values = [
            (getattr(then, field) - getattr(first, field)) / scale if field else then.memory_mb
            for first, then in zip(before, after, strict=True)
        ]
        figures.append(Figure("jobs", f"{what}: {name}", values[0], values[1], salt.PEER, unit))
    return figures


def _ping(client: LocalClient, minions: int) -> float:
    began = time.perf_counter()
    answers = client.cmd("*", "test.ping")
    seconds = time.perf_counter() - began
    assert len(answers) == minions, f"{len(answers)} of {minions} answered"
    return seconds


def _state(pid: int, cache: Path) -> State:
    stored = files = 0
    for folder, _, names in os.walk(cache):
        for name in names:
            try:
                stored += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue
            files += 1
    return State(memory(tree(pid)).pss, stored, files)


def _listed(argv: list[str]) -> float:
    """Return the milliseconds of the quickest of some ``jobs.list_jobs``."""
    times = []
    for _ in range(LISTS):
        began = time.perf_counter()
        subprocess.run([*argv, "jobs.list_jobs", "--out", "json"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return min(times) * MS


def _pair(before: State, after: State) -> str:
    return f"{before.memory_mb:.1f} and {after.memory_mb:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, help=f"(default {JOBS}, quick {QUICK_JOBS})")
    parser.add_argument("--minions", type=int, default=MINIONS, help=f"of each kind (default {MINIONS})")
    sys.exit(report.run(parser, bench))
