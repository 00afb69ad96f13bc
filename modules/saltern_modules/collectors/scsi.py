"""Commands to SCSI, SAS and SATA disks that failed: ``/sys/block/<disk>/device/ioerr_cnt`` and its like.

In hexadecimal, counted since the disk was found (drivers/scsi/scsi_sysfs.c). An error here may be a question that
the disk doesn't know; one that grows is worth a look.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter
from saltern_modules.collectors.numbers import hexadecimal
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

SEARCH_EVERY_S = 60.0
MAX_DISKS = 1024
FILES = {"ioerr_cnt": "errors", "iotmo_cnt": "timeouts"}


def parse_count(data: bytes) -> int | None:
    """Return the number in ``0x1f``, or None when *data* is something else."""
    return hexadecimal(data.strip().removeprefix(b"0x"))


class Scsi(Collector):
    """``scsi.<disk>.errors``, and ``.timeouts`` where the kernel tells them."""

    name = "scsi"
    description = "commands to SCSI, SAS and SATA disks that failed"
    waits = False
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.errors": counter("commands", "commands that the disk answered with an error", rated=False),
        "*.timeouts": counter("commands", "commands that it did not answer in time", rated=False),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._disks: list[str] = []
        self._search_at = float("-inf")

    def collect(self, now: float) -> Metrics:
        """Return the counts of each disk that has them."""
        block = f"{self.files.sys_root}/block"
        if now >= self._search_at:
            disks = sorted(os.listdir(block))
            self._disks = [name for name in disks if os.path.exists(f"{block}/{name}/device/ioerr_cnt")][:MAX_DISKS]
            self._search_at = now + SEARCH_EVERY_S
        metrics: Metrics = {}
        for disk in self._disks:
            counts = {}
            for file, name in FILES.items():
                try:
                    value = parse_count(read_once(f"{block}/{disk}/device/{file}", 32))
                except OSError:
                    continue
                if value is not None:
                    counts[name] = value
            if counts:
                metrics[segment(disk, "!")] = counts
        return metrics
