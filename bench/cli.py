"""``saltern '*' test.ping`` as a shell command, against ``salt '*' test.ping``, in turns.

Wall time from starting the process to its end, output into a pipe; one minion each, so that the command itself is
what is measured.

    make bench NAME=cli [ARGS="--quick"] [ARGS="--minions 3"]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from support import report, salt
from support.measure import median, p95
from support.report import Figure, say
from support.stack import stack

ROUNDS, QUICK_ROUNDS = 30, 5
MS = 1000


def bench(options: argparse.Namespace) -> list[Figure]:
    """Run both commands and return the medians and 95th percentiles."""
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    minions = options.minions
    ours: list[float] = []
    theirs: list[float] = []
    with stack(minions) as running, salt.salt(minions) as other:
        own = [str(Path(sys.executable).with_name("saltern")), "--config-dir", running.config_dir, "*", "test.ping"]
        salts = [str(other.bin / "salt"), "--config-dir", str(other.config_dir), "*", "test.ping"]
        for command in (own, salts):  # once for the page cache and compiled files
            _run(command, minions)
        say(f"{rounds} rounds of both commands")
        for _ in range(rounds):
            ours.append(_run(own, minions))
            theirs.append(_run(salts, minions))
    what = f"'*' test.ping as a shell command, {minions} minion{'s' * (minions > 1)}"
    return [
        Figure("cli", f"{what}, median", median(ours) * MS, median(theirs) * MS, salt.PEER, "ms"),
        Figure("cli", f"{what}, 95th percentile", p95(ours) * MS, p95(theirs) * MS, salt.PEER, "ms"),
    ]


def _run(command: list[str], minions: int) -> float:
    """Return the seconds that *command* takes. Raises ``RuntimeError`` when it isn't answered by all."""
    began = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode or done.stdout.count("True") != minions:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return seconds


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, default=1, help="of each kind (default 1)")
    sys.exit(report.run(parser, bench))
