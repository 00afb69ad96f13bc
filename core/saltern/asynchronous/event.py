"""``MasterEvent`` for programs of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from saltern.asynchronous.threaded import R, Threaded
from saltern.event import DEFAULT_WAIT_S, MasterEvent


class AsyncMasterEvent(Threaded[MasterEvent]):
    """One subscription to the event bus of the master whose sockets are in *sock_dir*; usable in ``async with``.

    When a call is cancelled the subscription ends, and the next call begins a new one: what came between is not seen.
    """

    def __init__(self, sock_dir: str) -> None:
        self._events = MasterEvent(sock_dir)
        self._ending: set[asyncio.Future[Any]] = set()
        self._under_way = 0
        super().__init__(lambda: self._events, 2)  # one that waits, one that fires

    async def run(self, client: MasterEvent, call: Callable[[], R]) -> R:
        """Return what *call* returns; it begins when calls that were cancelled have ended, for all share one stream."""
        while self._ending:
            await asyncio.wait(self._ending)
        client.resume()
        self._under_way += 1
        try:
            return await super().run(client, call)
        finally:
            self._under_way -= 1

    def end(self, client: MasterEvent, running: asyncio.Future[Any]) -> None:
        """End *running*, and the subscription."""
        self._ending.add(running)
        running.add_done_callback(self._ending.discard)
        client.interrupt()

    async def subscribe(self, tag: str = "") -> None:
        """Begin to receive events. Raises ``MasterNotRunning``, ``ChannelError``."""
        await self.run(self._events, lambda: self._events.subscribe(tag))

    async def get_event(
        self, wait: float | None = DEFAULT_WAIT_S, tag: str = "", full: bool = False, match_type: str | None = None
    ) -> dict[str, Any] | None:
        """Return the next event whose tag matches, or ``None`` after *wait* seconds; see ``MasterEvent.get_event``."""
        return await self.run(self._events, lambda: self._events.get_event(wait, tag, full=full, match_type=match_type))

    async def iter_events(
        self, tag: str = "", full: bool = False, match_type: str | None = None, wait: float | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield events as they come, for ever, or until none came for *wait* seconds."""
        while (event := await self.get_event(wait, tag, full, match_type)) is not None:
            yield event

    async def fire_event(self, data: dict[str, Any], tag: str) -> bool:
        """Put an event on the bus; see ``MasterEvent.fire_event``."""
        return await self.run(self._events, lambda: self._events.fire_event(data, tag))

    def close(self) -> None:
        """Stop receiving."""
        self._events.interrupt()
        super().close()
        if not self._under_way and not self._ending:  # else a thread has the connection still
            self._events.close()
