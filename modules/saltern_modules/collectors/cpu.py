"""Processor time by mode, in percent, for the host and for each processor.

``/proc/stat`` gives it in ticks since boot, one line a processor (proc_stat(5))::

    cpu  user nice system idle iowait irq softirq steal guest guest_nice
    cpu0 …

``user`` and ``nice`` contain the guests' time already, so those two columns are not added again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, counter, gauge
from saltern_modules.collectors.numbers import unsigned
from saltern_modules.collectors.source import Source

MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
IDLE, IOWAIT = MODES.index("idle"), MODES.index("iowait")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FALL_S = 3.0
"""Of processor time. What a counter may fall by without having been set back, as node_exporter has it."""

NEGATIVE = 1 << 63
"""Ticks. A counter from here on fell below 0, by what a hypervisor or an idle processor took back."""

WHOLE = 0.5
"""The part of a processor's time that must be accounted for, where its idle time fell, for shares to be of it."""

log = logging.getLogger(__name__)


def parse_stat(data: bytes) -> dict[str, list[int]]:
    """Return ``{'total': ticks, '0': ticks, …}``, the ticks in the order of :data:`MODES`.

    An old kernel's missing columns are 0. Lines that are not a processor's are left out.
    """
    processors: dict[str, list[int]] = {}
    for line in data[: data.find(b"\nintr ") + 1 or len(data)].split(b"\n"):
        if line[:3] != b"cpu":
            continue
        name, *fields = line.split()
        ticks = unsigned(fields[: len(MODES)])
        if not ticks or (name != b"cpu" and not name[3:].isdigit()):
            continue
        if max(ticks) >= NEGATIVE:
            ticks = [0 if tick >= NEGATIVE else tick for tick in ticks]
        ticks += [0] * (len(MODES) - len(ticks))
        processors["total" if name == b"cpu" else name[3:].decode()] = ticks
    return processors


def spent(now: list[int], before: list[int], processors: int = 1) -> list[int] | None:
    """Return the ticks between two readings; None when none has passed, or the counters were set back.

    A counter of the kernel's may fall by little: idle and iowait are summed without a lock, steal is what a hypervisor
    says. That column counts as no time spent, once. A fall by more than a reading can be wrong by, ``FALL_S`` for each
    of *processors*, or of the time as a whole, is a reset: a processor, or the host, came back from somewhere.
    """
    ticks = [a - b for a, b in zip(now, before, strict=True)]
    if max(ticks) >= NEGATIVE // 2:
        ticks = [0 if tick >= NEGATIVE // 2 else tick for tick in ticks]
    if sum(ticks) <= 0 or min(ticks) < -FALL_S * TICKS_PER_S * processors:
        return None
    return [max(tick, 0) for tick in ticks]


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
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "count": gauge("processors", "processors at work"),
        "resets": counter("", "times that a processor's counters were set back, since the agent's start", rated=False),
        "total.cores": gauge("processors", "processors that were busy, on average since the sample before"),
        "*.percent": gauge("%", "time in which something ran"),
        "*.user": gauge("%", "time in programs, guests included"),
        "*.nice": gauge("%", "time in programs of low priority"),
        "*.system": gauge("%", "time in the kernel"),
        "*.idle": gauge("%", "time in which nothing ran"),
        "*.iowait": gauge("%", "time in which nothing ran and something waited for a disk"),
        "*.irq": gauge("%", "time in interrupts"),
        "*.softirq": gauge("%", "time in what interrupts left to do"),
        "*.steal": gauge("%", "time that the hypervisor gave to others"),
    }
    settings: ClassVar[Mapping[str, Any]] = {"per_cpu": True}

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._before: dict[str, list[int]] = {}
        self._at = 0.0
        self._resets = 0

    def read(self) -> dict[str, list[int]]:
        """Return the ticks of each processor and their ``total``, in the order of :data:`MODES`."""
        return parse_stat(self.files.read("stat"))

    def collect(self, now: float) -> Metrics:
        """Return the shares since the last sample; the first one has the number of processors alone.

        ``resets`` is there from the first one on.
        """
        processors = self.read()
        if "total" not in processors:
            raise NoReading("/proc/stat has no cpu line")
        count = len(processors) - 1 or 1
        elapsed = now - self._at
        metrics: Metrics = {"count": count}
        wanted = processors if self.options["per_cpu"] else {"total": processors["total"]}
        for name, reading in wanted.items():
            before = self._before.get(name)
            ticks = self._spent(name, reading, before, elapsed, count if name == "total" else 1) if before else None
            if ticks:
                metrics[name] = shares(ticks)
                if name == "total" and elapsed > 0:
                    metrics[name]["cores"] = round(busy(ticks) / TICKS_PER_S / elapsed, 4)
        if self._resets:
            metrics["resets"] = self._resets
        self._before, self._at = processors, now
        return metrics

    def _spent(
        self, name: str, reading: list[int], before: list[int], elapsed: float, processors: int
    ) -> list[int] | None:
        """Return the ticks spent, None when they can't be known; a reset is counted, and the first one logged."""
        ticks = spent(reading, before, processors)
        if reading[IDLE] < before[IDLE]:
            # What was idle is not known: without it little would be a hundred percent.
            known = bool(ticks) and sum(ticks or ()) >= WHOLE * elapsed * TICKS_PER_S * processors
        else:
            known = ticks is not None or reading == before
        if known:
            return ticks
        self._resets += 1
        if self._resets == 1:
            log.warning("stats: cpu: the counters of %s were set back: no shares of it this time (said once)", name)
        return None
