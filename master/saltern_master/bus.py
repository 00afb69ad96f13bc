"""The event bus: tagged dicts, every subscriber with a bounded queue of its own.

Publishing never waits. A subscriber that does not keep up loses its oldest events, and the loss is counted on it
and on the bus: a slow or dead one costs the others nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One event: its tag and its data; shared between subscribers, so never changed."""

    tag: str
    data: dict[str, Any]


class Subscriber:
    """A bounded queue of events whose tags start with *prefix*."""

    def __init__(self, prefix: str, limit: int, unsubscribe: Callable[[Subscriber], None]) -> None:
        self.prefix = prefix
        self.dropped = 0
        self._limit = limit
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._unsubscribe = unsubscribe

    def put(self, event: Event) -> int:
        """Queue *event*; return how many events were dropped for it."""
        lost = 0
        if len(self._events) >= self._limit:
            self._events.popleft()
            self.dropped += 1
            lost = 1
        self._events.append(event)
        self._wake.set()
        return lost

    async def batch(self) -> list[Event]:
        """Wait for events and return all there are."""
        await self._wake.wait()
        self._wake.clear()
        events = list(self._events)
        self._events.clear()
        return events

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            for event in await self.batch():
                yield event

    def close(self) -> None:
        """Leave the bus."""
        self._unsubscribe(self)


class EventBus:
    """Where everything that happens is published."""

    def __init__(self, queue_length: int) -> None:
        """*queue_length*: events that a subscriber may be behind before it loses the oldest."""
        self._queue_length = queue_length
        self._subscribers: list[Subscriber] = []
        self.published = 0
        self.dropped = 0

    def subscribe(self, prefix: str = "") -> Subscriber:
        """Return a new subscriber to the tags that start with *prefix*."""
        subscriber = Subscriber(prefix, self._queue_length, self._leave)
        self._subscribers.append(subscriber)
        return subscriber

    def publish(self, tag: str, data: dict[str, Any]) -> None:
        """Hand an event to every subscriber that wants its tag; adds ``_stamp``, UTC as ISO 8601."""
        self.published += 1
        data.setdefault("_stamp", datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"))
        event = Event(tag, data)
        for subscriber in self._subscribers:
            if tag.startswith(subscriber.prefix):
                self.dropped += subscriber.put(event)

    def metrics(self) -> dict[str, float]:
        """Return the bus's counters."""
        return {"published": self.published, "dropped": self.dropped, "subscribers": len(self._subscribers)}

    def _leave(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
