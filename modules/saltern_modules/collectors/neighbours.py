"""How full the tables of neighbours (ARP, and IPv6's NDP) are; beyond the limit no new neighbour is reached.

The entries are in ``/proc/net/stat/arp_cache`` and ``ndisc_cache``, in hexadecimal, a line a processor with the same
count in each; the limit is ``gc_thresh3`` (arp(7)).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import integer, percent
from saltern_modules.collectors.reading.network_files import read_net, rows_in_hex

TABLES = (("ipv4", "stat/arp_cache"), ("ipv6", "stat/ndisc_cache"))


def parse_table(stat: bytes, limit: bytes) -> Metrics:
    """Return ``entries``, ``overflows``, and ``max`` with ``percent`` where *limit* is known; ``{}`` for no table."""
    rows = rows_in_hex(stat, b"entries")
    if not rows:
        return {}
    metrics: Metrics = {"entries": rows[0][b"entries"]}
    if b"table_fulls" in rows[0]:  # since Linux 4.1
        metrics["overflows"] = sum(row.get(b"table_fulls", 0) for row in rows)
    if most := integer(limit.strip()):
        metrics.update({"max": most, "percent": percent(metrics["entries"], most)})
    return metrics


class Neighbours(Collector):
    """``neighbours.<ipv4|ipv6>.entries``, ``.max``, ``.percent``, ``.overflows``."""

    name = "neighbours"
    description = "neighbours on the network (ARP, NDP), near their limit"
    waits = False
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.entries": gauge("neighbours", "neighbours that the kernel remembers"),
        "*.max": gauge("neighbours", "as many as it will remember"),
        "*.percent": gauge("%", "neighbours remembered, of as many as may be"),
        "*.overflows": counter("neighbours", "neighbours not reached since the table was full", rated=False),
    }

    def collect(self, now: float) -> Metrics:
        """Return the use of both tables."""
        metrics: Metrics = {}
        for family, stat in TABLES:
            limit = self.files.read(f"sys/net/{family}/neigh/default/gc_thresh3", optional=True)
            if table := parse_table(read_net(self.files, stat), limit):
                metrics[family] = table
        return metrics
