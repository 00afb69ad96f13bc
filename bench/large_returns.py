"""Returns of 1 MB from thirty minions at once: ours against Salt's, time and the master's memory.

Each minion runs a command that prints a million characters; the whole answers are printed as JSON by the command line.

    make bench NAME=large_returns [ARGS="--quick"] [ARGS="--minions 5"]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time

from saltern.own_python import python_module
from support import report, salt
from support.cost import Watch
from support.measure import median
from support.report import Figure, say
from support.stack import stack

MINIONS, QUICK_MINIONS = 30, 4
ROUNDS, QUICK_ROUNDS = 5, 2
BYTES = 1_000_000
COMMAND = f"head -c {BYTES} /dev/zero | tr '\\0' x"
WITHIN_S = 300


def bench(options: argparse.Namespace) -> list[Figure]:
    """Ask for the returns in turns and return the medians of the time, and the masters' highest memory."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    seconds: dict[str, list[float]] = {"ours": [], "Salt": []}
    peaks = dict.fromkeys(seconds, 0.0)
    job = ["--static", "--out=json", "-t", "120", "*", "cmd.run", COMMAND]
    with stack(minions) as running, salt.salt(minions) as other:
        sides = {
            "ours": (python_module("saltern.cli.salt", "-c", running.config_dir, *job), running.pids["master"]),
            "Salt": ([str(other.bin / "salt"), "-c", str(other.config_dir), *job], other.master_pid),
        }
        for number in range(1, rounds + 1):
            for side, (command, pid) in sides.items():
                with Watch(pid) as watch:
                    began = time.perf_counter()
                    done = subprocess.run(command, capture_output=True, timeout=WITHIN_S)
                    seconds[side].append(time.perf_counter() - began)
                peaks[side] = max(peaks[side], watch.cost.peak.rss)
                whole = sum(1 for value in json.loads(done.stdout).values() if len(value) == BYTES)
                say(f"round {number}: {side} {seconds[side][-1]:.2f} s, {whole} whole, at {peaks[side]:.0f} MiB")
    what = f"1 MB from each of {minions} minions"
    return [
        Figure("large_returns", f"{what}, median", median(seconds["ours"]), median(seconds["Salt"]), salt.PEER, "s"),
        Figure(
            "large_returns",
            f"{what}, the master's highest memory (RSS)",
            peaks["ours"],
            peaks["Salt"],
            salt.PEER,
            "MiB",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"of each kind (default {MINIONS}, quick {QUICK_MINIONS})")
    sys.exit(report.run(parser, bench))
