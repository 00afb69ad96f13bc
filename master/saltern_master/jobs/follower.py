"""One who follows a job: what becomes of it comes to him by a channel of the tracker's, which nobody else can feed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from saltern_master.bus import MAX_QUEUE_BYTES, Event, Queue

MAX_USER_QUEUE_BYTES = 1024 * 1024
"""Of one who isn't an owner: he may follow as many jobs as he has connections."""


class Follower:
    """A queue of one job's returns, in order, that ends when the job is done.

    A follower who reads too slowly loses no answer: over the bound a return is only named, as ``{"id": …, "later":
    true}``, and is there to be asked for when the job is done.
    """

    def __init__(self, jid: str, leave: Callable[[str, Follower], None], max_bytes: int = MAX_QUEUE_BYTES) -> None:
        self._jid = jid
        self._leave = leave
        self._max_bytes = max_bytes
        self._queue: Queue[bytes] = Queue()
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, event: Event) -> None:
        """Queue an event of the job."""
        packed = event.packed()
        if self._queue.bytes + len(packed) > self._max_bytes:
            packed = Event(event.tag, {"id": event.data.get("id"), "jid": self._jid, "later": True}).packed()
        self._queue.put(packed, len(packed))
        self._wake.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._wake.set()

    async def batch(self) -> list[bytes]:
        """Wait for events and return the first of them, packed; an empty list when the job is done."""
        await self._wake.wait()
        taken = self._queue.turn()
        if not (self._queue or self._ended):
            self._wake.clear()
        return taken

    def close(self) -> None:
        """Stop following."""
        self._leave(self._jid, self)
