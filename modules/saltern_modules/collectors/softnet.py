"""Packets that the kernel's receiving side dropped or put off, from ``/proc/net/softnet_stat``.

A line a processor, hexadecimal: packets handled, packets dropped since its queue was full, times that it ran out of
its budget with packets left (net/core/net-procfs.c).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.network_files import read_net
from saltern_modules.collectors.numbers import Rates
from saltern_modules.collectors.source import Source

COLUMNS = ("packets", "dropped", "squeezed")


def parse_softnet(data: bytes) -> dict[str, float]:
    """Return the sum over the processors, ``{}`` when *data* is something else."""
    sums: dict[str, float] = {}
    for line in data.split(b"\n"):
        fields = line.split(None, len(COLUMNS))[: len(COLUMNS)]
        try:
            values = [int(field, 16) for field in fields if len(field) == 8]
        except ValueError:
            continue
        if len(values) == len(COLUMNS):
            for name, value in zip(COLUMNS, values, strict=True):
                sums[name] = sums.get(name, 0) + value
    return sums


class Softnet(Collector):
    """``softnet.packets``, ``.dropped``, ``.squeezed`` and their rates as ``…_per_s``."""

    name = "softnet"
    description = "packets that the kernel dropped or put off while receiving"
    numbers: ClassVar[Mapping[str, Number]] = {
        "packets": counter("packets", "packets taken from the network cards' queues, over all processors"),
        "dropped": counter("packets", "packets dropped since a processor's queue was full"),
        "squeezed": counter("times", "times that a processor left packets for later, its budget being used up"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates(COLUMNS)

    def collect(self, now: float) -> Metrics:
        """Return the counters and their rates."""
        counters = parse_softnet(read_net(self.files, "softnet_stat"))
        return {**counters, **self._rates.update(now, {"": counters}).get("", {})}
