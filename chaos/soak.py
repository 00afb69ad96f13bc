"""A long run with nothing wrong: what each program takes over time, and whether that grows.

Memory, descriptors and what is on each disk are looked at evenly; a straight line through all but the first fifth, by
least squares, is the slope. Short runs say little: Python's memory comes in steps of some 100 KiB.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from chaos.finding import PROGRAMS, Finding
from chaos.jobs import Jobs
from chaos.settling import Settling
from chaos.stack import MASTER, STORE, Stack

Say = Callable[[str], None]
LOOK_EVERY_S = 5.0
SAY_EVERY_S = 60.0
SETTLING = 5
"""One look of so many, the first ones, is not in the slope."""
HOUR_S = 3600.0
MIB = 1024 * 1024
BLOCK_BYTES = 512
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MOST_RSS_MIB_H = {STORE: 8.0, MASTER: 4.0}
MINION_RSS_MIB_H = 1.0
MOST_DESCRIPTORS_H = 2.0
MOST_DISK_MIB_H = {STORE: 64.0, MASTER: 64.0}
"""The journal keeps a segment, and the job store every job of a day."""
MINION_DISK_MIB_H = 0.1


class Look(NamedTuple):
    """What a program and its children take: *at* (s), memory and its disk in MiB, processor time in s."""

    at: float
    rss: float
    cpu: float
    descriptors: float
    disk: float


class Soak:
    """Looks at *stack* for a while."""

    def __init__(self, stack: Stack, heal_within_s: float, say: Say) -> None:
        self._stack = stack
        self._say = say
        self._jobs = Jobs(stack)
        self._settling = Settling(stack, self._jobs, heal_within_s, say)
        self._looks: dict[str, list[Look]] = {}

    def run(self, seconds: float) -> list[Finding]:
        """Start the stack, look at it for so many *seconds*, tell the slopes; return those that are too steep."""
        self._stack.start()
        self._settling.begin()
        self._jobs.start()
        began = said = time.monotonic()
        while (at := time.monotonic() - began) < seconds:
            for name, program in self._stack.programs.items():
                if program.pid is not None:
                    look = _look(at, program.pid, self._stack.disks[name].path)
                    self._looks.setdefault(name, []).append(look)
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                self._say(", ".join(f"{name} {looks[-1].rss:.1f} MiB" for name, looks in self._looks.items()))
            time.sleep(LOOK_EVERY_S)
        self._jobs.stop()
        return [*self._settling.findings, *self._slopes()]

    def _slopes(self) -> Iterator[Finding]:
        self._say(
            f"{'':<8}{'RSS MiB':>9}{'an hour':>9}{'CPU %':>7}{'files':>7}{'an hour':>9}{'disk MiB':>9}{'an hour':>9}"
        )
        for name, looks in self._looks.items():
            settled = looks[len(looks) // SETTLING :]
            rss, descriptors, disk = (slope(settled, what) for what in ("rss", "descriptors", "disk"))
            first, last = settled[0], settled[-1]
            cpu = 100 * (last.cpu - first.cpu) / max(1.0, last.at - first.at)
            self._say(
                f"{name:<8}{last.rss:>9.1f}{rss:>+9.2f}{cpu:>7.2f}{last.descriptors:>7.0f}{descriptors:>+9.1f}"
                f"{last.disk:>9.2f}{disk:>+9.2f}"
            )
            for what, found, most in (
                ("MiB of memory", rss, MOST_RSS_MIB_H.get(name, MINION_RSS_MIB_H)),
                ("descriptors", descriptors, MOST_DESCRIPTORS_H),
                ("MiB on disk", disk, MOST_DISK_MIB_H.get(name, MINION_DISK_MIB_H)),
            ):
                if found > most:
                    yield Finding(PROGRAMS, name, f"{found:+.2f} {what} an hour, {most:g} at most")


def slope(looks: list[Look], what: str) -> float:
    """Return by how much *what* grows in an hour; 0 of too few looks."""
    if len(looks) < 2:
        return 0.0
    line = statistics.linear_regression([look.at for look in looks], [float(getattr(look, what)) for look in looks])
    return line.slope * HOUR_S


def _look(at: float, pid: int, folder: Path) -> Look:
    rss = cpu = descriptors = 0.0
    for one in _tree(pid):
        try:
            fields = _stat(one)
            cpu += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            rss += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB
            descriptors += len(os.listdir(f"/proc/{one}/fd"))
        except (OSError, IndexError):
            continue  # it has ended
    disk = 0.0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                disk += os.lstat(os.path.join(where, name)).st_blocks * BLOCK_BYTES / MIB
    return Look(at, rss, cpu, descriptors, disk)


def _tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and len(fields := _stat(int(name))) > 1:
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [pid]
    for parent in found:  # grows meanwhile
        found += children.get(parent, [])
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/<pid>/stat`` from the state (field 3) on; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
