"""Runs the collectors: those that are on and have something to measure, and what each of them cost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.catalogue import lacking, listed, load
from saltern_modules.collectors.options import check, switched
from saltern_modules.collectors.source import Source

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
"""How often it is looked at what the host has: a disk array or a sensor may come later."""


class Running:
    """One collector at work."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.runs = 0
        self.spent_ms = 0.0
        self.failed = ""
        """Why its last run failed, empty when it didn't."""

        self.last: Metrics = {}
        """What its last run gave."""


class Sampler:
    """The collectors of one schedule, and what they remember from one sample to the next.

    Built from the agent's options (``stats``, ``proc_root``, ``sys_root``). Raises ``CommandError`` for an
    option that no collector has.
    """

    def __init__(self, opts: Mapping[str, Any]) -> None:
        config = opts.get("stats") or {}
        if not isinstance(config, Mapping):
            raise CommandError(f"stats: must hold options, not {config!r}")
        check(config)
        self.config = config
        self.switches = switched(config)
        self.roots = {"proc": opts.get("proc_root") or "/proc", "sys": opts.get("sys_root") or "/sys"}
        self.running: dict[str, Running] = {}
        self.lacking: dict[str, str] = {}
        """Why a collector that is on has nothing to measure, by its name."""

        self.samples = 0
        """How many were taken of all its collectors."""

        self._files = Source(self.roots["proc"], self.roots["sys"])
        self._look_at = float("-inf")
        self._lock = threading.Lock()

    def sample(self, only: str | None = None) -> Metrics:
        """Return the metrics of every collector, or of *only* that one, and each one's cost and success.

        A collector that has nothing to tell is left out; one that fails is told by
        ``collector.<name>.success`` being 0, is logged once, and hurts no other.
        """
        metrics: Metrics = {}
        costs: dict[str, dict[str, float]] = {}
        with self._lock:
            self._files.begin()
            now = time.monotonic()
            if now >= self._look_at:
                self._look()
                self._look_at = now + LOOK_EVERY_S
            for name, running in self.running.items():
                if only in (None, name):
                    costs[name] = self._run(name, running, now)
                    if running.last:
                        metrics[name] = running.last
            self.samples += only is None
        metrics["collector"] = costs
        return metrics

    def _look(self) -> None:
        """Take up what the host has by now, and leave what it has no longer."""
        for name, row in listed().items():
            if not self.switches[name]:
                continue
            options = {**self.config.get(name, {})}
            reason = lacking(row, self.roots, options)
            if reason:
                self.lacking[name] = reason
                self.running.pop(name, None)
            elif name not in self.running:
                self.lacking.pop(name, None)
                self.running[name] = Running(load(name)(self._files, options))

    def _run(self, name: str, running: Running, now: float) -> dict[str, float]:
        """Run one collector; return its cost and success."""
        started = time.perf_counter()
        try:
            running.last = running.collector.sample(now)
            running.failed = ""
        except Exception as error:  # whatever it is, the other collectors go on
            running.last = {}
            self._report(name, running, error)
        duration_ms = round((time.perf_counter() - started) * 1000.0, 3)
        running.runs += 1
        running.spent_ms += duration_ms
        return {"duration_ms": duration_ms, "success": int(not running.failed)}

    def _report(self, name: str, running: Running, error: Exception) -> None:
        """Log a failure unless it is the same as this collector's last one."""
        reason = f"{type(error).__name__}: {error}"
        if running.failed != reason:
            running.failed = reason
            log.warning("stats: the %s collector failed (said once): %s", name, reason)
