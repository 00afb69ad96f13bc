"""Processes by state.

No file of the kernel counts them: each process's ``stat`` has to be read, at about 10 µs apiece. Two bounds
keep that small. Kernel threads, most of the processes of an idle host, are recognised once and then only
counted (``processes.kernel``); the states are those of programs. And above ``max_scanned`` processes no
state is told, and ``processes.scanned`` is 0 to say so. ``runnable`` and ``waiting_io`` count threads of
both kinds, come from ``/proc/stat``, and are always there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.load import parse_threads
from saltern_modules.collectors.numbers import integer, value_after
from saltern_modules.collectors.source import Source, read_once

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "blocked",
    "I": "idle",
    "Z": "zombie",
    "T": "stopped",
    "t": "traced",
}
PF_KTHREAD = 0x00200000
"""The flag of a kernel thread (include/linux/sched.h)."""

STAT_BYTES = 192
"""Enough to reach the flags: a name has at most 64 characters, the seven numbers 20 each at the worst."""

RECOGNISE_EVERY = 40
"""Samples. A number that once was a kernel thread's may be a program's by now: they are looked at anew."""


class Process(NamedTuple):
    """The beginning of ``/proc/<pid>/stat``."""

    state: str
    kernel: bool


def parse_process(data: bytes) -> Process | None:
    """Return the state and the kind of a process, or None when *data* is something else.

    After the name, which may contain blanks and brackets, come the state, five numbers and the flags
    (proc_pid_stat(5)).
    """
    fields = data[data.rfind(b")") + 1 :].split(None, 7)
    flags = integer(fields[6]) if len(fields) > 6 else None
    if flags is None:
        return None
    return Process(fields[0].decode("ascii", "replace"), bool(flags & PF_KTHREAD))


def count_states(letters: list[str]) -> dict[str, int]:
    """Return how many of *letters* are each state; rare ones (dead, parked, waking) are ``other``."""
    counts = {name: letters.count(letter) for letter, name in STATES.items()}
    counts["other"] = len(letters) - sum(counts.values())
    return counts


class Processes(Collector):
    """``processes.total``, ``.kernel``, ``.threads``, ``.runnable`` and a count of programs in each state."""

    name = "processes"
    description = "processes by state"
    numbers: ClassVar[Mapping[str, Number]] = {
        "total": gauge("processes", "processes, kernel threads among them"),
        "kernel": gauge("processes", "kernel threads; those below are programs"),
        "threads": gauge("threads", "threads of all processes"),
        "runnable": gauge("threads", "threads that run or could"),
        "waiting_io": gauge("threads", "threads that wait for a disk"),
        "scanned": gauge("", "1 when the states were looked at, 0 when there are too many processes"),
        "running": gauge("processes", "programs that run or could"),
        "sleeping": gauge("processes", "programs that wait for something"),
        "blocked": gauge("processes", "programs that wait in the kernel and can't be woken"),
        "idle": gauge("processes", "programs that the kernel calls idle"),
        "zombie": gauge("processes", "programs that ended and that nobody waited for"),
        "stopped": gauge("processes", "programs that were stopped"),
        "traced": gauge("processes", "programs that a debugger stopped"),
        "other": gauge("processes", "programs in another state"),
    }
    settings: ClassVar[Mapping[str, Any]] = {"max_scanned": 1000}

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._kernel: set[str] = set()
        self._samples = 0

    def collect(self, now: float) -> Metrics:
        """Return the counts of this instant."""
        pids = {entry for entry in os.listdir(self.files.proc_root) if entry.isdigit()}
        metrics: Metrics = {"total": len(pids)}
        if (threads := parse_threads(self.files.read("loadavg", optional=True))) is not None:
            metrics["threads"] = threads
        stat = self.files.read("stat", optional=True)
        for key, name in ((b"procs_running", "runnable"), (b"procs_blocked", "waiting_io")):
            if (count := value_after(stat, key)) is not None:
                metrics[name] = count
        if self._samples % RECOGNISE_EVERY == 0:
            self._kernel.clear()
        self._samples += 1
        self._kernel &= pids
        metrics["scanned"] = int(len(pids) <= self.options["max_scanned"])
        if metrics["scanned"]:
            metrics.update(count_states(self._states(pids - self._kernel)))
            metrics["kernel"] = len(self._kernel)
        return metrics

    def _states(self, pids: Iterable[str]) -> list[str]:
        """Return the state of each program among *pids*, remembering which are kernel threads."""
        letters = []
        for pid in pids:
            try:
                process = parse_process(read_once(f"{self.files.proc_root}/{pid}/stat", STAT_BYTES))
            except OSError:
                continue  # it ended since the folder was listed
            if process is None:
                continue
            if process.kernel:
                self._kernel.add(pid)
            else:
                letters.append(process.state)
        return letters
