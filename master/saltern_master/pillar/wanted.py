"""Whose pillars are to be compiled: each once, those of devices behind all others, as theirs may hang on a host's."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable


class Wanted:
    """What waits to be compiled, and who waits for it."""

    def __init__(self, is_device: Callable[[str], bool]) -> None:
        self._is_device = is_device
        self._queue: deque[str] = deque()
        self._devices: deque[str] = deque()
        self._waiting: dict[str, asyncio.Future[None] | None] = {}
        """What tells those who wait for a pillar, if anybody does."""
        self._at_work: list[str] = []
        self._work = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def want(self, minions: Iterable[str]) -> None:
        """Have pillars compiled when there is time."""
        for minion_id in minions:
            if minion_id not in self._waiting:
                self._waiting[minion_id] = None
                (self._devices if self._is_device(minion_id) else self._queue).append(minion_id)
        self._work.set()

    async def now(self, minion_id: str) -> None:
        """Have a minion's pillar compiled before those that nobody waits for, and wait until it is."""
        future = self._waiting.get(minion_id)
        if future is None:
            future = self._waiting[minion_id] = asyncio.get_running_loop().create_future()
            self._queue.appendleft(minion_id)
            self._work.set()
        await asyncio.shield(future)

    @contextlib.asynccontextmanager
    async def next(self) -> AsyncIterator[str]:
        """Wait for the next minion whose pillar is wanted; it is there for all who wait when the block ends."""
        while True:
            while not (self._queue or self._devices):
                self._work.clear()
                await self._work.wait()
            minion_id = (self._queue or self._devices).popleft()
            if minion_id in self._waiting:
                break  # else it came before its turn
        future = self._waiting.pop(minion_id)
        self._at_work.append(minion_id)
        try:
            yield minion_id
        finally:
            self._at_work.remove(minion_id)
            if future is not None and not future.done():
                future.set_result(None)

    def more(self, minion_id: str) -> bool:
        """Return whether any but *minion_id* waits, or is being compiled, that is no device."""
        return bool(self._queue) or any(one != minion_id and not self._is_device(one) for one in self._at_work)
