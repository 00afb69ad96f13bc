"""Seconds since boot: ``/proc/uptime`` is ``2058.58 4032.08`` (proc_uptime(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, gauge
from saltern_modules.collectors.numbers import decimal


def parse_uptime(data: bytes) -> Metrics:
    """Return ``{'seconds': …}``, or ``{}`` when *data* is something else."""
    seconds = decimal(data.partition(b" ")[0].strip())
    return {} if seconds is None else {"seconds": seconds}


class Uptime(Collector):
    """``uptime.seconds``."""

    name = "uptime"
    description = "seconds since boot"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {"seconds": gauge("s", "time since the host was booted")}

    def collect(self, now: float) -> Metrics:
        """Return the time since boot."""
        metrics = parse_uptime(self.files.read("uptime"))
        if not metrics:
            raise NoReading("/proc/uptime does not begin with a number")
        return metrics
