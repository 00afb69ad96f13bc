"""What the views show: asked of the running stack, as any program could."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

from saltern.errors import SalternError
from saltern.local import LocalConnection

TIMEOUT_S = 2.0
SPARK_SPAN_S = 600
SERIES = {
    "cpu %": "saltern.*.stats.cpu.total.percent",
    "load": "saltern.*.stats.load.1m",
    "memory %": "saltern.*.stats.memory.percent",
}


class Minion(NamedTuple):
    """One row: id, whether it is connected, its account, and its last values by title."""

    id: str
    up: bool
    account: dict[str, float]
    series: dict[str, list[float]]


class Status(NamedTuple):
    """One look at the stack."""

    minions: list[Minion]
    alerts: list[dict[str, Any]]
    stored: float
    """Points written to Whisper since the start."""
    points_per_second: float
    errors: list[str]


class StatusSource:
    """Looks at one stack. Blocking; call it in a thread."""

    def __init__(self, sock_dir: str, http_url: str) -> None:
        self._sock_dir = sock_dir
        self._http_url = http_url
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._last: tuple[float, float] | None = None

    def look(self) -> Status:
        """Return what there is; a part that doesn't answer is named under ``errors``."""
        errors: list[str] = []
        up: dict[str, bool] = {}
        account: dict[str, Any] = {}
        alerts: list[dict[str, Any]] = []
        try:
            with LocalConnection(self._sock_dir, TIMEOUT_S) as master:
                found = master.call("runner.manage.status", within_s=TIMEOUT_S)
                up = {name: state == "up" for state, names in found.items() for name in names}
                account = master.call("runner.metrics.account", within_s=TIMEOUT_S)
                alerts = master.call("runner.alerts.list", within_s=TIMEOUT_S)
        except SalternError as error:
            errors.append(str(error))
        series: dict[str, dict[str, list[float]]] = {}
        stored, rate = 0.0, 0.0
        try:
            for title, target in SERIES.items():
                for name, values in self._render(target).items():
                    series.setdefault(name.split(".")[1], {})[title] = values
            stored, rate = self._stored()
        except (OSError, ValueError, KeyError) as error:
            errors.append(f"graphite at {self._http_url} does not answer: {error}")
        minions = [
            Minion(name, state, account.get(name, {}).get("stats", {}), series.get(name.replace(".", "_"), {}))
            for name, state in sorted(up.items())
        ]
        return Status(minions, alerts, stored, rate, errors)

    def _stored(self) -> tuple[float, float]:
        health = self._ask("/health")
        stored, now = float(health["totals"].get("committedPoints", 0)), time.monotonic()
        rate = 0.0
        if self._last is not None and now > self._last[0]:
            rate = max(0.0, (stored - self._last[1]) / (now - self._last[0]))
        if self._last is None or now - self._last[0] > 15:
            self._last = (now, stored)
        return stored, rate

    def _render(self, target: str) -> dict[str, list[float]]:
        query = urllib.parse.urlencode(
            {"target": target, "from": f"-{SPARK_SPAN_S}s", "format": "json", "noNullPoints": "true"}
        )
        rows = self._ask(f"/render?{query}")
        return {row["target"]: [value for value, _ in row["datapoints"] if value is not None] for row in rows}

    def _ask(self, path: str) -> Any:
        """Return what our own store answers; no proxy knows its address. Raises ``OSError``, ``ValueError``."""
        with self._http.open(f"{self._http_url}{path}", timeout=TIMEOUT_S) as answer:
            return json.load(answer)
