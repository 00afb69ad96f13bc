"""The master's own metrics under ``saltern.master.*``, and each minion's account, through the same journal."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Mapping

from saltern.metric_segment import clean, owner
from saltern_master.accounting import Accounting
from saltern_master.inbox import Inbox

PREFIX = "saltern.master"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

Part = Callable[[], Mapping[str, float]]
"""Returns the counters of one part of the master by name."""


class SelfMetrics:
    """Gathers the counters of *parts* at every slot of *interval_s*, and saves the account."""

    def __init__(self, inbox: Inbox, accounting: Accounting, parts: Mapping[str, Part], interval_s: float) -> None:
        self._inbox = inbox
        self._accounting = accounting
        self._parts = {"process": self._process, **parts}
        self._interval_s = interval_s
        self._lag_s = 0.0

    async def run(self) -> None:
        """Work until cancelled; the first sample is taken at once."""
        while True:
            now = time.time()
            slot = int(now // self._interval_s * self._interval_s)
            self._inbox.put_points(self.sample(now), slot)
            self._accounting.save()
            wake_at = slot + self._interval_s
            await asyncio.sleep(max(0.01, wake_at - time.time()))
            self._lag_s = max(0.0, time.time() - wake_at)

    def sample(self, now: float) -> dict[str, float]:
        """Return all the master's metrics by full name, and each minion's account."""
        values = {
            f"{PREFIX}.{part}.{name}": float(value)
            for part, counters in self._parts.items()
            for name, value in counters().items()
        }
        for minion_id, schedule, numbers in self._accounting.rows(now):
            prefix = f"saltern.{owner(minion_id)}.schedule.{clean(schedule)}"
            values.update((f"{prefix}.{name}", float(value)) for name, value in numbers.items())
        return values

    def _process(self) -> dict[str, float]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "rss_bytes": _rss_bytes(),
            "loop_lag_ms": self._lag_s * 1000,
        }


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * PAGE_BYTES
