"""The master's own metrics under ``saltern.master.*``, and each minion's account, through the same journal."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping

from saltern_master.accounting import Accounting
from saltern_master.graphite.names import clean, owner
from saltern_master.inbox import Inbox
from saltern_master.timed_loop import TimedLoop

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
            for values in self.sample(now):
                self._inbox.put_points(values, slot)
                await asyncio.sleep(0)  # a fleet's account is long: others have their turns in between
            await self._accounting.save_in_turns()
            wake_at = slot + self._interval_s
            await asyncio.sleep(max(0.01, wake_at - time.time()))
            self._lag_s = max(0.0, time.time() - wake_at)

    def sample(self, now: float) -> Iterator[dict[str, float]]:
        """Yield the master's metrics by full name, then the minions' accounts, some hundred numbers at a time."""
        yield {
            f"{PREFIX}.{part}.{name}": float(value)
            for part, counters in self._parts.items()
            for name, value in counters().items()
        }
        for rows in self._accounting.rows_by_turns(now):
            values: dict[str, float] = {}
            for minion_id, schedule, numbers in rows:
                prefix = f"saltern.{owner(minion_id)}.schedule.{clean(schedule)}"
                values.update((f"{prefix}.{name}", float(value)) for name, value in numbers.items())
            yield values

    def _process(self) -> dict[str, float]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        numbers = {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "rss_bytes": _rss_bytes(),
            "loop_lag_ms": self._lag_s * 1000,
        }
        loop = asyncio.get_running_loop()
        if isinstance(loop, TimedLoop):
            numbers["loop_stall_ms"] = loop.longest_stall_s() * 1000
        return numbers


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as stream:
        return int(stream.read().split()[1]) * PAGE_BYTES
