"""What happened, counted: the numbers of ``/stats`` and ``/metrics``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

HELP: Mapping[str, str] = {
    "requests": "Requests that were answered.",
    "requestsFailed": "Requests that were answered with a status of 500 or more.",
    "requestsMisdirected": "Requests for a name that this server does not answer under.",
    "requestsForeign": "Changes that a page of a foreign origin asked for.",
    "requestsUnauthorised": "Requests that were answered with 401.",
    "requestsBusy": "Requests that were answered with 429.",
    "requestsBarred": "Requests from an address that may not ask.",
    "requestsGone": "Requests whose client left before its answer was complete.",
    "connectionsRefused": "Connections beyond the most that are taken.",
    "connectionsIdle": "Connections that were closed as no request came.",
    "accessLogDropped": "Lines that the access log's disk did not take in time.",
    "events": "Events that the master sent.",
    "eventsLost": "Events that listeners were too slow for.",
    "streamsRefused": "Streams of events beyond the most that are taken.",
}


class Counters:
    """Totals by name, and gauges that are asked for when they are shown. Any thread may count."""

    def __init__(self) -> None:
        self._totals = dict.fromkeys(HELP, 0.0)
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
            told = f"saltern_api_{_snake(name)}" + ("" if gauge else "_total")
            lines += (
                f"# HELP {told} {self._gauges[name][0] if gauge else HELP[name]}",
                f"# TYPE {told} {'gauge' if gauge else 'counter'}",
                f"{told} {amount:g}" if amount < 1e6 else f"{told} {amount:.0f}",
            )
        return "\n".join(lines) + "\n"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
