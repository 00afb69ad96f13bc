"""Randomness that the kernel has gathered, from ``/proc/sys/kernel/random`` (random(4)), in bits.

Since Linux 5.18 there are always 256; before it, a program that reads ``/dev/random`` waits when there is little.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.numbers import integer, percent


def parse_entropy(available: bytes, poolsize: bytes) -> Metrics:
    """Return ``available``, ``pool`` and ``percent``; what is no number is left out."""
    metrics: Metrics = {}
    if (bits := integer(available.strip())) is not None:
        metrics["available"] = bits
        if pool := integer(poolsize.strip()):
            metrics.update({"pool": pool, "percent": percent(bits, pool)})
    return metrics


class Entropy(Collector):
    """``entropy.available``, ``.pool``, ``.percent``."""

    name = "entropy"
    description = "randomness that the kernel has gathered"
    waits = False
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "available": gauge("bits", "randomness that can be had without waiting"),
        "pool": gauge("bits", "randomness that the kernel holds at most"),
        "percent": gauge("%", "randomness that can be had, of the most that is held"),
    }

    def collect(self, now: float) -> Metrics:
        """Return the bits of this instant."""
        read = self.files.read
        return parse_entropy(
            read("sys/kernel/random/entropy_avail", optional=True), read("sys/kernel/random/poolsize", optional=True)
        )
