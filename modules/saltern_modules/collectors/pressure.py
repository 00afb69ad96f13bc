"""Pressure stall information: the share of time that work waited for cpu, memory or io.

``/proc/pressure/<resource>``, where the kernel has it (its Documentation/accounting/psi.rst)::

    some avg10=0.30 avg60=0.36 avg300=0.13 total=4262169
    full avg10=0.00 avg60=0.00 avg300=0.00 total=0

The averages are percentages, the total is in microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, counter, gauge
from saltern_modules.collectors.numbers import decimal, per_second
from saltern_modules.collectors.source import Source

RESOURCES = ("cpu", "memory", "io")
_NAMES = {b"avg10": "avg10", b"avg60": "avg60", b"avg300": "avg300", b"total": "total_us"}


def parse_pressure(data: bytes) -> dict[str, dict[str, float]]:
    """Return ``{'some': {'avg10': …, 'total_us': …}, 'full': …}``; lines of another form are left out."""
    kinds: dict[str, dict[str, float]] = {}
    for line in data.split(b"\n"):
        kind, *fields = line.split()[:5] or [b""]
        if kind not in (b"some", b"full"):
            continue
        values: dict[str, float] = {}
        for field in fields:
            key, _, value = field.partition(b"=")
            number = decimal(value)
            if key in _NAMES and number is not None:
                values[_NAMES[key]] = number
        if values:
            kinds[kind.decode()] = values
    return kinds


class Pressure(Collector):
    """``pressure.<resource>.<some|full>.avg10``, ``.total_us`` and ``.percent`` (since the last sample)."""

    name = "pressure"
    description = "share of time that work waited for cpu, memory or io (PSI)"
    waits = False
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.*.avg10": gauge("%", "time that some of the work waited, or all of it (full), over the last 10 s"),
        "*.*.avg60": gauge("%", "the same over the last minute"),
        "*.*.avg300": gauge("%", "the same over the last 5 minutes"),
        "*.*.total_us": counter("µs", "the same since boot", rated=False),
        "*.*.percent": gauge("%", "the same since the sample before"),
    }

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._before: dict[tuple[str, str], dict[str, float]] = {}
        self._at = 0.0

    def collect(self, now: float) -> Metrics:
        """Return the pressures; a kernel without them gives ``{}``."""
        metrics: Metrics = {}
        elapsed, self._at = now - self._at, now
        for resource in RESOURCES:
            kinds = parse_pressure(self.files.read(f"pressure/{resource}", optional=True))
            for kind, values in kinds.items():
                before = self._before.get((resource, kind), {})
                rate = per_second(values, before, elapsed, {"total_us": "us_per_s"})
                self._before[resource, kind] = dict(values)
                if rate:
                    values["percent"] = min(round(rate["us_per_s"] / 10_000.0, 2), 100.0)
            if kinds:
                metrics[resource] = kinds
        return metrics
