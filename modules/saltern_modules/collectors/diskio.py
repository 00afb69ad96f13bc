"""Traffic of whole disks, from ``/proc/diskstats``.

A line is ``major minor name`` and up to 17 numbers (the kernel's Documentation/admin-guide/iostats.rst)::

    reads merged sectors ms | writes merged sectors ms | in_flight io_ms weighted_ms |
    discards merged sectors ms | flushes ms

A sector is 512 bytes here, whatever the device's own are.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, unsigned
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

SECTOR_BYTES = 512
CHOOSE_EVERY_S = 60.0
"""How often it is looked whether a disk of the same number is another one."""

NEGATIVE = 1 << 31
"""A count of requests from here on is one below 0, which some kernels come to and write without its sign."""

RATES = ("reads", "read_bytes", "writes", "write_bytes", "discards", "flushes")


def parse_diskstats(data: bytes) -> dict[str, list[int]]:
    """Return each device's numbers, by its name; lines with fewer than 11 numbers are left out.

    Some kernels write the ``/`` of a name (``cciss/c0d0``) as ``!``.
    """
    devices = {}
    for line in data.split(b"\n"):
        fields = line.split()
        if len(fields) >= 14:
            values = unsigned(fields[3:])
            if values is not None:
                devices[fields[2].decode("utf-8", "surrogateescape").replace("!", "/")] = values
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
        "io_ms": values[9],
        "queue_ms": values[10],
    }
    if values[8] < NEGATIVE:
        named["in_flight"] = values[8]
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
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.reads": counter("requests", "reads that were completed"),
        "*.reads_merged": counter("requests", "reads that were merged with others", rated=False),
        "*.read_bytes": counter("B", "bytes read"),
        "*.read_ms": counter("ms", "time that reads took, together", rated=False),
        "*.writes": counter("requests", "writes that were completed"),
        "*.writes_merged": counter("requests", "writes that were merged with others", rated=False),
        "*.write_bytes": counter("B", "bytes written"),
        "*.write_ms": counter("ms", "time that writes took, together", rated=False),
        "*.in_flight": gauge("requests", "requests that are under way"),
        "*.io_ms": counter("ms", "time in which a request was under way", rated=False),
        "*.queue_ms": counter("ms", "time that requests were under way, together", rated=False),
        "*.discards": counter("requests", "discards that were completed"),
        "*.discard_bytes": counter("B", "bytes discarded", rated=False),
        "*.flushes": counter("requests", "flushes that were completed"),
        "*.busy_percent": gauge("%", "time in which a request was under way, since the sample before"),
    }
    settings: ClassVar[Mapping[str, Any]] = {
        # nvme0c1n1 is one path to nvme0n1, which has the traffic of all.
        "exclude": ["loop*", "ram*", "zram*", "sr*", "fd*", "nvme*c*n*"],
        "partitions": False,
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._rates = Rates((*RATES, "io_ms"))
        self._seen: frozenset[str] = frozenset()
        self._wanted: dict[str, str] = {}
        self._choose_at = float("-inf")

    def read(self, now: float) -> dict[str, dict[str, float]]:
        """Return the counters of every disk that is wanted, by its segment."""
        devices = parse_diskstats(self.files.read("diskstats", optional=True))
        wanted = self.wanted(devices, now)
        return {label: counters(devices[name]) for name, label in wanted.items()}

    def wanted(self, devices: Collection[str], now: float) -> dict[str, str]:
        """Return the segments of those of *devices* that are wanted; chosen anew when there are others."""
        if now >= self._choose_at or self._seen != frozenset(devices):
            chosen = self.choose(list(devices))
            for name, label in chosen.items():
                if self._wanted.get(name, label) != label:
                    self._rates.forget(label)
            self._seen, self._wanted, self._choose_at = frozenset(devices), chosen, now + CHOOSE_EVERY_S
        return self._wanted

    def collect(self, now: float) -> Metrics:
        """Return the traffic of every disk that is not excluded."""
        metrics: Metrics = dict(self.read(now))
        for name, rates in self._rates.update(now, metrics).items():
            if "io_ms_per_s" in rates:
                rates["busy_percent"] = min(round(rates.pop("io_ms_per_s") / 10.0, 2), 100.0)
            metrics[name].update(rates)
        return metrics

    def choose(self, names: list[str]) -> dict[str, str]:
        """Return the segment of each device that is wanted: a whole disk, unless partitions are, not excluded.

        One of the device mapper's has the name that it was made under, as in ``/dev/mapper``: its number, ``dm-3``, is
        another's after the next start.
        """
        try:
            disks = {name.replace("!", "/") for name in os.listdir(f"{self.files.sys_root}/block")}
        except OSError:
            disks = set(names)
        if self.options["partitions"]:
            disks = set(names)
        chosen = {}
        for name in names:
            own = self._mapped(name) if name.startswith("dm-") else name
            known_as = (name, own, own.removeprefix("mapper/"))
            if name in disks and not any(
                fnmatch.fnmatchcase(each, pattern) for each in known_as for pattern in self.options["exclude"]
            ):
                chosen[name] = segment(own)
        return chosen

    def _mapped(self, name: str) -> str:
        try:
            own = read_once(f"{self.files.sys_root}/block/{name}/dm/name", 256)
        except OSError:
            return name
        return f"mapper/{own.decode('utf-8', 'surrogateescape').strip()}"
