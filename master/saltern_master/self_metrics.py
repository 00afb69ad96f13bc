"""The master's own metrics under ``saltern.master.*``, and each minion's account, through the same journal."""

from __future__ import annotations

import asyncio
import os
import resource
import time

from saltern.metric_segment import clean, owner
from saltern_master.accounting import Accounting
from saltern_master.inbox import Inbox
from saltern_master.parts import Counters

PREFIX = "saltern.master"
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class SelfMetrics:
    """Gathers the counters of *counters* at every slot of *interval_s*, and saves the account."""

    def __init__(self, inbox: Inbox, accounting: Accounting, counters: Counters, interval_s: float) -> None:
        self._inbox = inbox
        self._accounting = accounting
        self._counters = counters
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
            for part, counting in [*self._counters.items(), ("process", (self,))]
            for one in counting
            if one is not None
            for name, value in one.metrics().items()
        }
        for minion_id, schedule, numbers in self._accounting.rows(now):
            prefix = f"saltern.{owner(minion_id)}.schedule.{clean(schedule)}"
            values.update((f"{prefix}.{name}", float(value)) for name, value in numbers.items())
        return values

    def metrics(self) -> dict[str, float]:
        """Return figures of the process."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "rss_bytes": _rss_bytes(),
            "loop_lag_ms": self._lag_s * 1000,
        }


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * PAGE_BYTES
