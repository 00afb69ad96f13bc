"""ZFS: the state of each pool, and the cache (ARC), from ``/proc/spl/kstat/zfs`` without running ``zpool``.

``<pool>/state`` is a word. ``arcstats`` is a kstat: two lines of heading, then ``name type value`` (OpenZFS's
module/os/linux/spl/spl-kstat.c).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

MAX_POOLS = 256
ROOT = "spl/kstat/zfs"
STATES = {b"ONLINE": 1, b"DEGRADED": 2, b"FAULTED": 3, b"OFFLINE": 4, b"UNAVAIL": 5, b"REMOVED": 6, b"SUSPENDED": 7}
UNKNOWN = 0
ARC = {
    b"size": "size_bytes",
    b"c": "target_bytes",
    b"c_max": "max_bytes",
    b"hits": "hits",
    b"misses": "misses",
    b"l2_size": "l2_size_bytes",
    b"l2_hits": "l2_hits",
    b"l2_misses": "l2_misses",
}


def parse_state(data: bytes) -> int:
    """Return a pool's state as a number: 1 is online, 0 is none that we know."""
    return STATES.get(data.strip().upper(), UNKNOWN)


def parse_arc(data: bytes) -> dict[str, float]:
    """Return the cache's numbers by our names; those that this version doesn't have are left out."""
    found: dict[str, float] = {}
    for line in data.split(b"\n"):
        fields = line.split()
        if len(fields) == 3 and fields[0] in ARC and (value := integer(fields[2])) is not None:
            found[ARC[fields[0]]] = value
    return found


class Zfs(Collector):
    """``zfs.pools.<pool>.state``, ``.online``; ``zfs.arc.size_bytes``, ``.hit_percent``, …"""

    name = "zfs"
    description = "the state of ZFS pools, and ZFS's cache"
    numbers: ClassVar[Mapping[str, Number]] = {
        "pools.*.online": gauge("", "1 while all of the pool is there"),
        "pools.*.state": gauge(
            "", "1 online, 2 degraded, 3 faulted, 4 offline, 5 unavailable, 6 removed, 7 suspended, 0 any other"
        ),
        "arc.size_bytes": gauge("B", "memory that the cache takes"),
        "arc.target_bytes": gauge("B", "memory that it would take by now"),
        "arc.max_bytes": gauge("B", "memory that it will take at most"),
        "arc.hits": counter("reads", "reads answered from the cache", rated=False),
        "arc.misses": counter("reads", "reads that it could not answer", rated=False),
        "arc.hit_percent": gauge("%", "reads answered from the cache, of all since the sample before"),
        "arc.l2_size_bytes": gauge("B", "what the second cache, on a disk, holds"),
        "arc.l2_hits": counter("reads", "reads answered from the second cache", rated=False),
        "arc.l2_misses": counter("reads", "reads that neither could answer", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(("hits", "misses"))

    def collect(self, now: float) -> Metrics:
        """Return every pool's state and the cache's numbers."""
        metrics: Metrics = {}
        if pools := self._pools():
            metrics["pools"] = pools
        if arc := parse_arc(self.files.read(f"{ROOT}/arcstats", optional=True)):
            rates = self._rates.update(now, {"": arc}).get("", {})
            asked = rates.get("hits_per_s", 0.0) + rates.get("misses_per_s", 0.0)
            if asked:
                arc["hit_percent"] = round(100.0 * rates["hits_per_s"] / asked, 2)
            metrics["arc"] = arc
        return metrics

    def _pools(self) -> Metrics:
        folder = f"{self.files.proc_root}/{ROOT}"
        pools: Metrics = {}
        for name in sorted(os.listdir(folder)):
            try:
                state = parse_state(read_once(f"{folder}/{name}/state", 64))
            except OSError:
                continue  # a file of counters, or a version from before 0.8
            if len(pools) < MAX_POOLS:
                pools[segment(name, ".")] = {"state": state, "online": int(state == 1)}
        return pools
