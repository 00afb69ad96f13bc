"""The engine: events of the bus in, annotations out; the bus never waits for it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable

from saltern.config import MasterOptions
from saltern.errors import ChannelError
from saltern_master.annotations.annotation import PREFIXES, Annotation, annotations_of, is_annotated
from saltern_master.annotations.places import Places
from saltern_master.annotations.poster import AnnotationFailed, AnnotationRefused, Poster, WebPoster
from saltern_master.bus import Event, EventBus, Subscriber

RETRY_MIN_S, RETRY_MAX_S = 0.5, 15.0
MAX_FAILED = 10  # attempts that the far end failed over: about two minutes, then the others have their turn
MAX_WAITING = 1_000

_log = logging.getLogger(__name__)


class AnnotationEngine:
    """Posts the events of *kinds* (``alerts``, ``jobs``, ``presence``) by *poster*, in order.

    While the far end is away up to *max_waiting* wait in memory; beyond that the oldest are dropped, and counted.
    """

    def __init__(
        self, bus: EventBus, kinds: Iterable[str], places: Places, poster: Poster, *, max_waiting: int = MAX_WAITING
    ) -> None:
        # From the start, so that no minion that comes with the master is missed.
        self._subscribers = [bus.subscribe(PREFIXES[kind], is_annotated) for kind in dict.fromkeys(kinds)]
        self._places = places
        self._poster = poster
        self._max_waiting = max_waiting
        self._waiting: deque[Annotation] = deque()
        self._current: Annotation | None = None  # on its way, perhaps for the second time
        self._wake = asyncio.Event()
        self._refusing = False
        self.connected: bool | None = None
        self.posted = 0
        self.refused = 0
        self.dropped = 0
        self.failures = 0

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for subscriber in self._subscribers:
                    tasks.create_task(self._take(subscriber))
                tasks.create_task(self._post_all())
        finally:
            if self.waiting:
                _log.warning("annotations: stopped with %d events undelivered", self.waiting)

    @property
    def waiting(self) -> int:
        """How many are not delivered yet."""
        return len(self._waiting) + (self._current is not None)

    def metrics(self) -> dict[str, float]:
        """Return the engine's counters and gauges."""
        return {
            "connected": float(self.connected is not False),
            "posted": self.posted,
            "refused": self.refused,
            "dropped": self.dropped,
            "failures": self.failures,
            "waiting": self.waiting,
        }

    async def _take(self, subscriber: Subscriber[Event]) -> None:
        seen = 0
        async for event in subscriber:
            self.dropped += subscriber.dropped - seen
            seen = subscriber.dropped
            for annotation in annotations_of(event, self._places):
                self._put(annotation)

    def _put(self, annotation: Annotation) -> None:
        if len(self._waiting) >= self._max_waiting:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(annotation)
        self._wake.set()

    async def _post_all(self) -> None:
        while True:
            while self._current is not None or self._waiting:
                self._current = self._current or self._waiting.popleft()
                await self._deliver(self._current)
                self._current = None
            self._wake.clear()
            await self._wake.wait()

    async def _deliver(self, annotation: Annotation) -> None:
        wait, failed = RETRY_MIN_S, 0
        while True:
            try:
                await self._poster.post(annotation)
                self.posted += 1
                self._refusing = False
            except AnnotationRefused as error:
                self._give_up(annotation, error)
            except ChannelError as error:
                self.failures += 1
                if self.connected is not False:
                    _log.warning("annotations: %s: %s: events wait until it takes them", self._poster, error)
                self.connected = False
                failed += isinstance(error, AnnotationFailed)
                if failed >= MAX_FAILED:
                    self._give_up(annotation, error)
                    return
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret
                wait = min(wait * 2, RETRY_MAX_S)
                continue
            break
        if self.connected is False:
            _log.info("annotations: %s takes events again, %d wait", self._poster, len(self._waiting))
        self.connected = True

    def _give_up(self, annotation: Annotation, error: Exception) -> None:
        self.refused += 1
        if not self._refusing:
            _log.error("annotations: %s: %.200r is given up: %s", self._poster, annotation.what, error)
        self._refusing = True


def annotation_engine(
    options: MasterOptions, bus: EventBus, minions: Callable[[], Iterable[str]]
) -> AnnotationEngine | None:
    """Return the engine that *options* ask for, or ``None``. Raises ``ConfigError``."""
    if not options["events_url"]:
        return None
    poster = WebPoster(options["events_url"], options["events_token"])
    return AnnotationEngine(bus, options["events_of"], Places(options["metric_pattern"], minions), poster)
