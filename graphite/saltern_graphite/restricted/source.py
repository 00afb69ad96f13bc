"""From where a request's series come: the whole store, or the part that it sees."""

from __future__ import annotations

from saltern_graphite.events.store import EventStore
from saltern_graphite.index import Index
from saltern_graphite.render.source import Fetcher, StoredSeries
from saltern_graphite.restricted.events import RestrictedEvents
from saltern_graphite.restricted.names import RestrictedNames
from saltern_graphite.restricted.restriction import Restriction
from saltern_graphite.restricted.tags import RestrictedTags
from saltern_graphite.tags.index import TagIndex


class Sources:
    """Makes sources over one store."""

    def __init__(self, index: Index, reader: Fetcher, tags: TagIndex, events: EventStore) -> None:
        self._index = index
        self._reader = reader
        self._tags = tags
        self._events = events

    def of(self, restriction: Restriction | None) -> StoredSeries:
        """Return the source of one request."""
        if restriction is None:
            return StoredSeries(self._index, self._reader, self._tags, self._events)
        prefixes = restriction.prefixes
        return StoredSeries(
            RestrictedNames(self._index, prefixes),
            self._reader,
            RestrictedTags(self._tags, prefixes),
            RestrictedEvents(self._events, restriction.minions),
            prefixes.allows,
        )
