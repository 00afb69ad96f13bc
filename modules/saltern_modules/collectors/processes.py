"""Processes by state.

No file of the kernel counts them: each process's ``stat`` has to be read (``process_table`` says how). Kernel threads
are only counted (``processes.kernel``); the states are those of programs. Above ``max_scanned`` processes no state is
told, and ``processes.scanned`` is 0 to say so; so it is, and there is no total, where the kernel shows this user no
processes but its own. ``runnable`` and ``waiting_io`` count threads of both kinds, come from
``/proc/stat``, and are always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.load import parse_threads
from saltern_modules.collectors.numbers import value_after
from saltern_modules.collectors.reading.process_table import ProcessTable, hides_others
from saltern_modules.collectors.source import Source

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "blocked",
    "I": "idle",
    "Z": "zombie",
    "T": "stopped",
    "t": "traced",
}


def count_states(letters: bytes) -> dict[str, int]:
    """Return how many of *letters* are each state; rare ones (dead, parked, waking) are ``other``."""
    counts = {name: letters.count(ord(letter)) for letter, name in STATES.items()}
    counts["other"] = len(letters) - sum(counts.values())
    return counts


class Processes(Collector):
    """``processes.total``, ``.kernel``, ``.threads``, ``.runnable`` and a count of programs in each state."""

    name = "processes"
    description = "processes by state"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "total": gauge("processes", "processes, kernel threads among them"),
        "kernel": gauge("processes", "kernel threads; those below are programs"),
        "threads": gauge("threads", "threads of all processes"),
        "runnable": gauge("threads", "threads that run or could"),
        "waiting_io": gauge("threads", "threads that wait for a disk"),
        "scanned": gauge("", "1 when the states were looked at, 0 when there are too many, or only our own are shown"),
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
        self._table = ProcessTable(files.proc_root)

    def collect(self, now: float) -> Metrics:
        """Return the counts of this instant."""
        threads = parse_threads(self.files.read("loadavg", optional=True))
        stat = self.files.read("stat", optional=True)
        hidden = hides_others(self.files.proc_root)
        total = None if hidden else self._table.look(value_after(stat, b"processes"), threads)
        metrics: Metrics = {} if total is None else {"total": total}
        if threads is not None:
            metrics["threads"] = threads
        for key, name in ((b"procs_running", "runnable"), (b"procs_blocked", "waiting_io")):
            if (count := value_after(stat, key)) is not None:
                metrics[name] = count
        metrics["scanned"] = int(total is not None and total <= self.options["max_scanned"])
        if metrics["scanned"]:
            metrics.update(count_states(self._table.states()))
            metrics["kernel"] = self._table.kernel
        else:
            self._table.forget()
        return metrics
