"""What the kernel did: context switches, interrupts, forks, page faults, paging.

From ``/proc/stat`` (ctxt, intr, softirq, processes) and ``/proc/vmstat``, all counted since boot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import Rates, value_after
from saltern_modules.collectors.source import Source

STAT = (
    (b"ctxt", "context_switches"),
    (b"intr", "interrupts"),
    (b"softirq", "soft_interrupts"),
    (b"processes", "forks"),
)
VMSTAT = (
    (b"pgfault", "page_faults"),
    (b"pgmajfault", "major_page_faults"),
    (b"pgpgin", "paged_in_kib"),
    (b"pgpgout", "paged_out_kib"),
    (b"oom_kill", "oom_kills"),
)


def parse_counters(data: bytes, keys: tuple[tuple[bytes, str], ...]) -> dict[str, float]:
    """Return the counters in *keys* (the file's name, ours) that *data* has as ``name value`` lines."""
    found = ((name, value_after(data, key)) for key, name in keys)
    return {name: value for name, value in found if value is not None}


class Vmstat(Collector):
    """``vmstat.context_switches`` and so on as counters, ``…_per_s`` as rates."""

    name = "vmstat"
    description = "context switches, interrupts, forks and page faults, as counters and rates"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "context_switches": counter("switches", "times that a processor went from one thread to another"),
        "interrupts": counter("interrupts", "interrupts"),
        "soft_interrupts": counter("interrupts", "what interrupts left to do later"),
        "forks": counter("processes", "processes and threads begun"),
        "page_faults": counter("faults", "accesses to memory that was not mapped yet"),
        "major_page_faults": counter("faults", "of these, those that a disk had to be read for"),
        "paged_in_kib": counter("KiB", "read from disks"),
        "paged_out_kib": counter("KiB", "written to disks"),
        "oom_kills": counter("processes", "processes killed for want of memory"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(tuple(name for _, name in STAT + VMSTAT))

    def collect(self, now: float) -> Metrics:
        """Return the counters and their rates."""
        counters = parse_counters(self.files.read("stat"), STAT)
        counters |= parse_counters(self.files.read("vmstat", optional=True), VMSTAT)
        return {**counters, **self._rates.update(now, {"": counters}).get("", {})}
