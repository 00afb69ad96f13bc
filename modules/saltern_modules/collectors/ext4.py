"""Errors that ext4 found in its file systems: ``/sys/fs/ext4/<device>/errors_count``.

They are written into the file system's super block, so they are still told after a reboot, until e2fsck(8) has
cleared them (the kernel's Documentation/ABI/testing/sysfs-fs-ext4).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import read_once

MAX_DEVICES = 256
FILES = {"errors_count": "errors", "warning_count": "warnings", "last_error_time": "last_error_time"}


class Ext4(Collector):
    """``ext4.<device>.errors``, ``.warnings``, ``.last_error_time``."""

    name = "ext4"
    description = "errors that ext4 found in its file systems"
    waits = False
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.errors": counter("errors", "errors found since the file system was last checked", rated=False),
        "*.warnings": counter("warnings", "warnings since it was mounted", rated=False),
        "*.last_error_time": gauge("s", "when the last error was found, since 1970; absent without any"),
    }

    def collect(self, now: float) -> Metrics:
        """Return the counts of each mounted file system."""
        folder = f"{self.files.sys_root}/fs/ext4"
        metrics: Metrics = {}
        for device in sorted(os.listdir(folder))[:MAX_DEVICES]:
            counts = {}
            for file, name in FILES.items():
                try:
                    value = integer(read_once(f"{folder}/{device}/{file}", 32).strip())
                except OSError:
                    continue  # no device but a list of features, or an old kernel
                if value or (value == 0 and name != "last_error_time"):
                    counts[name] = value
            if counts:
                metrics[segment(device, "!")] = counts
        return metrics
