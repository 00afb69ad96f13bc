"""Memory in bytes, from ``/proc/meminfo`` (``MemTotal:  24684092 kB``, proc_meminfo(5))."""

from __future__ import annotations

from saltern_modules.collectors.base import Collector, Metrics, NoReading
from saltern_modules.collectors.numbers import integer, percent

KIB = 1024

FIELDS = {
    b"MemTotal": "total",
    b"MemFree": "free",
    b"MemAvailable": "available",
    b"Buffers": "buffers",
    b"Cached": "cached",
    b"SwapCached": "swap_cached",
    b"Active": "active",
    b"Inactive": "inactive",
    b"Unevictable": "unevictable",
    b"Mlocked": "mlocked",
    b"Dirty": "dirty",
    b"Writeback": "writeback",
    b"AnonPages": "anonymous",
    b"Mapped": "mapped",
    b"Shmem": "shared",
    b"Slab": "slab",
    b"SReclaimable": "slab_reclaimable",
    b"SUnreclaim": "slab_unreclaimable",
    b"KernelStack": "kernel_stack",
    b"PageTables": "page_tables",
    b"CommitLimit": "commit_limit",
    b"Committed_AS": "committed",
    b"AnonHugePages": "anonymous_huge",
}
SWAP_FIELDS = {b"SwapTotal": "total", b"SwapFree": "free"}


def parse_meminfo(data: bytes, names: dict[bytes, str]) -> dict[str, int]:
    """Return the fields in *names* (the file's name → ours) in bytes; those not there are left out."""
    found = {}
    for line in data.split(b"\n"):
        key, _, rest = line.partition(b":")
        name = names.get(key)
        if name is not None:
            kib = integer(rest.removesuffix(b"kB").strip())
            if kib is not None:
                found[name] = kib * KIB
    return found


def with_use(memory: dict[str, int]) -> Metrics:
    """Add ``used`` (what programs can't get) and ``percent``.

    Kernels before 3.14 do not tell ``available``; free, buffers and cache stand in for it.
    """
    metrics: Metrics = dict(memory)
    if "total" in memory:
        rest = memory.get("free", 0) + memory.get("buffers", 0) + memory.get("cached", 0)
        available = min(memory.get("available", rest), memory["total"])
        metrics["available"] = available
        metrics["used"] = memory["total"] - available
        metrics["percent"] = percent(metrics["used"], memory["total"])
    return metrics


class Memory(Collector):
    """``memory.total``, ``.used``, ``.available``, … in bytes; ``memory.percent``."""

    name = "memory"
    description = "memory by use, in bytes"

    def collect(self, now: float) -> Metrics:
        """Return the memory of this instant."""
        memory = parse_meminfo(self.files.read("meminfo"), FIELDS)
        if "total" not in memory:
            raise NoReading("/proc/meminfo has no MemTotal")
        return with_use(memory)
