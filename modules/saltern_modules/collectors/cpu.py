"""Processor time by mode, in percent, for the host and for each processor.

``/proc/stat`` gives it in ticks since boot, one line a processor (proc_stat(5))::

    cpu  user nice system idle iowait irq softirq steal guest guest_nice
    cpu0 …

``user`` and ``nice`` contain the guests' time already, so those two columns are not added again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading
from saltern_modules.collectors.numbers import integers
from saltern_modules.collectors.source import Source

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
IDLE, IOWAIT = MODES.index("idle"), MODES.index("iowait")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def parse_stat(data: bytes) -> dict[str, list[int]]:
    """Return ``{'total': ticks, '0': ticks, …}``, the ticks in the order of :data:`MODES`.

    An old kernel's missing columns are 0. Lines that are not a processor's are left out.
    """
    processors: dict[str, list[int]] = {}
    for line in data[: data.find(b"\nintr ") + 1 or len(data)].split(b"\n"):
        if line[:3] != b"cpu":
            continue
        name, *fields = line.split()
        ticks = integers(fields[: len(MODES)])
        if not ticks or (name != b"cpu" and not name[3:].isdigit()):
            continue
        ticks += [0] * (len(MODES) - len(ticks))
        processors["total" if name == b"cpu" else name[3:].decode()] = ticks
    return processors


def spent(now: list[int], before: list[int]) -> list[int] | None:
    """Return the ticks between two readings; None when none has passed or a counter was reset.

    The kernel documents that idle and iowait may fall a little, since they are summed per processor without
    a lock: that counts as no time spent.
    """
    ticks = [a - b for a, b in zip(now, before, strict=True)]
    ticks[IDLE] = max(ticks[IDLE], 0)
    ticks[IOWAIT] = max(ticks[IOWAIT], 0)
    return ticks if sum(ticks) > 0 and min(ticks) >= 0 else None


def busy(ticks: list[int]) -> int:
    """Return the ticks in which something ran."""
    return sum(ticks) - ticks[IDLE] - ticks[IOWAIT]


def shares(ticks: list[int]) -> dict[str, float]:
    """Return the percent of *ticks* in each mode, and ``percent``, the busy part."""
    whole = sum(ticks)
    result = {mode: round(100.0 * part / whole, 2) for mode, part in zip(MODES, ticks, strict=True)}
    result["percent"] = round(100.0 * busy(ticks) / whole, 2)
    return result


class Cpu(Collector):
    """``cpu.total.*`` and ``cpu.<n>.*`` in percent; ``cpu.total.cores`` in CPU-seconds per second."""

    name = "cpu"
    description = "processor time by mode in percent, for the host and for each processor"
    settings: ClassVar[Mapping[str, Any]] = {"per_cpu": True}

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._before: dict[str, list[int]] = {}
        self._at = 0.0

    def read(self) -> dict[str, list[int]]:
        """Return the ticks of each processor and their ``total``, in the order of :data:`MODES`."""
        return parse_stat(self.files.read("stat"))

    def collect(self, now: float) -> Metrics:
        """Return the shares since the last sample; the first one has the number of processors alone."""
        processors = self.read()
        if "total" not in processors:
            raise NoReading("/proc/stat has no cpu line")
        metrics: Metrics = {"count": len(processors) - 1 or 1}
        wanted = processors if self.options["per_cpu"] else {"total": processors["total"]}
        for name, reading in wanted.items():
            ticks = spent(reading, self._before[name]) if name in self._before else None
            if ticks:
                metrics[name] = shares(ticks)
                if name == "total" and now > self._at:
                    metrics[name]["cores"] = round(busy(ticks) / TICKS_PER_S / (now - self._at), 4)
        self._before, self._at = processors, now
        return metrics
