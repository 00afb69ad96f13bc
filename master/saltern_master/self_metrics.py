"""The master's own metrics under ``saltern.master.*``, each minion's account and skew, through the same journal."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from saltern.metric_segment import clean, owner
from saltern_master.account.keeper import AccountKeeper
from saltern_master.clocks import Clocks
from saltern_master.inbox import Inbox
from saltern_master.parts import Counters
from saltern_master.shipping.names import ACCOUNTS, ROOT
from saltern_master.timed_loop import TimedLoop

PREFIX = f"{ROOT}.master"
SKEW = "clock.skew_ms"
"""Below a minion's name: how far its clock is ahead of the master's."""
SKEWS_A_TURN = 500
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class SelfMetrics:
    """Gathers the counters of *counters*, the account, and what *more* tell by name, at every slot of *interval_s*."""

    def __init__(
        self,
        inbox: Inbox,
        account_keeper: AccountKeeper,
        clocks: Clocks,
        counters: Counters,
        interval_s: float,
        more: Sequence[Callable[[float], Iterator[dict[str, float]]]] = (),
    ) -> None:
        self._inbox = inbox
        self._account_keeper = account_keeper
        self._counters = counters
        self._interval_s = interval_s
        self._clocks = clocks
        self._more = more
        self._lag_s = 0.0

    async def run(self) -> None:
        """Work until cancelled; the first sample is taken at once."""
        loop = asyncio.get_running_loop()
        while True:
            await self._account_keeper.catch_up()
            now = time.time()
            slot = int(now // self._interval_s * self._interval_s)
            for values in self.sample(now):
                self._inbox.put_points(values, slot)
                await asyncio.sleep(0)  # a fleet's account is long: others have their turns in between
            wait_s = min(slot + self._interval_s - time.time(), self._interval_s)  # more when it was set back meanwhile
            wake_at = loop.time() + max(0.01, wait_s)
            await asyncio.sleep(wake_at - loop.time())
            self._lag_s = max(0.0, loop.time() - wake_at)

    def sample(self, now: float) -> Iterator[dict[str, float]]:
        """Yield the master's metrics by full name, then the minions' accounts, some hundred numbers at a time."""
        yield {
            f"{PREFIX}.{part}.{name}": float(value)
            for part, counting in [*self._counters.items(), ("process", (self,))]
            for one in counting
            if one is not None
            for name, value in one.metrics().items()
        }
        for rows in self._account_keeper.accounting.rows_by_turns(now):
            values: dict[str, float] = {}
            for minion_id, schedule, numbers in rows:
                prefix = f"{ROOT}.{owner(minion_id)}.{ACCOUNTS}.{clean(schedule)}"
                values.update((f"{prefix}.{name}", float(value)) for name, value in numbers.items())
            yield values
        skews_s = self._clocks.skews_s()
        while some := list(islice(skews_s, SKEWS_A_TURN)):
            yield {f"{ROOT}.{owner(minion_id)}.{SKEW}": skew_s * 1000 for minion_id, skew_s in some}
        for points in self._more:
            yield from points(now)

    def metrics(self) -> dict[str, float]:
        """Return figures of the process."""
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
