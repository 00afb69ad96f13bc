"""A file of 100 MB to ten minions at once: ``saltern-cp`` against ``salt-cp --chunked``, time and the master's memory.

Both commands are whole processes; all minions of both sides are on this host, so that every byte is written eleven
times to the same disk.

    make bench NAME=files [ARGS="--quick"] [ARGS="--minions 3 --megabytes 10"]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from saltern.own_python import python_module
from support import report, salt
from support.cost import Watch
from support.measure import median
from support.programs import folder
from support.report import Figure, say
from support.stack import stack

MINIONS, QUICK_MINIONS = 10, 2
MEGABYTES, QUICK_MEGABYTES = 100, 5
ROUNDS = 3
MB = 1_000_000
WITHIN_S = 900


def bench(options: argparse.Namespace) -> list[Figure]:
    """Send the file in turns and return the medians of the time, and the masters' highest memory."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    megabytes = options.megabytes or (QUICK_MEGABYTES if options.quick else MEGABYTES)
    ours: list[float] = []
    theirs: list[float] = []
    peaks: dict[str, float] = {"ours": 0.0, "theirs": 0.0}
    with folder("files") as place, stack(minions) as running, salt.salt(minions) as other:
        source = place / "file"
        for number in range(ROUNDS):
            source.write_bytes(os.urandom(MB) * megabytes)
            command = python_module("saltern.cli.cp", "-c", running.config_dir, "*", str(source), f"{place}/ours")
            seconds, peak = _send(command, running.pids["master"], place / "ours", source)
            ours.append(seconds)
            peaks["ours"] = max(peaks["ours"], peak)
            say(f"round {number + 1}: ours {seconds:.1f} s, the master at {peak:.0f} MiB")
            program = [str(other.bin / "salt-cp"), "-c", str(other.config_dir), "--chunked"]
            seconds, peak = _send([*program, "*", str(source), f"{place}/theirs"], other.master_pid, None, source)
            theirs.append(seconds)
            peaks["theirs"] = max(peaks["theirs"], peak)
            say(f"round {number + 1}: Salt {seconds:.1f} s, the master at {peak:.0f} MiB")
    what = f"a file of {megabytes} MB to {minions} minions"
    return [
        Figure("files", f"{what}, median", median(ours), median(theirs), f"{salt.PEER} salt-cp --chunked", "s"),
        Figure("files", f"{what}, the master's highest memory (RSS)", peaks["ours"], peaks["theirs"], salt.PEER, "MiB"),
    ]


def _send(command: list[str], pid: int, dest: Path | None, source: Path) -> tuple[float, float]:
    """Run *command*; return its seconds and the MiB that *pid* and its children took at most."""
    with Watch(pid) as watch:
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=WITHIN_S)
        seconds = time.perf_counter() - began
    if dest is not None:
        assert dest.read_bytes() == source.read_bytes()
        dest.unlink()
    return seconds, watch.cost.peak.rss


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"of each kind (default {MINIONS}, quick {QUICK_MINIONS})")
    parser.add_argument("--megabytes", type=int, help=f"of the file (default {MEGABYTES}, quick {QUICK_MEGABYTES})")
    sys.exit(report.run(parser, bench))
