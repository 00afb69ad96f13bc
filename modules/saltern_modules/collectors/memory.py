"""Memory in bytes, from ``/proc/meminfo`` (``MemTotal:  24684092 kB``, proc_meminfo(5)).

What ZFS caches, the ARC, is in none of its fields but counts as used there. It is in ``/proc/spl/kstat/zfs/arcstats``,
lines of ``name type data``, and shrinks down to ``c_min`` when programs want memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
from saltern_modules.collectors.numbers import integer, percent, value_after

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
HUGE_PAGES = (
    (b"HugePages_Total:", "huge_total"),
    (b"HugePages_Free:", "huge_free"),
    (b"HugePages_Rsvd:", "huge_reserved"),
)


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


def parse_huge_pages(data: bytes) -> dict[str, int]:
    """Return ``/proc/meminfo``'s huge pages of the default size in bytes, ``{}`` where none are set aside.

    Whoever did not ask for huge pages can't have them: the free ones are no part of ``available``.
    """
    size = value_after(data, b"Hugepagesize:")
    if not size or not value_after(data, b"HugePages_Total:"):
        return {}
    counts = {name: value_after(data, key) for key, name in HUGE_PAGES}
    return {name: count * size * KIB for name, count in counts.items() if count is not None}


def parse_arcstats(data: bytes) -> tuple[int, int] | None:
    """Return the size of ZFS's cache and what it will not go below, in bytes, or None when *data* is something else."""
    found = {}
    for line in data.split(b"\n"):
        fields = line.split()
        if len(fields) == 3 and fields[0] in (b"size", b"c_min"):
            found[fields[0]] = integer(fields[2])
    size, least = found.get(b"size"), found.get(b"c_min")
    return None if size is None or least is None else (size, least)


def with_use(memory: dict[str, int], shrinkable: int = 0) -> Metrics:
    """Add ``used`` (what programs can't get) and ``percent``; *shrinkable* bytes are available beyond the kernel's.

    Kernels before 3.14 do not tell ``available``, some tell 0, some containers are told their host's: what is free,
    in buffers, in the cache without tmpfs, and in slab that can be reclaimed stands in for it.
    """
    metrics: Metrics = dict(memory)
    if "total" in memory:
        total = memory["total"]
        available = memory.get("available", 0)
        if not 0 < available <= total:
            cache = max(memory.get("cached", 0) - memory.get("shared", 0), 0)
            available = memory.get("free", 0) + memory.get("buffers", 0) + cache + memory.get("slab_reclaimable", 0)
        metrics["available"] = min(available + shrinkable, total)
        metrics["used"] = total - metrics["available"]
        metrics["percent"] = percent(metrics["used"], total)
    return metrics


class Memory(Collector):
    """``memory.total``, ``.used``, ``.available``, … in bytes; ``memory.percent``; ``.huge_free``, ``.zfs_arc``."""

    name = "memory"
    description = "memory by use, in bytes"
    waits = False
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
        meminfo = self.files.read("meminfo")
        memory = parse_meminfo(meminfo, FIELDS)
        if "total" not in memory:
            raise NoReading("/proc/meminfo has no MemTotal")
        memory.update(parse_huge_pages(meminfo))
        arc = parse_arcstats(self.files.read("spl/kstat/zfs/arcstats", optional=True))
        if arc is None:
            return with_use(memory)
        size, least = arc
        return with_use({**memory, "zfs_arc": size}, max(size - least, 0))
