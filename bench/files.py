"""A file of 100 MB to ten minions at once: ``saltern-cp`` beside the two ways that Salt has, time and master's memory.

Salt's quickest way is ``cp.get_file`` from its file server; its ``salt-cp --chunked`` is tried with a smaller file, for
it takes minutes. All commands are whole processes, all minions of both sides are on this host, and each writes its
copy to the same disk.

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
MEGABYTES, QUICK_MEGABYTES = 100, 10
SMALL_MEGABYTES, QUICK_SMALL_MEGABYTES = 5, 1
ROUNDS = 3
MB = 1_000_000
WITHIN_S = 900


class Side:
    """One way to send: its command, and what it took so far."""

    def __init__(self, name: str, command: list[str], pid: int) -> None:
        self.name = name
        self._command = command
        self._pid = pid
        self.seconds: list[float] = []
        self.peak = 0.0

    def send(self, source: Path, dest: Path) -> None:
        """Run the command once, and check what arrived."""
        with Watch(self._pid) as watch:
            began = time.perf_counter()
            subprocess.run(self._command, check=True, stdout=subprocess.DEVNULL, timeout=WITHIN_S)
            self.seconds.append(time.perf_counter() - began)
        self.peak = max(self.peak, watch.cost.peak.rss)
        if dest.stat().st_size != source.stat().st_size:  # Salt's minions of one host append to one file
            say(f"{self.name}: {dest.stat().st_size:,} bytes arrived, not {source.stat().st_size:,}")
        dest.unlink()
        say(f"{self.name}: {self.seconds[-1]:.1f} s, the master at {self.peak:.0f} MiB")


def bench(options: argparse.Namespace) -> list[Figure]:
    """Send files in turns and return the medians of the time, and the masters' highest memory."""
    minions = options.minions or (QUICK_MINIONS if options.quick else MINIONS)
    large = options.megabytes or (QUICK_MEGABYTES if options.quick else MEGABYTES)
    small = QUICK_SMALL_MEGABYTES if options.quick else SMALL_MEGABYTES
    with folder("files") as place:
        files, dest = place / "served", place / "there"
        files.mkdir()
        with stack(minions) as running, salt.salt(minions, None, {"file_roots": {"base": [str(files)]}}) as other:
            pid, other_pid, other_etc = running.pids["master"], other.master_pid, str(other.config_dir)
            ours = [*python_module("saltern.cli.cp", "-c", running.config_dir), "*"]
            get = [str(other.bin / "salt"), "-c", other_etc, "-t", "120", "*", "cp.get_file", "salt://large", str(dest)]
            cp = [str(other.bin / "salt-cp"), "-c", other_etc, "--chunked", "*", str(files / "small"), str(dest)]
            sides = {
                "ours": Side("ours", [*ours, str(files / "large"), str(dest)], pid),
                "get_file": Side("Salt's cp.get_file", get, other_pid),
                "small": Side("ours, the small one", [*ours, str(files / "small"), str(dest)], pid),
                "salt-cp": Side("salt-cp --chunked, the small one", cp, other_pid),
            }
            for number in range(ROUNDS):
                (files / "large").write_bytes(os.urandom(MB) * large)
                (files / "small").write_bytes(os.urandom(MB) * small)
                for name in ("ours", "get_file") if number else sides:
                    sides[name].send(files / ("small" if name in ("small", "salt-cp") else "large"), dest)
    what = f"a file of {large} MB to {minions} minions"
    get_file, salt_cp = f"{salt.PEER} cp.get_file", f"{salt.PEER} salt-cp --chunked"
    ours_side, theirs = sides["ours"], sides["get_file"]
    return [
        Figure("files", f"{what}, median", median(ours_side.seconds), median(theirs.seconds), get_file, "s"),
        Figure("files", f"{what}, the master's highest memory (RSS)", ours_side.peak, theirs.peak, get_file, "MiB"),
        Figure(
            "files",
            f"a file of {small} MB to {minions} minions, once",
            sides["small"].seconds[0],
            sides["salt-cp"].seconds[0],
            salt_cp,
            "s",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minions", type=int, help=f"of each kind (default {MINIONS}, quick {QUICK_MINIONS})")
    parser.add_argument("--megabytes", type=int, help=f"of the file (default {MEGABYTES}, quick {QUICK_MEGABYTES})")
    sys.exit(report.run(parser, bench))
