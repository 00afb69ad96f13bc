"""Where series come from, as the evaluator sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from saltern.errors import FunctionError
from saltern_graphite.index import Ends
from saltern_graphite.metric_name import BadName, canonical
from saltern_graphite.series import Values


class Fetched(NamedTuple):
    """One metric's values over a window; ``method`` is its file's own way of coarsening them."""

    start: int
    end: int
    step: int
    values: Values
    method: str


class SeriesSource(Protocol):
    """Finds and reads metrics."""

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches, sorted; ``FunctionError`` if there are more than *limit*."""
        ...

    def tagged(self, expressions: Sequence[str], limit: int) -> list[str]:
        """The series whose tags pass all *expressions*, sorted; ``FunctionError`` if there are more than *limit*."""
        ...

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """When there was an event with all of *tags* in ``[start, end)``, sorted."""
        ...

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]`` as seen at *now*; None if there can be none."""
        ...


class TaggedNames(Protocol):
    """What finds series by tag: :class:`saltern_graphite.tags.index.TagIndex`."""

    def find(self, expressions: Sequence[str], limit: int) -> list[str]:
        """As :meth:`SeriesSource.tagged`."""
        ...


class EventTimes(Protocol):
    """What knows of events: :class:`saltern_graphite.events.store.EventStore`."""

    def times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """As :meth:`SeriesSource.event_times`."""
        ...


class Fetcher(Protocol):
    """The reading half: :class:`saltern_graphite.reader.Reader`."""

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """As :meth:`SeriesSource.fetch`."""
        ...


class PlainNames(Protocol):
    """What finds metrics by pattern: :class:`saltern_graphite.index.Index`, or a part of one."""

    def ends(self, pattern: str) -> Ends:
        """What the last element of *pattern* matches, and how many paths."""
        ...

    def expand(self, pattern: str) -> list[str]:
        """The metrics that *pattern* matches, sorted, each once."""
        ...


class StoredSeries:
    """The metrics of a store: found in its index or by their tags, read from its files and cache."""

    def __init__(
        self,
        index: PlainNames,
        reader: Fetcher,
        tags: TaggedNames | None = None,
        events: EventTimes | None = None,
        allows: Callable[[str], bool] = lambda name: True,
    ) -> None:
        """*allows*: whether a tagged series may be read that is asked for by its name, which nothing finds."""
        self._allows = allows
        self._index = index
        self._reader = reader
        self._tags = tags
        self._events = events

    def match(self, pattern: str, limit: int) -> list[str]:
        """The metrics that *pattern* matches, sorted; ``FunctionError`` if there are more than *limit*.

        With tags, ``name;tag=value``, it is the name of one series, in any order of its tags.
        """
        if ";" in pattern:
            try:
                name = canonical(pattern)
            except BadName:
                return []
            return [name] if self._allows(name) else []
        count = self._index.ends(pattern).leaves  # before any of them is gathered
        if count > limit:
            raise FunctionError(f"{pattern!r} matches {count} metrics, {limit} are allowed: narrow it")
        return self._index.expand(pattern)

    def tagged(self, expressions: Sequence[str], limit: int) -> list[str]:
        """The series whose tags pass all *expressions*, sorted; ``FunctionError`` if there are more than *limit*."""
        return [] if self._tags is None else self._tags.find(expressions, limit)

    def event_times(self, tags: Sequence[str], start: int, end: int) -> list[int]:
        """When there was an event with all of *tags* in ``[start, end)``, sorted."""
        return [] if self._events is None else self._events.times(tags, start, end)

    def fetch(self, name: str, start: int, end: int, now: int) -> Fetched | None:
        """The values of *name* in ``(start, end]`` as seen at *now*; None if there can be none."""
        return self._reader.fetch(name, start, end, now)
