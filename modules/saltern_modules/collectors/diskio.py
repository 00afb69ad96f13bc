"""Traffic of whole disks, from ``/proc/diskstats``.

A line is ``major minor name`` and up to 17 numbers (the kernel's Documentation/admin-guide/iostats.rst)::

    reads merged sectors ms | writes merged sectors ms | in_flight io_ms weighted_ms |
    discards merged sectors ms | flushes ms

A sector is 512 bytes here, whatever the device's own are.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.numbers import Rates, integers
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source

SECTOR_BYTES = 512
RATES = ("reads", "read_bytes", "writes", "write_bytes", "discards", "flushes")


def parse_diskstats(data: bytes) -> dict[str, list[int]]:
    """Return each device's numbers, by its name; lines with fewer than 11 numbers are left out."""
    devices = {}
    for line in data.split(b"\n"):
        fields = line.split()
        if len(fields) >= 14:
            values = integers(fields[3:])
            if values is not None:
                devices[fields[2].decode("ascii", "replace")] = values
    return devices


def counters(values: list[int]) -> dict[str, float]:
    """Return a device's numbers by our names, in bytes and milliseconds."""
    named: dict[str, float] = {
        "reads": values[0],
        "reads_merged": values[1],
        "read_bytes": values[2] * SECTOR_BYTES,
        "read_ms": values[3],
        "writes": values[4],
        "writes_merged": values[5],
        "write_bytes": values[6] * SECTOR_BYTES,
        "write_ms": values[7],
        "in_flight": values[8],
        "io_ms": values[9],
        "queue_ms": values[10],
    }
    if len(values) >= 15:
        named["discards"] = values[11]
        named["discard_bytes"] = values[13] * SECTOR_BYTES
    if len(values) >= 17:
        named["flushes"] = values[15]
    return named


class DiskIO(Collector):
    """``diskio.<device>.read_bytes`` and so on as counters, ``…_per_s`` as rates, and ``busy_percent``."""

    name = "diskio"
    description = "traffic of whole disks, as counters and rates"
    settings: ClassVar[Mapping[str, Any]] = {"exclude": ["loop*", "ram*", "zram*", "sr*", "fd*"], "partitions": False}

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates((*RATES, "io_ms"))
        self._wanted: dict[str, bool] = {}

    def read(self) -> dict[str, dict[str, float]]:
        """Return the counters of every disk that is not excluded, by the disk's own name."""
        devices = parse_diskstats(self.files.read("diskstats", optional=True))
        if devices.keys() != self._wanted.keys():
            self._wanted = self.choose(list(devices))
        return {name: counters(values) for name, values in devices.items() if self._wanted[name]}

    def collect(self, now: float) -> Metrics:
        """Return the traffic of every disk that is not excluded."""
        metrics: Metrics = {segment(name, "!"): values for name, values in self.read().items()}
        for name, rates in self._rates.update(now, metrics).items():
            if "io_ms_per_s" in rates:
                rates["busy_percent"] = min(round(rates.pop("io_ms_per_s") / 10.0, 2), 100.0)
            metrics[name].update(rates)
        return metrics

    def choose(self, names: list[str]) -> dict[str, bool]:
        """Return whether each of the devices is wanted: a whole disk, unless partitions are, not excluded."""
        try:
            # A "/" in a device's name (cciss/c0d0) is a "!" in its name here.
            disks = {name.replace("!", "/") for name in os.listdir(f"{self.files.sys_root}/block")}
        except OSError:
            disks = set(names)
        if self.options["partitions"]:
            disks = set(names)
        patterns = self.options["exclude"]
        return {
            name: name in disks and not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
            for name in names
        }
