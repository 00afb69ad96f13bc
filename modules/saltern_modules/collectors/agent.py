"""What the agent itself costs: processor time, memory, threads, open files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, integers
from saltern_modules.collectors.reading.host import own_proc
from saltern_modules.collectors.source import Source

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def parse_self_stat(data: bytes) -> dict[str, int]:
    """Return the wanted fields of ``/proc/self/stat`` (proc_pid_stat(5)), ``{}`` when it is something else.

    The fields are counted from the bracket that ends the name: the state, field 3, is the first after it.
    """
    values = integers(data[data.rfind(b")") + 1 :].split()[1:22])
    if values is None or len(values) < 21:
        return {}
    return {
        "minor_page_faults": values[6],
        "major_page_faults": values[8],
        "threads": values[16],
        "vms_bytes": values[19],
        "rss_bytes": values[20] * PAGE_BYTES,
    }


def open_descriptors(folder: str) -> int:
    """Return how many files are open: since Linux 6.2 the size of ``/proc/self/fd``, before it its length."""
    return os.stat(folder).st_size or len(os.listdir(folder))


class Agent(Collector):
    """``agent.cpu_ms``, ``.cpu_percent``, ``.rss_bytes``, ``.threads``, ``.fds``, …"""

    name = "agent"
    description = "the agent's own cost"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "cpu_ms": counter("ms", "processor time that the agent has used", rated=False),
        "cpu_percent": gauge("%", "of one processor, since the sample before"),
        "children_cpu_ms": counter("ms", "processor time of the programs that it started and that ended", rated=False),
        "minor_page_faults": counter("faults", "page faults without a disk", rated=False),
        "major_page_faults": counter("faults", "page faults that a disk had to be read for", rated=False),
        "threads": gauge("threads", "threads of the agent"),
        "vms_bytes": gauge("B", "address space that it has mapped"),
        "rss_bytes": gauge("B", "memory that it occupies"),
        "fds": gauge("files", "files and sockets that it has open"),
        "devices.served": gauge("devices", "devices that it speaks for"),
        "devices.up": gauge("devices", "of them that can be spoken with"),
        "devices.down": gauge("devices", "of them that can't"),
        "devices.hung": gauge("devices", "of them that have a call which doesn't end"),
        "devices.running": gauge("calls", "calls to devices that are running"),
        "devices.waiting": gauge("calls", "calls to devices that wait for a thread, or for a call before them"),
        "devices.slow": gauge("calls", "of those that are running, those that take over half a second"),
        "devices.refused": gauge("calls", "calls that were not taken since the agent's start"),
        "devices.threads": gauge("threads", "threads that calls to devices run in"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(("cpu_ms",))
        own = own_proc(files.proc_root)
        self._own = files if own == files.proc_root else Source(own)

    def collect(self, now: float) -> Metrics:
        """Return this process's cost; ``cpu_percent`` is of one processor."""
        if self._own is not self.files:
            self._own.begin()
        own: dict[str, float] = {"cpu_ms": round(time.process_time() * 1000.0, 3)}
        children = os.times()
        metrics: Metrics = {
            **own,
            "children_cpu_ms": round((children.children_user + children.children_system) * 1000.0, 3),
            **parse_self_stat(self._own.read("self/stat", optional=True)),
        }
        rates = self._rates.update(now, {"": own}).get("", {})
        if rates:
            metrics["cpu_percent"] = round(rates["cpu_ms_per_s"] / 10.0, 3)
        with contextlib.suppress(OSError):
            metrics["fds"] = open_descriptors(f"{self._own.proc_root}/self/fd")
        return metrics
