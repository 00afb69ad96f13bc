"""What happens at a server, counted: for Prometheus, and whoever else wants to know."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class Counters:
    """Totals by name, and gauges that are asked for when they are shown. Any thread may count."""

    def __init__(self, program: str, told: Mapping[str, str]) -> None:
        """*told*: what each total is, by its name; *program*: what the names begin with, as Prometheus has them."""
        self._program = program
        self._told = told
        self._totals = dict.fromkeys(told, 0.0)
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, amount: float = 1) -> None:
        """Count *amount* more of *name*."""
        with self._lock:
            self._totals[name] += amount

    def gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Have *value* asked for what *name* is now."""
        self._gauges[name] = (help_text, value)

    def totals(self) -> dict[str, float]:
        """Return all by name, gauges among them."""
        with self._lock:
            return {**self._totals, **{name: value() for name, (_, value) in self._gauges.items()}}

    def prometheus(self) -> str:
        """Return all in Prometheus' text format."""
        lines: list[str] = []
        for name, amount in self.totals().items():
            gauge = name in self._gauges
            told = f"{self._program}_{_snake(name)}" + ("" if gauge else "_total")
            lines += (
                f"# HELP {told} {self._gauges[name][0] if gauge else self._told[name]}",
                f"# TYPE {told} {'gauge' if gauge else 'counter'}",
                f"{told} {amount:g}" if amount < 1e6 else f"{told} {amount:.0f}",
            )
        return "\n".join(lines) + "\n"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
