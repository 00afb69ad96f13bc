"""Time, memory and CPU of processes, as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from typing import NamedTuple

MB = 1024 * 1024
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Memory(NamedTuple):
    """Megabytes of 1024 × 1024 bytes. *pss* shares each common page among those that map it."""

    rss: float
    pss: float


def memory(pids: Iterable[int]) -> Memory:
    """Return the memory of processes together, from ``/proc/<pid>/smaps_rollup``; one that has ended counts nothing."""
    rss_kb = pss_kb = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as stream:
                fields = dict(line.split(":", 1) for line in stream if line.startswith(("Rss:", "Pss:")))
        except (FileNotFoundError, ProcessLookupError):
            continue
        rss_kb += int(fields["Rss"].split()[0])
        pss_kb += int(fields["Pss"].split()[0])
    return Memory(rss_kb * 1024 / MB, pss_kb * 1024 / MB)


def tree(pid: int) -> list[int]:
    """Return *pid* and all its descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [pid]
    for parent in found:  # grows while we walk it
        found += children.get(parent, [])
    return found


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of one living process, all its threads, ended ones too, exact to the nanosecond.

    This is the clock that ``clock_getcpuclockid(3)`` names; the formula for it is Linux's (CPUCLOCK_SCHED = 2).
    """
    return time.clock_gettime((~pid << 3) | 2)


def cpu_with_children_s(pids: Iterable[int]) -> float:
    """Return the CPU seconds of processes and of the children they have waited for, exact to 10 ms each."""
    total = 0.0
    for pid in pids:
        if fields := _stat(pid):
            utime, stime, cutime, cstime = map(int, fields[11:15])
            total += (utime + stime + cutime + cstime) / TICKS_PER_S
    return total


def _stat(pid: int) -> list[str] | None:
    """Return the fields of ``/proc/<pid>/stat`` from the state (field 3) on, or ``None`` when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """Return the smallest value that 95 % are at or below."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
