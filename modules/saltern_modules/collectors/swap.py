"""Swap space in bytes and the traffic to it in bytes per second (``/proc/meminfo``, ``/proc/vmstat``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.memory import KIB
from saltern_modules.collectors.numbers import Rates, percent, value_after
from saltern_modules.collectors.source import Source

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SWAP_FIELDS = ((b"SwapTotal:", "total"), (b"SwapFree:", "free"))


def parse_traffic(data: bytes) -> dict[str, int]:
    """Return ``in_bytes`` and ``out_bytes`` since boot from ``/proc/vmstat``'s page counts."""
    pages = {"in_bytes": value_after(data, b"pswpin"), "out_bytes": value_after(data, b"pswpout")}
    return {name: count * PAGE_BYTES for name, count in pages.items() if count is not None}


class Swap(Collector):
    """``swap.total``, ``.used``, ``.free``, ``.percent``, ``.in_bytes``, ``.in_bytes_per_s``, …"""

    name = "swap"
    description = "swap space and the traffic to it"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "total": gauge("B", "swap space"),
        "used": gauge("B", "swap space in use"),
        "free": gauge("B", "swap space not in use"),
        "percent": gauge("%", "swap space in use, of all"),
        "in_bytes": counter("B", "bytes read from swap space"),
        "out_bytes": counter("B", "bytes written to swap space"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(("in_bytes", "out_bytes"))

    def read(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return ``total`` and ``free``, and the traffic since boot, all in bytes."""
        meminfo = self.files.read("meminfo")
        kib = {name: value_after(meminfo, field) for field, name in SWAP_FIELDS}
        space = {name: value * KIB for name, value in kib.items() if value is not None}
        return space, parse_traffic(self.files.read("vmstat", optional=True))

    def collect(self, now: float) -> Metrics:
        """Return the swap of this instant; a host without any has zeros and no percentage."""
        space, traffic = self.read()
        metrics: Metrics = {**space, **traffic}
        if len(space) == 2:
            metrics["used"] = max(space["total"] - space["free"], 0)
            if space["total"]:
                metrics["percent"] = percent(metrics["used"], space["total"])
        metrics.update(self._rates.update(now, {"": traffic}).get("", {}))
        return metrics
