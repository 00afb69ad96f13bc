"""The master's events for those who listen over HTTP: one connection to the master for each token and what is asked of
it, however many listen.

Each event is formatted once, for all of its listeners; what comes within a moment goes out together. A listener who
reads too slowly loses events, is told so by one, ``salt/events/lost``, and it is counted.

A listener who was here before says after which event he goes on. What is kept of the token's last events answers him;
where that doesn't reach back far enough, a second connection replays the rest from the master, until it has come to
what the first one brings.

A master that goes away is waited for: who listens goes on behind the last event, and is told that some
can't be had any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple, NoReturn, TypeVar

from saltern.errors import Busy, ChannelError, NotAuthorised, SalternError
from saltern_api.counters import Counters
from saltern_api.event_filter import EVERYTHING, EventFilter
from saltern_api.event_listener import ANEW, NOTHING, Batch, Listener, batch_of, behind
from saltern_api.event_source import EventSource, Received, open_source

TICK_S, MAX_TICK_S, TICK_OF_A_LISTENER_S = 0.02, 0.2, 0.0005
"""Events that come within this time after others are sent together; longer for more listeners: each is woken once."""
HELD_S = 0.1
"""How long what a job gave waits: who began the job is to have its id before that, on another connection."""
MAX_KEPT_BYTES = 1 << 20
"""Of the last events of one token and filter."""
MAX_FILTERS_OF_ONE = 64
"""Of one principal: the master holds all events against each, and a page of the console has one."""
OVERLAP_S = 5.0
"""How long a replay may lag behind the live events before it is given up."""
AGAIN_MIN_S, AGAIN_MAX_S = 0.1, 2.0
"""So often a master that went away is looked for."""


class Asked(NamedTuple):
    """Who listens, and to what: alike for all who share an upstream."""

    token: str
    wanted: EventFilter


class Upstream:
    """One connection to the master, and who listens to it."""

    def __init__(
        self, source: EventSource, counters: Counters, reopen: Callable[[int], Awaitable[EventSource]]
    ) -> None:
        """*reopen* returns another source, of what is behind a number."""
        self.source = source
        self.began_after = source.at
        self.last = source.at
        self._reopen = reopen
        self.listeners: set[Listener] = set()
        self.ended = False
        self._counters = counters
        self._kept: deque[Received] = deque()
        self._kept_bytes = 0
        self._forgotten = source.at
        """The number of the last event that isn't kept."""
        self._held: deque[list[Received]] = deque()
        self._due = 0.0
        """When the last of them go out."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while True:
                events = await self.source.receive()
                if not events:
                    if self.source.ended or not await self._comes_back():
                        break
                    continue
                self._counters.add("events", len(events))
                self._hand_on_in_time(events)
                await asyncio.sleep(min(MAX_TICK_S, max(TICK_S, TICK_OF_A_LISTENER_S * len(self.listeners))))
        finally:
            self.ended = True
            self.source.close()
            while self._held:
                self._hand_on_held()
            for listener in self.listeners:
                listener.end()

    async def _comes_back(self) -> bool:
        """Wait for the master, and connect to it again; return whether the token is good there still."""
        self.source.close()
        wait_s = AGAIN_MIN_S
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, AGAIN_MAX_S)
            try:
                self.source = await self._reopen(self._due_last())
            except NotAuthorised:
                return False
            except SalternError:
                continue
            while self._held:
                self._hand_on_held()
            self._kept.clear()  # the numbers of a master whose clock was set back begin before these
            self._kept_bytes, self._forgotten = 0, self.last
            for listener in self.listeners:
                listener.begin_anew()
            return True

    def _due_last(self) -> int:
        """Return the number of the last event that came, those that are held among them."""
        numbers = [event.number for events in self._held for event in events if event.number is not None]
        return max(numbers, default=self.last)

    def _hand_on_in_time(self, events: list[Received]) -> None:
        """Hand on *events*, none before another: what a job gave a moment later."""
        now = time.monotonic()
        self._due = max(self._due, now + HELD_S if any(event.returned for event in events) else now)
        if self._held or self._due > now:
            self._held.append(events)
            asyncio.get_running_loop().call_later(self._due - now, self._hand_on_held)
        else:
            self._hand_on(events)

    def _hand_on_held(self) -> None:
        if self._held:
            self._hand_on(self._held.popleft())

    def _hand_on(self, events: list[Received]) -> None:
        for event in events:
            self._keep(event)
        batch = batch_of(*events)
        for listener in self.listeners:
            listener.offer(batch)

    def _keep(self, event: Received) -> None:
        if event.number is not None:
            self.last = event.number
        self._kept.append(event)
        self._kept_bytes += len(event.sse)
        while self._kept_bytes > MAX_KEPT_BYTES:
            gone = self._kept.popleft()
            self._kept_bytes -= len(gone.sse)
            if gone.number is not None:
                self._forgotten = gone.number

    def since(self, after: int) -> list[Received] | None:
        """Return what is kept of the events behind number *after*, ``None`` when some aren't."""
        if after < self._forgotten or after > self.last:
            return None
        return [event for event in self._kept if event.number is not None and event.number > after]

    def end(self) -> None:
        """Have everybody who listens come to the end."""
        self.close()
        for listener in self.listeners:
            listener.end()

    def close(self) -> None:
        """Let go of the master."""
        self._task.cancel()
        self.source.close()


