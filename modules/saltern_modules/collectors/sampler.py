"""Runs the collectors: those that are on and have something to measure, and what each of them cost."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from saltern_modules.collectors.asking.aside import Aside
from saltern_modules.collectors.asking.walk import TIMEOUT_S, Asked, LeftBehind, Walk
from saltern_modules.collectors.base import Collector, Metrics
from saltern_modules.collectors.catalogue import lacking, listed, load
from saltern_modules.collectors.options import chosen
from saltern_modules.collectors.source import Source

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
"""How often it is looked at what the host has: a disk array or a sensor may come later."""


class Running(Asked):
    """One collector at work."""

    def __init__(self, name: str, collector: Collector) -> None:
        super().__init__(name)
        self.collector = collector
        self.runs = 0
        self.spent_ms = 0.0
        self.last: Metrics = {}
        """What its last run gave."""


class Sampler:
    """The collectors of one schedule, and what they remember from one sample to the next.

    Built from the agent's options (``stats``, ``proc_root``, ``sys_root``); what is wrong in them is in ``chosen``.
    """

    def __init__(self, opts: Mapping[str, Any]) -> None:
        self.chosen = chosen(opts.get("stats"))
        self.roots = {"proc": opts.get("proc_root") or "/proc", "sys": opts.get("sys_root") or "/sys"}
        self.running: dict[str, Running] = {}
        self.lacking: dict[str, str] = {}
        """Why a collector that is on has nothing to measure, by its name."""

        self.samples = 0
        """How many were taken of all its collectors."""

        self._files = Source(self.roots["proc"], self.roots["sys"])
        self._look_at = float("-inf")
        self._lock = threading.Lock()
        self._aside = Aside("stats")

    def sample(self, only: str | None = None) -> Metrics:
        """Return the metrics of every collector, or of *only* that one, and each one's cost and success.

        A collector that has nothing to tell is left out; one that fails, or doesn't come back, or whose options are
        wrong, is told by ``collector.<name>.success`` being 0, is logged once, and hurts no other. Those that may not
        come back are asked in a thread of the sampler's own, which is left behind with one that hangs; that one isn't
        asked until it comes back.
        """
        metrics: Metrics = {}
        faulty = [name for name in self.chosen.faults if self.chosen.switches[name] and only in (None, name)]
        costs: dict[str, dict[str, float]] = {name: {"success": 0} for name in faulty}
        with self._lock:
            self._files.begin()
            now = time.monotonic()
            if now >= self._look_at:
                self._look()
                self._look_at = now + LOOK_EVERY_S
            asked = {name: running for name, running in self.running.items() if only in (None, name)}
            waiting = {name: each for name, each in asked.items() if each.stuck or each.collector.may_wait(now)}
            if waiting:
                self._ask_aside(waiting, costs)
                now = time.monotonic()
            for name, running in asked.items():
                cost = costs[name] = costs.get(name) or self._run(running, now)
                if running.last and cost["success"]:
                    metrics[name] = running.last
            self.samples += only is None
        metrics["collector"] = costs
        return metrics

    def hangs(self) -> bool:
        """Return whether a thread of this sampler's was left behind and has not come back yet."""
        return any(running.stuck for running in self.running.values())

    def _ask_aside(self, waiting: Mapping[str, Running], costs: dict[str, dict[str, float]]) -> None:
        """Run those that may not come back, in a thread that is left behind with each that doesn't."""
        while True:
            walk = Walk()
            go = functools.partial(self._go, walk, waiting, time.monotonic(), costs)
            if self._aside.do(go, TIMEOUT_S, walk.patience):
                return
            self._leave(walk.left_with)

    def _go(self, walk: Walk, waiting: Mapping[str, Running], now: float, costs: dict[str, dict[str, float]]) -> None:
        """Run those of *waiting* that have not been run for this sample yet."""
        try:
            for name, running in waiting.items():
                if name in costs:
                    continue
                if running.stuck:
                    running.last = {}
                    costs[name] = {"success": 0}
                    continue
                costs[name] = walk.ask(running, functools.partial(self._run, running, now))
        except LeftBehind as late:
            log.info("stats: the %s answers again", late.asked.name)

    def _look(self) -> None:
        """Take up what the host has by now, and leave what it has no longer; one that hangs is not left."""
        for name, row in listed().items():
            if not self.chosen.switches[name] or name in self.chosen.faults:
                continue
            if name in self.running and self.running[name].stuck:
                continue
            options = self.chosen.options.get(name, {})
            try:
                reason = lacking(row, self.roots, options)
                if not reason and name not in self.running:
                    self.running[name] = self._begun(name, options)
            except Exception as error:  # its file is damaged, or it can't be built: the others go on
                reason = f"it can't be begun: {type(error).__name__}: {error}"
                if self.lacking.get(name) != reason:
                    log.warning("stats: the %s collector: %s (said once)", name, reason)
            if reason:
                self.lacking[name] = reason
                self.running.pop(name, None)
            else:
                self.lacking.pop(name, None)

    def _begun(self, name: str, options: Mapping[str, Any]) -> Running:
        return Running(f"{name} collector", load(name)(self._files, options))

    def _leave(self, asked: Asked | None) -> None:
        """Tell, once, what a thread was left behind with."""
        if asked is not None:
            asked.failed = f"it gave no answer within {TIMEOUT_S:g} s"
            log.warning(
                "stats: the %s gave no answer within %g s; until it does it is left out (said once)",
                asked.name,
                TIMEOUT_S,
            )

    def _run(self, running: Running, now: float) -> dict[str, float]:
        """Run one collector; return its cost and success."""
        started = time.perf_counter()
        try:
            running.last = running.collector.sample(now)
            running.failed = ""
        except Exception as error:  # whatever it is, the other collectors go on
            running.last = {}
            self._report(running, error)
        duration_ms = round((time.perf_counter() - started) * 1000.0, 3)
        running.runs += 1
        running.spent_ms += duration_ms
        return {"duration_ms": duration_ms, "success": int(not running.failed)}

    def _report(self, running: Running, error: Exception) -> None:
        """Log a failure unless it is the same as this collector's last one."""
        reason = f"{type(error).__name__}: {error}"
        if running.failed != reason:
            running.failed = reason
            log.warning("stats: the %s failed (said once): %s", running.name, reason)
