"""The grains of all minions by name, each different value once with who has it: for the names that targets ask for.

A column is made when a target first asks for its name, and kept up from then on: what changed since is put in its
place before the next answer. Ids of a value are replaced, never changed, so an answer that is being read stays as it
was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Set
from hashlib import blake2b
from typing import Any, NamedTuple

from saltern.wire import pack_value
from saltern_master.targeting.facts import Box, Data, DataOf, Ids, Parts, Values, parts_of

MAX_COLUMNS = 16
"""Of 10,000 minions whose values all differ they take about 100 MB."""

NO_PARTS = Parts(())
_NOBODY: frozenset[str] = frozenset()


class _Places(NamedTuple):
    """Where a minion's value stands in a column: under its texts, and under the digest of what it is itself."""

    texts: tuple[str, ...] = ()
    digest: bytes = b""

    def all(self) -> list[str | bytes]:
        """Return them in one list."""
        return [*self.texts, self.digest] if self.digest else [*self.texts]


class _Column:
    """One name's values."""

    def __init__(self, values: Iterable[tuple[str, Any]]) -> None:
        self.texts: dict[str, Ids] = {}
        self.boxes: dict[bytes, Box] = {}
        self._places: dict[str, _Places] = {}
        self.put(values)

    def put(self, values: Iterable[tuple[str, Any]]) -> None:
        """Put each minion's value into its places; ``None`` for one that has none takes it out."""
        coming: dict[str | bytes, set[str]] = {}
        going: dict[str | bytes, set[str]] = {}
        new: dict[str | bytes, tuple[Any, bool]] = {}
        for minion, value in values:
            parts = parts_of(value) if value is not None else NO_PARTS
            places = _Places(parts.texts, _digest(value) if parts.is_box else b"")
            before = self._places.pop(minion, _Places())
            if places != _Places():
                self._places[minion] = places
            if places.digest:
                new.setdefault(places.digest, (value, parts.plain))
            if before != places:
                for key in before.all():
                    going.setdefault(key, set()).add(minion)
                for key in places.all():
                    coming.setdefault(key, set()).add(minion)
        for key in going.keys() | coming.keys():
            self._set(key, going.get(key, _NOBODY), coming.get(key, _NOBODY), new.get(key))

    def _set(self, key: str | bytes, going: Set[str], coming: Set[str], new: tuple[Any, bool] | None) -> None:
        if isinstance(key, str):
            ids = _changed(self.texts.get(key, ()), going, coming)
            if ids:
                self.texts[key] = ids
            else:
                self.texts.pop(key, None)
            return
        box = self.boxes.get(key)
        ids = _changed(box.ids if box else (), going, coming)
        if ids:
            value, plain = (box.value, box.plain) if box else new or (None, True)
            self.boxes[key] = Box(value, plain, ids)
        else:
            self.boxes.pop(key, None)


def _changed(ids: Ids, going: Set[str], coming: Set[str]) -> Ids:
    left = (set(ids) - going) | coming
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
                column = _Column((minion, _value(data, name)) for minion, data in self._data.items() if name in data)
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
            column.put((minion, _value(self._data.get(minion, {}), name)) for minion in stale)


_NONE_TEXT = "none"


def _value(data: Data, name: str) -> Any:
    """Return a value that is there as what is compared, ``None`` for none."""
    if name not in data:
        return None
    value = data[name]
    return _NONE_TEXT if value is None else value


def _digest(value: Any) -> bytes:
    return blake2b(pack_value(value), digest_size=16).digest()