class EventFeed:
    """All upstreams of the master in *sock_dir*, one for each token and filter; for one event loop."""

    def __init__(self, sock_dir: str, counters: Counters, most: int, most_of_one: int) -> None:
        """*most*: streams of all; *most_of_one*: of a token, and of a principal with several."""
        self._sock_dir = sock_dir
        self._counters = counters
        self._most = most
        self._most_of_one = most_of_one
        self._upstreams: dict[Asked, Upstream] = {}
        self._opening: dict[Asked, asyncio.Task[Upstream]] = {}
        self._of: Counter[str] = Counter()
        self._wanting: Counter[Asked] = Counter()
        """Who listens, or waits to: by token, and by what is asked."""

    @property
    def streams(self) -> int:
        """Return how many listen."""
        return self._of.total()

    @contextlib.asynccontextmanager
    async def listen(
        self, token: str, address: str, after: int | None = None, wanted: EventFilter = EVERYTHING
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        """Give batches of *wanted* events for *token*, an empty one now and then; *after*: the last that was seen.

        Raises ``NotAuthorised``, ``Busy``, ``ChannelError``.
        """
        if self.streams >= self._most or self._of[token] >= self._most_of_one:
            self._refuse()
        asked = Asked(token, wanted)
        self._of[token] += 1
        self._wanting[asked] += 1
        listener = Listener(self._counters)
        upstream: Upstream | None = None
        try:
            upstream = await self._upstream(asked, address)
            if self._of_principal(upstream.source.principal) >= self._most_of_one:
                self._refuse()
            if not upstream.listeners and wanted.tags and self._filters_of(upstream) >= MAX_FILTERS_OF_ONE:
                self._refuse("with filters of their own ")
            upstream.listeners.add(listener)
            if upstream.ended:
                listener.end()
            yield self._batches(upstream, listener, asked, address, after)
        finally:
            _one_less(self._of, token)
            _one_less(self._wanting, asked)
            if upstream is not None:
                upstream.listeners.discard(listener)
                if not upstream.listeners:
                    upstream.close()
                    if self._upstreams.get(asked) is upstream:
                        del self._upstreams[asked]

    def _of_principal(self, principal: str) -> int:
        return sum(
            len(one.listeners) for one in self._upstreams.values() if principal and one.source.principal == principal
        )

    def _filters_of(self, upstream: Upstream) -> int:
        """Return how many others of the same principal have a filter, and somebody who listens."""
        principal = upstream.source.principal
        return sum(
            one.source.principal == principal and bool(asked.wanted.tags and one.listeners)
            for asked, one in self._upstreams.items()
        )

    def _refuse(self, which: str = "") -> NoReturn:
        self._counters.add("streamsRefused")
        raise Busy(f"too many streams of events {which}are open: close some, or try again")

    async def _upstream(self, asked: Asked, address: str) -> Upstream:
        found = self._upstreams.get(asked)
        if found is not None and not found.ended:
            return found
        opening = self._opening.get(asked)
        if opening is None:
            opening = asyncio.create_task(self._open(asked, address))
            self._opening[asked] = opening
            opening.add_done_callback(lambda task: self._opened(asked, task))
        return await asyncio.shield(opening)

    def _opened(self, asked: Asked, task: asyncio.Task[Upstream]) -> None:
        self._opening.pop(asked, None)
        if task.cancelled() or task.exception() is not None:
            return  # those who wait are told
        if asked not in self._wanting:  # nobody waits any more
            self._upstreams.pop(asked, None)
            task.result().close()

    async def _open(self, asked: Asked, address: str) -> Upstream:
        async def reopen(after: int | None) -> EventSource:
            return await open_source(self._sock_dir, asked.token, address, after, asked.wanted)

        upstream = Upstream(await reopen(None), self._counters, reopen)
        self._upstreams[asked] = upstream
        return upstream

    def end(self) -> None:
        """Have every stream come to its end: this program stops."""
        for upstream in self._upstreams.values():
            upstream.end()

    async def _batches(
        self, upstream: Upstream, listener: Listener, asked: Asked, address: str, after: int | None
    ) -> AsyncIterator[Batch]:
        seen = -1
        if after is not None:
            kept = upstream.since(after)
            if kept is not None:
                seen = upstream.last
                if kept:
                    yield batch_of(*kept)
            else:
                async for batch in self._replayed(upstream, listener, asked, address, after):
                    seen = max((event.number or -1 for event in batch.events), default=seen)
                    yield batch
        while True:
            queued = await listener.next(KEEP_ALIVE_S)
            if queued is None:
                if listener.ended:
                    return
                yield NOTHING
            elif queued is ANEW:
                seen = -1
            elif fresh := behind(queued, seen):
                yield fresh

    async def _replayed(
        self, upstream: Upstream, listener: Listener, asked: Asked, address: str, after: int
    ) -> AsyncIterator[Batch]:
        """Yield what the master has behind *after*, until it comes to what *upstream* brings."""
        until = upstream.last
        with contextlib.suppress(ChannelError):  # what isn't there any more can't be told; the rest goes on
            source = await open_source(self._sock_dir, asked.token, address, after, asked.wanted)
            try:
                lagging: float | None = None
                while not listener.ended:
                    try:
                        async with asyncio.timeout(OVERLAP_S):
                            events = await source.receive()
                    except TimeoutError:
                        now = time.monotonic()
                        lagging = (lagging or now) if upstream.last > until else None
                        if lagging is not None and now - lagging >= OVERLAP_S:
                            return
                        yield NOTHING
                        continue
                    if not events:
                        return
                    yield batch_of(*events)
                    if any(event.number is not None and event.number > until for event in events):
                        return
            finally:
                source.close()


KEEP_ALIVE_S = 15.0


Key = TypeVar("Key")


def _one_less(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
