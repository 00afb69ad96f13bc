"""Linux's software RAID, from ``/proc/mdstat`` and ``/sys/block/md*/md/mismatch_cnt``.

An array has a line of its own and indented lines after it (drivers/md/md.c, ``md_seq_show``)::

    md0 : active raid1 sdb1[1] sda1[0](F)
          1046528 blocks super 1.2 [2/1] [_U]
          [==>..................]  recovery = 12.6% (132096/1046528) finish=1.1min speed=13209K/sec
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import read_once

MAX_ARRAYS = 256

_ARRAY = re.compile(rb"^(md[^\s:]{0,60}) : (\w+)(.*)$")
_MEMBER = re.compile(rb"\[\d{1,6}\]((?:\([A-Z]\))*)(?=\s|$)")
_WORKING = re.compile(rb"\[(\d{1,6})/(\d{1,6})\]")
_CONTAINER = re.compile(rb"super external:[^/]")
"""Of the disks of a BIOS's RAID, which are never active themselves: the arrays in them are."""

_SYNC = re.compile(rb"(?:recovery|resync|reshape|check|repair) *= *(\d{1,3}(?:\.\d{1,6})?)%")
_SPEED = re.compile(rb"finish=(\d{1,9}(?:\.\d{1,6})?)min +speed=(\d{1,12})K/sec")


def parse_mdstat(data: bytes) -> dict[str, Metrics]:
    """Return each array's numbers, by the array's own name. ``RAID0`` and its like want what they have."""
    arrays: dict[str, Metrics] = {}
    name, current = "", Metrics()
    for line in data.split(b"\n"):
        if found := _ARRAY.match(line):
            if len(arrays) >= MAX_ARRAYS:
                break
            name, current = found[1].decode("ascii", "replace"), _members(found[2] == b"active", found[3])
            arrays[name] = current
        elif not line[:1].isspace():
            current = {}
        elif current:
            if _CONTAINER.search(line):
                arrays.pop(name)
                current = {}
                continue
            if working := _WORKING.search(line):
                current["disks_wanted"], current["disks_active"] = int(working[1]), int(working[2])
                current["degraded"] = int(current["disks_active"] < current["disks_wanted"])
            if sync := _SYNC.search(line):
                current["syncing"], current["sync_percent"] = 1, float(sync[1])
            if speed := _SPEED.search(line):
                current["sync_seconds_left"] = round(float(speed[1]) * 60.0, 1)
                current["sync_bytes_per_s"] = int(speed[2]) * 1024
    return arrays


def _members(active: bool, rest: bytes) -> Metrics:
    flags = _MEMBER.findall(rest)
    failed, spare = sum(b"(F)" in each for each in flags), sum(b"(S)" in each for each in flags)
    working = len(flags) - failed - spare
    return {
        "active": int(active),
        "disks_wanted": working,
        "disks_active": working,
        "disks_failed": failed,
        "disks_spare": spare,
        "degraded": 0,
        "syncing": 0,
    }


class Raid(Collector):
    """``raid.<array>.degraded``, ``.disks_wanted``, ``.disks_active``, ``.sync_percent``, ``.mismatches``, …"""

    name = "raid"
    description = "software RAID: missing disks and progress of repairs"
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.active": gauge("", "1 while the array can be used"),
        "*.degraded": gauge("", "1 while a disk is missing"),
        "*.disks_wanted": gauge("disks", "disks that the array is made of"),
        "*.disks_active": gauge("disks", "disks that hold its data now"),
        "*.disks_failed": gauge("disks", "disks that failed and are still listed"),
        "*.disks_spare": gauge("disks", "disks that wait to take a failed one's place"),
        "*.syncing": gauge("", "1 while a recovery, a check or the like goes on"),
        "*.sync_percent": gauge("%", "how far that is"),
        "*.sync_bytes_per_s": gauge("B/s", "how fast it goes"),
        "*.sync_seconds_left": gauge("s", "how long it will still take, as the kernel guesses"),
        "*.mismatches": counter("sectors", "sectors whose copies differed in the last check", rated=False),
    }

    def collect(self, now: float) -> Metrics:
        """Return every array's state."""
        metrics: Metrics = {}
        for name, numbers in parse_mdstat(self.files.read("mdstat", optional=True)).items():
            mismatches = self._mismatches(name)
            metrics[segment(name)] = numbers if mismatches is None else {**numbers, "mismatches": mismatches}
        return metrics

    def _mismatches(self, name: str) -> int | None:
        """Return what the last check found; None for an array without copies."""
        try:
            return integer(read_once(f"{self.files.sys_root}/block/{name}/md/mismatch_cnt", 32).strip())
        except OSError:
            return None
