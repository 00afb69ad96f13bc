"""One who listens to events: what waits for him, in batches that all who listen share."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import NamedTuple

from saltern_api.counters import Counters
from saltern_api.event_source import LOST, Received

MAX_QUEUED_BYTES = 1 << 20
MAX_QUEUED_EVENTS = 10_000
"""Of one listener."""


class Batch(NamedTuple):
    """Events that go out together: as server-sent events, and as a WebSocket's texts."""

    events: tuple[Received, ...]
    sse: bytes

    @property
    def size(self) -> int:
        """Return its bytes."""
        return len(self.sse)


class Listener:
    """One who listens: iterate it for batches; it ends with the token."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._queue: deque[Batch] = deque()
        self._events = 0
        self._bytes = 0
        self._lost_events = 0
        self._lost_bytes = 0
        self._news = asyncio.Event()
        self.ended = False

    def offer(self, batch: Batch) -> None:
        """Queue *batch*, or count it as lost."""
        full = self._events + len(batch.events) > MAX_QUEUED_EVENTS or self._bytes + batch.size > MAX_QUEUED_BYTES
        if self._queue and full:
            self._lost_events += len(batch.events)
            self._lost_bytes += batch.size
            self._counters.add("eventsLost", len(batch.events))
            return
        if self._lost_events:
            self._queue.append(batch_of(self._told_lost()))
        self._queue.append(batch)
        self._events += len(batch.events)
        self._bytes += batch.size
        self._news.set()

    def begin_anew(self) -> None:
        """Say that numbers may be lower from here on."""
        self._queue.append(ANEW)
        self._news.set()

    def end(self) -> None:
        """Have it end when what is queued was read."""
        self.ended = True
        self._news.set()

    def _told_lost(self) -> Received:
        lost = Received.of(LOST, {"events": self._lost_events, "bytes": self._lost_bytes}, None)
        self._lost_events = self._lost_bytes = 0
        return lost

    async def next(self, timeout_s: float) -> Batch | None:
        """Return the next batch, ``None`` when none came in time or it has ended."""
        if not self._queue and not self.ended:
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._news.wait()
        if self._queue:
            batch = self._queue.popleft()
            self._events = max(0, self._events - len(batch.events))
            self._bytes = max(0, self._bytes - batch.size)
            return batch
        if self._lost_events:
            return batch_of(self._told_lost())
        return None


NOTHING = Batch((), b"")
"""Nothing came for a while."""
ANEW = Batch((), b"")
"""Another master's events are next."""


def batch_of(*events: Received) -> Batch:
    """Return *events* as they go out."""
    return Batch(events, b"".join(event.sse for event in events))


def behind(batch: Batch, seen: int) -> Batch | None:
    """Return what of *batch* is behind number *seen*."""
    if all(event.number is None or event.number > seen for event in batch.events):
        return batch
    rest = [event for event in batch.events if event.number is None or event.number > seen]
    return batch_of(*rest) if rest else None
