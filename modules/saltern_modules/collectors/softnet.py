"""Packets that the kernel's receiving side dropped or put off, from ``/proc/net/softnet_stat``.

A line a processor, hexadecimal: packets handled, packets dropped since its queue was full, times that it ran out of
its budget with packets left (net/core/net-procfs.c).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import hexadecimal
from saltern_modules.collectors.reading.network_files import read_net

COLUMNS = ("packets", "dropped", "squeezed")


def parse_softnet(data: bytes) -> dict[str, float]:
    """Return the sum over the processors, ``{}`` when *data* is something else."""
    sums: dict[str, float] = {}
    for line in data.split(b"\n"):
        fields = line.split(None, len(COLUMNS))[: len(COLUMNS)]
        values = [value for field in fields if len(field) == 8 and (value := hexadecimal(field)) is not None]
        if len(values) == len(COLUMNS):
            for name, value in zip(COLUMNS, values, strict=True):
                sums[name] = sums.get(name, 0) + value
    return sums


class Softnet(Collector):
    """``softnet.packets``, ``.dropped``, ``.squeezed``."""

    name = "softnet"
    description = "packets that the kernel dropped or put off while receiving"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "packets": counter("packets", "packets taken from the network cards' queues", rated=False),
        "dropped": counter("packets", "packets dropped since a processor's queue was full", rated=False),
        "squeezed": counter("times", "times that a processor left packets for later", rated=False),
    }

    def collect(self, now: float) -> Metrics:
        """Return the counters."""
        return {**parse_softnet(read_net(self.files, "softnet_stat"))}
