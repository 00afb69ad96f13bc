"""The event bus: tagged dicts, every subscriber with a bounded queue of its own.

Publishing never waits. A subscriber that does not keep up loses its oldest events, by number and by bytes, and the
loss is counted on it and on the bus: a slow or dead one costs the others nothing.

Where an event is from is the master's word: ``from`` in its data is ``master``, ``minion:<id>`` or ``user:<name>``,
and ``_stamp`` is the master's time, whatever the sender put there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from saltern.wire import pack_value, with_fields

MASTER = "master"
MAX_QUEUE_BYTES = 8 * 1024 * 1024
USUAL_BYTES = 512
TURN_EVENTS, TURN_BYTES = 500, 1024 * 1024
"""What is packed for somebody before others have the loop."""
ADDED = ("id", "cmd", "from", "_stamp")
"""Fields of an event that the master adds to what a minion sent."""


class Event:
    """One event; shared between subscribers, so never changed. *size* is about what it takes in bytes."""

    __slots__ = ("_from", "_packed", "data", "size", "tag")

    def __init__(
        self, tag: str, data: dict[str, Any], size: int = USUAL_BYTES, packed_part: bytes | None = None
    ) -> None:
        """*packed_part*: the bytes of the first fields of *data*, where they are at hand."""
        self.tag = tag
        self.data = data
        self.size = size
        self._from = packed_part
        self._packed: bytes | None = None

    def packed(self) -> bytes:
        """Return ``{"tag": …, "data": …}`` as msgpack; made once for all who want it."""
        if self._packed is None:
            if self._from is None:
                self._packed = pack_value({"tag": self.tag, "data": self.data})
            else:
                added = {name: self.data[name] for name in ADDED if name in self.data}
                self._packed = b"\x82\xa3tag" + pack_value(self.tag) + b"\xa4data" + with_fields(self._from, added)
                self._from = None
        return self._packed


def first_of(events: deque[Event]) -> tuple[list[Event], int]:
    """Take a turn's worth from the front of *events*; return them, and their bytes."""
    taken: list[Event] = []
    size = 0
    while events and len(taken) < TURN_EVENTS and size < TURN_BYTES:
        taken.append(events.popleft())
        size += taken[-1].size
    return taken, size


class Subscriber:
    """A bounded queue of events whose tags start with *prefix*."""

    def __init__(self, prefix: str, limit: int, unsubscribe: Callable[[Subscriber], None]) -> None:
        self.prefix = prefix
        self.dropped = 0
        self._limit = limit
        self._events: deque[Event] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._unsubscribe = unsubscribe

    def put(self, event: Event) -> int:
        """Queue *event*; return how many events were dropped for it."""
        self._events.append(event)
        self._bytes += event.size
        lost = 0
        while len(self._events) > 1 and (len(self._events) > self._limit or self._bytes > MAX_QUEUE_BYTES):
            self._bytes -= self._events.popleft().size
            lost += 1
        self.dropped += lost
        self._wake.set()
        return lost

    async def batch(self) -> list[Event]:
        """Wait for events and return the first of them, as many as can be dealt with in a turn of the loop."""
        await self._wake.wait()
        events, taken = first_of(self._events)
        self._bytes -= taken
        if not self._events:
            self._wake.clear()
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
        self._second = 0
        self._second_text = ""
        self.published = 0
        self.dropped = 0

    def subscribe(self, prefix: str = "") -> Subscriber:
        """Return a new subscriber to the tags that start with *prefix*."""
        subscriber = Subscriber(prefix, self._queue_length, self._leave)
        self._subscribers.append(subscriber)
        return subscriber

    def publish(
        self,
        tag: str,
        data: dict[str, Any],
        origin: str = MASTER,
        size: int = USUAL_BYTES,
        packed_part: bytes | None = None,
    ) -> Event:
        """Hand an event to every subscriber that wants its tag, and return it.

        Sets ``from`` to *origin* and ``_stamp`` to now, UTC as ISO 8601. *size*: about what *data* takes in bytes.
        *packed_part*: the bytes of all fields of *data* but ``id`` and ``cmd``, where they are at hand.
        """
        self.published += 1
        event = Event(tag, {**data, "from": origin, "_stamp": self._stamp()}, size, packed_part)
        for subscriber in self._subscribers:
            if tag.startswith(subscriber.prefix):
                self.dropped += subscriber.put(event)
        return event

    def _stamp(self) -> str:
        second, microsecond = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{microsecond:06d}"

    def metrics(self) -> dict[str, float]:
        """Return the bus's counters."""
        return {"published": self.published, "dropped": self.dropped, "subscribers": len(self._subscribers)}

    def _leave(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
