"""What groups of processes use while they run: processor time, memory, what they have written to the disk."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from support.measure import TICKS_PER_S, cpu_s, memory

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024
SECTOR_BYTES = 512

Pids = Callable[[], list[int]]


class Look(NamedTuple):
    """One look: monotonic seconds, and by group CPU seconds, resident MiB, and bytes written, since they began.

    *all_cpu* and *device_bytes* are everybody's, since the system's start.
    """

    at: float
    cpu: dict[str, float]
    rss: dict[str, float]
    written: dict[str, int]
    all_cpu: float
    device_bytes: int


class Usage:
    """Looks at *groups*, processes by a name; *root* says which disk is looked at."""

    def __init__(self, groups: dict[str, Pids], root: Path) -> None:
        self._groups = groups
        self._device = os.stat(root).st_dev
        self._cpu: dict[str, dict[int, float]] = {name: {} for name in groups}
        self._written: dict[str, dict[int, int]] = {name: {} for name in groups}
        self.looks: list[Look] = []

    def look(self) -> Look:
        """Look, and keep what was seen."""
        rss: dict[str, float] = {}
        for name, pids in self._groups.items():
            rss[name] = 0.0
            for pid in pids():
                try:
                    self._cpu[name][pid] = cpu_s(pid)
                    self._written[name][pid] = _written(pid)
                    rss[name] += _resident(pid)
                except OSError:  # it has ended
                    continue
        cpu = {name: sum(of.values()) for name, of in self._cpu.items()}
        written = {name: sum(of.values()) for name, of in self._written.items()}
        self.looks.append(Look(time.monotonic(), cpu, rss, written, _all_cpu(), self._device_bytes()))
        return self.looks[-1]

    def pss(self) -> dict[str, float]:
        """Return the memory of each group now, MiB, shared pages divided among those who have them."""
        return {name: memory(pids()).pss for name, pids in self._groups.items()}

    def cores(self, name: str, last_s: float | None = None) -> float:
        """Return how many cores a group used on the average, over the last *last_s* seconds or all of the looks."""
        last = self.looks[-1]
        first = next(one for one in self.looks if last_s is None or one.at >= last.at - last_s - 1)
        return (last.cpu[name] - first.cpu[name]) / max(1e-9, last.at - first.at)

    def others_cores(self, since: Look | None = None) -> float:
        """Return how many cores the rest of the system used on the average, since a look or the first one."""
        first, last = since or self.looks[0], self.looks[-1]
        ours = sum(last.cpu.values()) - sum(first.cpu.values())
        return max(0.0, last.all_cpu - first.all_cpu - ours) / max(1e-9, last.at - first.at)

    def most_rss(self, *names: str) -> float:
        """Return the most that was resident of groups together, MiB."""
        return max(sum(one.rss[name] for name in names) for one in self.looks)

    def _device_bytes(self) -> int:
        """Return what was written to the disk by everybody, since the system's start; 0 where that isn't told."""
        where = [str(os.major(self._device)), str(os.minor(self._device))]
        for line in Path("/proc/diskstats").read_text().splitlines():
            fields = line.split()
            if fields[:2] == where:
                return int(fields[9]) * SECTOR_BYTES
        return 0


def _all_cpu() -> float:
    """Return the seconds in which any core was in use, waits for the disk not among them."""
    user, nice, system, _, _, irq, soft_irq = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system + irq + soft_irq) / TICKS_PER_S


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / MIB


def _written(pid: int) -> int:
    """Return the bytes that a process caused to be written; what it took back (files removed) isn't subtracted."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["write_bytes"])
