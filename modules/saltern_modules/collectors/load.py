"""Load averages: ``/proc/loadavg`` is ``0.29 0.10 0.02 1/86 3955`` (proc_loadavg(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
from saltern_modules.collectors.numbers import decimal, integer


def parse_loadavg(data: bytes) -> dict[str, float]:
    """Return ``{'1m': …, '5m': …, '15m': …}``, or ``{}`` when *data* is something else."""
    values = [decimal(field) for field in data.split()[:3]]
    known = [value for value in values if value is not None]
    return dict(zip(("1m", "5m", "15m"), known, strict=True)) if len(known) == 3 else {}


def parse_threads(data: bytes) -> int | None:
    """Return how many threads there are: the second half of the fourth field."""
    fields = data.split()
    threads = fields[3].partition(b"/")[2] if len(fields) > 3 else b""
    return integer(threads)


class Load(Collector):
    """``load.1m``, ``load.5m``, ``load.15m``."""

    name = "load"
    description = "load averages over 1, 5 and 15 minutes"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "*": gauge("threads", "threads that ran, or waited to run or for a disk, on average over that time")
    }

    def collect(self, now: float) -> Metrics:
        """Return the three averages."""
        averages = parse_loadavg(self.files.read("loadavg"))
        if not averages:
            raise NoReading("/proc/loadavg does not begin with three numbers")
        return averages
