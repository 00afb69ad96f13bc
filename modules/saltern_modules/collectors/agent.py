"""What the agent itself costs: processor time, memory, threads, open files."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.numbers import Rates, integers
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

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(("cpu_ms",))

    def collect(self, now: float) -> Metrics:
        """Return this process's cost; ``cpu_percent`` is of one processor."""
        own: dict[str, float] = {"cpu_ms": round(time.process_time() * 1000.0, 3)}
        children = os.times()
        metrics: Metrics = {
            **own,
            "children_cpu_ms": round((children.children_user + children.children_system) * 1000.0, 3),
            **parse_self_stat(self.files.read("self/stat", optional=True)),
        }
        rates = self._rates.update(now, {"": own}).get("", {})
        if rates:
            metrics["cpu_percent"] = round(rates["cpu_ms_per_s"] / 10.0, 3)
        with contextlib.suppress(OSError):
            metrics["fds"] = open_descriptors(f"{self.files.proc_root}/self/fd")
        return metrics
