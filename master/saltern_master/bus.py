"""The event bus: tagged dicts, every subscriber with a bounded queue of its own.

Publishing never waits. A subscriber that does not keep up loses its oldest events, by number and by bytes, and the
loss is counted on it and on the bus, and told to it where the events would have been: a slow or dead one costs the
others nothing. Who follows from elsewhere has its events packed in its queue, so that their bytes are what they cost.

Where an event is from is the master's word: ``from`` in its data is ``master``, ``minion:<id>`` or ``user:<name>``,
and ``_stamp`` is the master's time, whatever the sender put there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from saltern.wire import pack_text, pack_value, with_fields

MASTER = "master"
MAX_QUEUE_BYTES = 8 * 1024 * 1024
LOST = "salt/events/lost"
"""The event by which a subscriber is told how many ``events`` it lost, and their ``bytes``; nobody publishes it."""
USUAL_BYTES = 512
KEPT_EVENTS, KEPT_BYTES = 10_000, 4 * 1024 * 1024
"""Events that are kept for who comes back and says which he saw last."""
TURN_EVENTS, TURN_BYTES = 500, 1024 * 1024
"""What is packed for somebody before others have the loop."""
ADDED = ("id", "cmd", "user", "ts", "from", "_stamp")
"""Fields of an event that the master adds to what a minion sent."""


class Event:
    """One event; shared between subscribers, so never changed. *size* is about what it takes in bytes.

    *number* counts up, over restarts too; 0: it isn't one that was published.
    """

    __slots__ = ("__weakref__", "_from", "_packed", "data", "number", "size", "tag")

    def __init__(
        self, tag: str, data: dict[str, Any], size: int = USUAL_BYTES, packed_part: bytes | None = None, number: int = 0
    ) -> None:
        """*packed_part*: the bytes of the first fields of *data*, where they are at hand."""
        self.number = number
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
                self._packed = b"\x82\xa3tag" + pack_text(self.tag) + b"\xa4data" + with_fields(self._from, added)
                self._from = None
        return self._packed

    def numbered(self) -> bytes:
        """Return ``packed`` with the event's ``id`` too, where it has one: it says where a reader goes on from."""
        if not self.number:
            return self.packed()
        return b"\x83\xa2id" + pack_value(self.number) + self.packed()[1:]


Item = TypeVar("Item")


class Queue(Generic[Item]):
    """What waits for one reader, in order, with its bytes; whoever fills it sees to its bounds."""

    def __init__(self) -> None:
        self._items: deque[tuple[Item, int]] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, size: int) -> None:
        """Add an item of *size* bytes."""
        self._items.append((item, size))
        self.bytes += size

    def drop(self) -> int:
        """Drop the oldest; return its bytes."""
        size = self._items.popleft()[1]
        self.bytes -= size
        return size

    def turn(self) -> list[Item]:
        """Take a turn's worth from the front."""
        taken: list[Item] = []
        left = self.bytes - TURN_BYTES
        while self._items and len(taken) < TURN_EVENTS and (self.bytes > left or not taken):
            item, size = self._items.popleft()
            self.bytes -= size
            taken.append(item)
        return taken


