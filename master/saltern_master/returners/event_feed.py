"""From the bus into one returner's ``salt_events``: gathered, filtered by tag, in the returner's own thread.

Events aren't in the journal. While the database is away they wait in a queue that is bounded in bytes; what is over
that, or waits when the master is killed, isn't stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from saltern.complaints import Complaints, Trouble
from saltern.errors import JournalError
from saltern_master.bus import Event, EventBus, Subscriber
from saltern_master.returners.returner import Returner
from saltern_master.returners.rows import EventRow
from saltern_master.sql.worker import Worker

log = logging.getLogger(__name__)

RETRY_S = 5.0
AT_THE_END_S = 1.0
MAX_GATHERED = 10_000


class Filter:
    """Which tags are wanted: those that any of *whitelist* matches, all when it is empty, but those of *blacklist*."""

    def __init__(self, whitelist: Sequence[str], blacklist: Sequence[str]) -> None:
        self._wanted = _pattern(whitelist)
        self._unwanted = _pattern(blacklist)

    def __call__(self, event: Event) -> bool:
        """Return whether the event is wanted."""
        if self._wanted is not None and not self._wanted.match(event.tag):
            return False
        return self._unwanted is None or not self._unwanted.match(event.tag)


def _pattern(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(fnmatch.translate(glob) for glob in globs)) if globs else None


class Gathering(NamedTuple):
    """How many events wait for one another before they are written, and for how long the first of them does."""

    events: int = 0
    seconds: float = 0.0


class EventFeed:
    """Feeds the events that *wanted* lets pass to *returner*, called *name*."""

    def __init__(
        self,
        name: str,
        returner: Returner,
        worker: Worker,
        bus: EventBus,
        wanted: Filter,
        gathering: Gathering = Gathering(),  # noqa: B008  # never changed
    ) -> None:
        """Subscribe; the returner's feeder sees to it that its database is open."""
        self._name = name
        self._returner = returner
        self._worker = worker
        self._subscriber: Subscriber[Event] = bus.subscribe("", wanted)
        self._gathering = gathering
        self._trouble = Trouble(log)
        self._refusals = Complaints(log)
        self._number = 0
        self.stored = self.refused = 0

    def metrics(self) -> dict[str, float]:
        """Return the counters."""
        return {
            "events": self.stored,
            "events_dropped": self._subscriber.dropped,
            "events_refused": self.refused,
            "event_failures": self._trouble.count,
        }

    async def run(self) -> None:
        """Work until cancelled; what was gathered by then is written if that can be done at once."""
        rows: list[EventRow] = []
        try:
            while True:
                await self._gather(rows)
                await self._store(rows)
                rows.clear()
        finally:
            if rows and not self._trouble.why:
                with contextlib.suppress(Exception):
                    self._number += 1
                    call = partial(self._returner.put_events, list(rows), self._number)
                    await asyncio.wait_for(self._worker.run(call), AT_THE_END_S)

    async def _gather(self, rows: list[EventRow]) -> None:
        """Add to *rows* what is there, and wait for more as the options say."""
        at_most, within_s = self._gathering
        rows += map(_row, await self._subscriber.batch())
        ends = asyncio.get_running_loop().time() + within_s if within_s else None
        with contextlib.suppress(TimeoutError):
            while len(rows) < min(at_most, MAX_GATHERED):
                async with asyncio.timeout_at(ends):
                    rows += map(_row, await self._subscriber.batch())

    async def _store(self, rows: Sequence[EventRow]) -> None:
        """Store *rows*, together; when that fails for what is in them, half by half, and leave out those that do."""
        self._number += 1
        call = partial(self._returner.put_events, list(rows), self._number)
        while True:
            try:
                await self._worker.run(call)
                self.stored += len(rows)
                self._trouble.over(f"returner {self._name} stores events again")
                return
            except JournalError as error:
                self._trouble.met(f"returner {self._name}: {error}: events wait, up to a bound")
                await asyncio.sleep(RETRY_S)
            except Exception as error:
                if len(rows) > 1:
                    await self._store(rows[: len(rows) // 2])
                    await self._store(rows[len(rows) // 2 :])
                    return
                self.refused += 1
                self._refusals.say(type(error).__name__, "returner %s: an event is left out: %s", self._name, error)
                return


def _row(event: Event) -> EventRow:
    at = datetime.fromisoformat(event.data["_stamp"]).replace(tzinfo=UTC)
    return EventRow(event.tag, event.data, at.timestamp())
