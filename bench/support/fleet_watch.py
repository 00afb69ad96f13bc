"""Watching a fleet, its store and what is between them while they work: a line every half minute."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.fleet_check import LagProbe
from support.fleet_plan import FleetPlan
from support.fleet_senders import Senders
from support.fleet_store import FleetStore
from support.measure import tree
from support.report import say
from support.usage import Look, Usage

LOOK_EVERY_S = 5.0
TELL_EVERY_S = 30.0
MB = 1e6


class Watch:
    """Looks at the usage of all processes and at the lag, and keeps what it saw."""

    def __init__(
        self,
        store: FleetStore,
        senders: Senders,
        plan: FleetPlan,
        probe: LagProbe,
        between: Mapping[str, int],
        root: Path,
    ) -> None:
        """*between*: the main processes of programs by name; *root* is on the disk that is looked at."""
        self._store = store
        self._senders = senders
        self._plan = plan
        self.probe = probe
        groups = {
            "senders": senders.processes,
            **{name: (lambda pid=pid: tree(pid)) for name, pid in between.items()},
            "store": lambda: store.processes()[:1],
            "writers": lambda: store.processes()[1:],
        }
        self.usage = Usage(groups, root)
        self.progress = senders.progress()
        self.most_pss = 0.0
        self.files = 0
        self._told = self.usage.look()

    @property
    def acknowledged(self) -> int:
        """Frames that were acknowledged."""
        return self.progress.acknowledged

    def until(self, end: float, drain_s: float) -> None:
        """Watch until the epoch time *end*, and until everything is stored, *drain_s* seconds longer at most."""
        tell_at = time.time() + TELL_EVERY_S
        drained = False
        while not drained and time.time() < end + drain_s:
            time.sleep(LOOK_EVERY_S)
            self.progress = self._senders.progress()
            look = self.usage.look()
            lag = self._lag()
            if time.time() >= tell_at:
                tell_at += TELL_EVERY_S
                self._tell(look, lag)
            drained = self.progress.done and self._all_read()
        self._tell(self.usage.look(), self._lag())
        if not drained:
            say("not everything was stored in time: what is missing is counted below")

    def _lag(self) -> float | None:
        try:
            return self.probe.look()
        except OSError as error:
            say(f"no answer: {error}")
            return None

    def _all_read(self) -> bool:
        try:
            return self.probe.all_read()
        except OSError:
            return False

    def _tell(self, look: Look, lag: float | None) -> None:
        try:
            health = self._store.health()
        except OSError as error:
            say(f"no health: {error}")
            health = {}
        pss = self.usage.pss()
        self.most_pss = max(self.most_pss, pss["store"] + pss["writers"])
        before, self._told = self._told, look
        seconds = max(1e-9, look.at - before.at)
        shares = {name: (look.cpu[name] - before.cpu[name]) / seconds for name in look.cpu}
        written = {name: (look.written[name] - before.written[name]) / seconds / MB for name in look.written}
        device = (look.device_bytes - before.device_bytes) / seconds / MB
        used = "; ".join(
            f"{name} {shares[name]:.0%} cpu, {look.rss[name]:.0f} MiB (PSS {pss[name]:.0f}), {written[name]:.1f} MB/s"
            for name in look.cpu
        )
        lagging = "?" if lag is None else f"{lag:.1f} s"
        others = f"other programs {self.usage.others_cores(before):.0%} cpu"
        say(f"{self._points(health)}; lag {lagging}; {used}; {others}; disk {device:.1f} MB/s")

    def _points(self, health: Mapping[str, Any]) -> str:
        count, progress = self._plan.count, self.progress
        totals, cache = health.get("totals", {}), health.get("cache", {})
        self.files = int(totals.get("creates", self.files))
        late = f", sent {progress.late_s:.1f} s late" if progress.late_s > 1 else ""
        return (
            f"points: sent {progress.sent * count:,}, acknowledged {progress.acknowledged * count:,}"
            f" (behind {progress.behind_s:.1f} s{late}), received {int(totals.get('metricsReceived', 0)):,}"
            f", in files {int(totals.get('committedPoints', 0)):,}, cached {cache.get('points', 0):,}"
            f" of {cache.get('metrics', 0):,} metrics, oldest {cache.get('oldest_s', 0):.0f} s"
            f"; log {health.get('log', {}).get('bytes', 0) / MB:.0f} MB; files made {self.files:,}"
            f"{'; refused ' + str(progress.refused) if progress.refused else ''}"
        )
