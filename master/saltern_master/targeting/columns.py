"""The grains of all minions by name, each different value once with who has it: for the names that targets ask for.

A column is made when a target first asks for its name, and kept up from then on: what changed since is put in its
place before the next answer. Ids of a value are replaced, never changed, so an answer that is being read stays as it
was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Set
from hashlib import blake2b
from typing import Any

from saltern.wire import pack_value
from saltern_master.targeting.facts import Box, Data, DataOf, Ids, Values, texts_of

MAX_COLUMNS = 16
"""Of 10,000 minions whose values all differ they take about 100 MB."""

_MISSING = object()
_NOBODY: frozenset[str] = frozenset()

Place = str | bytes
"""Where a value stands in a column: under its text, or under the digest of a map or list."""


class _Column:
    """One name's values."""

    def __init__(self, values: Iterable[tuple[str, Any]]) -> None:
        """*values* are those of minions that have one; see ``put``."""
        self.texts: dict[str, Ids] = {}
        self.boxes: dict[bytes, Box] = {}
        self._places: dict[str, tuple[Place, ...]] = {}
        self.put(values)

    def put(self, values: Iterable[tuple[str, Any]]) -> None:
        """Put each minion's value into its places; ``_MISSING`` takes the minion out."""
        coming: dict[Place, str | set[str]] = {}  # a text that one minion has alone costs no set
        going: dict[Place, set[str]] = {}
        new: dict[Place, Any] = {}
        all_places = self._places
        for minion, value in values:
            places = _places_of(value, new)
            before = all_places.get(minion, ())
            if before == places:
                continue
            all_places[minion] = places
            for place in before:
                going.setdefault(place, set()).add(minion)
            for place in places:
                others = coming.get(place)
                if others is None:
                    coming[place] = minion
                elif isinstance(others, str):
                    coming[place] = {others, minion}
                else:
                    others.add(minion)
        for place in going.keys() | coming.keys():
            self._set(place, going.get(place, _NOBODY), coming.get(place, _NOBODY), new.get(place))

    def _set(self, place: Place, going: Set[str], coming: str | Set[str], value: Any) -> None:
        if isinstance(place, str):
            ids = _changed(self.texts.get(place), going, coming)
            if ids:
                self.texts[place] = ids
            else:
                self.texts.pop(place, None)
        else:
            box = self.boxes.get(place)
            ids = _changed(box.ids if box else None, going, coming)
            if ids:
                self.boxes[place] = Box(box.value if box else value, ids)
            else:
                self.boxes.pop(place, None)


def _places_of(value: Any, boxes: dict[Place, Any]) -> tuple[Place, ...]:
    """Return where a value stands; one that is a box is put into *boxes* too."""
    if value is _MISSING:
        return ()
    texts = texts_of(value)
    if texts is not None:
        return texts
    digest = blake2b(pack_value(value), digest_size=16).digest()
    boxes[digest] = value
    return (digest,)


def _changed(ids: Ids | None, going: Set[str], coming: str | Set[str]) -> Ids:
    if isinstance(coming, str):
        if ids is None:
            return (coming,)
        coming = {coming}
    left = coming if ids is None else (set(ids) - going) | coming
    return left if len(left) > 1 else tuple(left)


class Columns:
    """The facts that *data_of* returns of each minion, as ``targeting.facts.Facts``."""

    def __init__(self, data_of: DataOf, keys: Callable[[], dict[str, str]]) -> None:
        """*keys* returns each minion's key by its id: what is known of a minion may be another thing by another."""
        self._data_of = data_of
        self._keys_of = keys
        self._keys: dict[str, str] = {}
        self._data: dict[str, Data] = {}
        self._columns: dict[str, _Column] = {}
        self._changed: set[str] = set()
        self._lock = threading.Lock()

    def changed(self, minion: str) -> None:
        """Note that what is known of *minion* is another thing now."""
        self._changed.add(minion)

    def values(self, name: str, minions: Set[str]) -> Values:
        """Return the different values of *name*, with all that have each."""
        with self._lock:
            self._catch_up()
            column = self._columns.pop(name, None)
            if column is None:
                column = _Column((minion, data[name]) for minion, data in self._data.items() if name in data)
                if len(self._columns) >= MAX_COLUMNS:
                    del self._columns[next(iter(self._columns))]
            self._columns[name] = column  # the last to go
            return Values(dict(column.texts), list(column.boxes.values()))

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Ids]]:
        """Return what is known of each of *minions*."""
        with self._lock:
            self._catch_up()
            return [(self._data[minion], (minion,)) for minion in minions if minion in self._data]

    def _catch_up(self) -> None:
        keys = self._keys_of()
        stale: set[str] = set()
        while self._changed:
            stale.add(self._changed.pop())
        if keys != self._keys:
            stale.update(minion for minion, key in keys.items() if self._keys.get(minion) != key)
            stale.update(minion for minion in self._keys if minion not in keys)
            self._keys = keys
        if not stale:
            return
        for minion in stale:
            data = self._data_of(minion) if minion in keys else {}
            if data:
                self._data[minion] = data
            else:
                self._data.pop(minion, None)
        for name, column in self._columns.items():
            column.put((minion, self._data.get(minion, {}).get(name, _MISSING)) for minion in stale)
