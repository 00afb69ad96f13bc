"""Open files of the whole host: ``/proc/sys/fs/file-nr`` is ``open unused max`` (proc_sys_fs(5))."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.numbers import percent, unsigned


def parse_file_nr(data: bytes) -> Metrics:
    """Return ``open``, ``max`` and ``percent``, or ``{}`` when *data* is something else."""
    values = unsigned(data.split())
    if values is None or len(values) != 3:
        return {}
    return {"open": values[0], "max": values[2], "percent": percent(values[0], values[2])}


class Files(Collector):
    """``files.open``, ``files.max``, ``files.percent``."""

    name = "files"
    description = "open files of the whole host"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "open": gauge("files", "file handles that the kernel has given out"),
        "max": gauge("files", "file handles that it will give out at most"),
        "percent": gauge("%", "file handles given out, of all it will"),
    }

    def collect(self, now: float) -> Metrics:
        """Return the counts of this instant."""
        return parse_file_nr(self.files.read("sys/fs/file-nr", optional=True))
