"""What this process and its children use: processor time, memory, descriptors; read from Linux's ``/proc``.

Where there is no ``/proc``, or a child ends while it is looked at, what is known counts.
"""

from __future__ import annotations

import contextlib
import os
import resource
import time

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_USER_TICKS, _CHILDREN_SYSTEM_TICKS, _STARTED_TICKS = 11, 14, 19
"""Places in ``/proc/<pid>/stat`` behind the name: utime, stime, cutime, cstime; and starttime."""


def children(pid: int | None = None) -> list[int]:
    """Return the ids of the living children, grandchildren, … of *pid* (default: this process)."""
    found: list[int] = []
    todo = [os.getpid() if pid is None else pid]
    while todo:
        folder = f"/proc/{todo.pop()}/task"
        with contextlib.suppress(OSError):  # ended meanwhile
            for thread in os.listdir(folder):
                below = list(map(int, _read(f"{folder}/{thread}/children").split()))
                found += below
                todo += below
    return found


def cpu_seconds() -> float:
    """Return the seconds of processor time used since the start, by children that have ended too."""
    times = os.times()
    total = time.process_time() + times.children_user + times.children_system
    for child in children():
        with contextlib.suppress(OSError):
            ticks = _stat(child)[_USER_TICKS : _CHILDREN_SYSTEM_TICKS + 1]
            total += sum(map(int, ticks)) / _TICKS_PER_S
    return total


def memory_bytes() -> int:
    """Return the resident memory: this process's, as Carbon tells it, and what each child has for itself alone.

    Children run the same program: its libraries are in memory once and counted once.
    """
    total = 0
    for pid in (os.getpid(), *children()):
        with contextlib.suppress(OSError):
            resident, from_files = map(int, _read(f"/proc/{pid}/statm").split()[1:3])
            total += (resident - from_files if total else resident) * _PAGE_BYTES
    return total or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # no /proc: the peak is the next best


def open_descriptors() -> int:
    """Return how many descriptors this process has open; 0 where the system doesn't tell."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/fd"))
    return 0


def started_at() -> float:
    """Return when this process started, in epoch seconds; 0.0 where the system doesn't tell."""
    with contextlib.suppress(OSError, ValueError):
        up_s = float(_read("/proc/uptime").split()[0])
        return time.time() - up_s + int(_stat(os.getpid())[_STARTED_TICKS]) / _TICKS_PER_S
    return 0.0


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/<pid>/stat`` behind the program's name, which may hold anything."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
