"""Who may be worked for now: threads and bytes are few, and each caller has a share of them.

A request waits in the queue of its caller for a place; callers take turns. Who has too many waiting, or waits too long,
is told to try again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from saltern.errors import Busy

WAITS_S = 10.0
MAX_WAITING = 256
"""Requests of one caller that wait."""


class Places:
    """*most* places, of which one caller has at most *share*. For one event loop."""

    def __init__(self, most: int, share: int, waits_s: float = WAITS_S, max_waiting: int = MAX_WAITING) -> None:
        self._most = most
        self._share = share
        self._waits_s = waits_s
        self._max_waiting = max_waiting
        self._taken = 0
        self._of: dict[str, int] = {}
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def taken(self) -> int:
        """Return how many places are taken."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Return how many requests wait for one."""
        return sum(map(len, self._queues.values()))

    async def take(self, caller: str) -> None:
        """Take a place for *caller*, to be left again. Raises ``Busy``."""
        queue = self._queues.get(caller)
        if not queue and self._fits(caller):
            self._hold(caller)
            return
        if queue and len(queue) >= self._max_waiting:
            raise Busy(f"{len(queue)} of your requests are waiting already: try again")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(turn)
        try:
            async with asyncio.timeout(self._waits_s):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave(caller)  # it was given the moment that nobody wanted it any more
            self._forget(caller, turn)
            if isinstance(error, TimeoutError):
                raise Busy(f"no thread was free for {self._waits_s:g} s: try again") from None
            raise

    def _fits(self, caller: str) -> bool:
        return self._taken < self._most and self._of.get(caller, 0) < self._share

    def _hold(self, caller: str) -> None:
        self._taken += 1
        self._of[caller] = self._of.get(caller, 0) + 1

    def leave(self, caller: str) -> None:
        """Give back a place that was taken for *caller*."""
        self._taken -= 1
        self._of[caller] -= 1
        if not self._of[caller]:
            del self._of[caller]
        self._give()

    def _give(self) -> None:
        """Give free places away, a caller after the other."""
        for caller in list(self._queues):
            if self._taken >= self._most:
                return
            queue = self._queues[caller]
            while queue and queue[0].done():
                queue.popleft()
            if queue and self._fits(caller):
                self._hold(caller)
                queue.popleft().set_result(None)
                self._queues.move_to_end(caller)
            if not queue:
                del self._queues[caller]

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller)
        if queue is not None:
            if turn in queue:
                queue.remove(turn)
            if not queue:
                del self._queues[caller]


class Bytes:
    """Bytes of requests on their way in: *most* of all, *share* of one caller."""

    def __init__(self, most: int, share: int) -> None:
        self._most = most
        self._share = share
        self._all = 0
        self._of: dict[str, int] = {}

    @asynccontextmanager
    async def held(self, caller: str, count: int) -> AsyncIterator[None]:
        """Hold *count* bytes for *caller*. Raises ``Busy``."""
        if self._all + count > self._most or self._of.get(caller, 0) + count > self._share:
            raise Busy("too many bytes of requests are on their way in: try again")
        self._all += count
        self._of[caller] = self._of.get(caller, 0) + count
        try:
            yield
        finally:
            self._all -= count
            self._of[caller] -= count
            if not self._of[caller]:
                del self._of[caller]
