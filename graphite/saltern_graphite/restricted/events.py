"""The events that a restricted request sees."""

from __future__ import annotations

from collections.abc import Sequence

from saltern_graphite.events.event import Event
from saltern_graphite.events.store import EventStore


class RestrictedEvents:
    """What of *store* is about *minions* alone; its methods are those of :class:`EventStore`."""

    def __init__(self, store: EventStore, minions: Sequence[str]) -> None:
        self._store = store
        self._minions = minions

    def get(self, number: int) -> Event:
        """Return the event with this id; ``LookupError`` if there is none."""
        return self._store.get(number, about=self._minions)

    def find(self, start: float, end: float, tags: Sequence[str] | None = None, *, union: bool = False) -> list[Event]:
        """Return events from *start* to *end*, both included, by time."""
        return self._store.find(start, end, tags, union=union, about=self._minions)

    def times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """Return when there was an event with all of *tags* in ``[start, end)``, in whole epoch seconds, sorted."""
        return self._store.times(tags, start, end, about=self._minions)