class Subscriber(Generic[Item]):
    """A bounded queue of what *form* makes of events whose tags start with *prefix*; ``None`` for one to pass over."""

    def __init__(
        self,
        prefix: str,
        limit: int,
        max_bytes: int,
        form: Callable[[Event], Item | None],
        unsubscribe: Callable[[Subscriber[Any]], None],
    ) -> None:
        self.prefix = prefix
        self.dropped = 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._form = form
        self._queue: Queue[Item] = Queue()
        self._untold = [0, 0]  # events, bytes
        self._wake = asyncio.Event()
        self._unsubscribe = unsubscribe

    def put(self, event: Event) -> int:
        """Queue *event*; return how many events were dropped for it."""
        item = self._form(event)
        if item is None:
            return 0
        queue = self._queue
        queue.put(item, len(item) if isinstance(item, bytes) else event.size)
        lost = 0
        while len(queue) > 1 and (len(queue) > self._limit or queue.bytes > self._max_bytes):
            self._untold[1] += queue.drop()
            lost += 1
        self._untold[0] += lost
        self.dropped += lost
        self._wake.set()
        return lost

    async def batch(self) -> list[Item]:
        """Wait for events and return the first of them, as many as can be dealt with in a turn of the loop."""
        await self._wake.wait()
        items: list[Item] = []
        if self._untold[0]:
            events, size = self._untold
            self._untold = [0, 0]
            told = self._form(Event(LOST, {"events": events, "bytes": size, "from": MASTER, "_stamp": stamp()}))
            items = [] if told is None else [told]
        items += self._queue.turn()
        if not self._queue:
            self._wake.clear()
        return items

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            for item in await self.batch():
                yield item

    def close(self) -> None:
        """Leave the bus."""
        self._unsubscribe(self)


def stamp() -> str:
    """Return the time as events bear it: UTC, ISO 8601, with its offset."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class EventBus:
    """Where everything that happens is published."""

    def __init__(self, queue_length: int) -> None:
        """*queue_length*: events that a subscriber may be behind before it loses the oldest."""
        self._queue_length = queue_length
        self._subscribers: list[Subscriber[Any]] = []
        self._second = 0
        self._second_text = ""
        self._kept: deque[Event] = deque()
        self._kept_bytes = 0
        self.last = time.time_ns() // 1000
        """The number of the last event; larger than any of before the start."""
        self.published = 0
        self.dropped = 0

    def subscribe(self, prefix: str = "", wants: Callable[[Event], bool] = lambda event: True) -> Subscriber[Event]:
        """Return a new subscriber of this process to the tags that start with *prefix*, of events that it *wants*."""
        return self.follow(prefix, lambda event: event if wants(event) else None)

    def follow(
        self,
        prefix: str,
        form: Callable[[Event], Item | None],
        max_bytes: int = MAX_QUEUE_BYTES,
        after: int | None = None,
    ) -> Subscriber[Item]:
        """Return a new subscriber that gets what *form* makes of events, at once: bytes, for one who is elsewhere.

        *after*: the number of the event that it saw last: those since then come first, as far as they are kept. That
        some are not is told first, by ``LOST``.
        """
        subscriber = Subscriber(prefix, self._queue_length, max_bytes, form, self._leave)
        if after is not None and after != self.last:
            if after > self.last:  # of another run, before the clock was set back
                after = 0
            if not self._kept or after + 1 < self._kept[0].number:
                lost = {"events": None, "bytes": None, "from": MASTER, "_stamp": self._stamp()}
                subscriber.put(Event(LOST, lost, number=after))
            for event in self._kept:
                if event.number > after and event.tag.startswith(prefix):
                    self.dropped += subscriber.put(event)
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
        *packed_part*: the bytes of all fields of *data* but those in ``ADDED``, where they are at hand.
        """
        self.published += 1
        self.last += 1
        event = Event(tag, {**data, "from": origin, "_stamp": self._stamp()}, size, packed_part, self.last)
        self._keep(event)
        for subscriber in self._subscribers:
            if tag.startswith(subscriber.prefix):
                self.dropped += subscriber.put(event)
        return event

    def _keep(self, event: Event) -> None:
        self._kept.append(event)
        self._kept_bytes += event.size
        while len(self._kept) > KEPT_EVENTS or (self._kept_bytes > KEPT_BYTES and len(self._kept) > 1):
            self._kept_bytes -= self._kept.popleft().size

    def _stamp(self) -> str:
        second, microsecond = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._second_text}.{microsecond:06d}+00:00"

    def metrics(self) -> dict[str, float]:
        """Return the bus's counters."""
        return {"published": self.published, "dropped": self.dropped, "subscribers": len(self._subscribers)}

    def _leave(self, subscriber: Subscriber[Any]) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
