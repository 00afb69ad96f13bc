"""Memory in bytes, from ``/proc/meminfo`` (``MemTotal:  24684092 kB``, proc_meminfo(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
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
    numbers: ClassVar[Mapping[str, Number]] = {
        "total": gauge("B", "memory that the kernel may use"),
        "used": gauge("B", "memory that programs and the kernel hold: total without available"),
        "available": gauge("B", "memory that programs may get without swapping"),
        "percent": gauge("%", "memory in use, of all"),
        "free": gauge("B", "memory that holds nothing"),
        "buffers": gauge("B", "raw blocks of disks"),
        "cached": gauge("B", "contents of files, shared memory among it"),
        "swap_cached": gauge("B", "memory that is in swap space as well"),
        "active": gauge("B", "memory used lately"),
        "inactive": gauge("B", "memory not used lately, taken first"),
        "unevictable": gauge("B", "memory that can't be taken"),
        "mlocked": gauge("B", "memory that programs locked"),
        "dirty": gauge("B", "contents of files that wait to be written"),
        "writeback": gauge("B", "contents of files that are being written"),
        "anonymous": gauge("B", "memory of programs that is no file's"),
        "mapped": gauge("B", "files that programs mapped"),
        "shared": gauge("B", "shared memory and tmpfs"),
        "slab": gauge("B", "the kernel's own structures"),
        "slab_reclaimable": gauge("B", "of these, what can be given back"),
        "slab_unreclaimable": gauge("B", "of these, what can't"),
        "kernel_stack": gauge("B", "stacks of threads in the kernel"),
        "page_tables": gauge("B", "tables of what memory is where"),
        "commit_limit": gauge("B", "memory that may be promised, where that is limited"),
        "committed": gauge("B", "memory promised to programs"),
        "anonymous_huge": gauge("B", "memory of programs in huge pages"),
    }

    def collect(self, now: float) -> Metrics:
        """Return the memory of this instant."""
        memory = parse_meminfo(self.files.read("meminfo"), FIELDS)
        if "total" not in memory:
            raise NoReading("/proc/meminfo has no MemTotal")
        return with_use(memory)
