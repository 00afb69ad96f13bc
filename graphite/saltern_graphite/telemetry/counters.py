"""The counts that a running server keeps of itself, and where its momentary values are read."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping


class Counters:
    """Named totals that only ever grow, and gauges, read when asked; any thread may use them.

    Names are the self-metrics' own: ``metricsReceived``, ``committedPoints``, ``drops.<cause>``, …
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: Counter[str] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}

    def add(self, name: str, amount: float = 1) -> None:
        """Add *amount* to the total *name*."""
        with self._lock:
            self._totals[name] += amount  # type: ignore[assignment]  # Counter is typed for whole numbers only

    def add_all(self, amounts: Mapping[str, int], prefix: str = "") -> None:
        """Add each amount to the total of its name, *prefix* put before it."""
        with self._lock:
            for name, amount in amounts.items():
                self._totals[prefix + name] += amount

    def drop(self, causes: Mapping[str, int]) -> None:
        """Count points that are lost, by cause, and together as ``errors``."""
        self.add_all(causes, prefix="drops.")
        self.add("errors", sum(causes.values()))

    def total(self, name: str) -> float:
        """Return the total *name* since the start."""
        return self._totals[name]

    def totals(self) -> dict[str, float]:
        """Return a copy of all totals since the start."""
        with self._lock:
            return dict(self._totals)

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Have *read*, which must not block, asked for the value of *name* from now on."""
        with self._lock:
            self._gauges[name] = read

    def gauges(self) -> dict[str, float]:
        """Return the gauges' values now."""
        with self._lock:
            gauges = self._gauges.copy()
        return {name: float(read()) for name, read in gauges.items()}
