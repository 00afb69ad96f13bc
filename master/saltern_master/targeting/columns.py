"""The grains of all minions by name, each different value once with who has it: for the names that targets ask for.

A column is made when a target first asks for its name, and kept up from then on: what changed since is put in its
place before the next answer. A set of ids is replaced, never changed, so an answer that is being read stays as it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Set
from hashlib import blake2b
from typing import Any

from saltern.wire import pack_value
from saltern_master.targeting.facts import Data, DataOf

MAX_COLUMNS = 32
MAX_KEY_BYTES = 64

_MISSING = object()


class _Column:
    """One name's values: by what tells them apart, the value and the ids of those that have it."""

    def __init__(self) -> None:
        self.cells: dict[object, tuple[Any, Set[str]]] = {}
        self._cell_of: dict[str, object] = {}

    def put(self, values: Iterable[tuple[str, Any]]) -> None:
        """Put each minion's value into its cell, or take the minion out when it has none."""
        coming: dict[object, tuple[Any, set[str]]] = {}
        going: dict[object, set[str]] = {}
        for minion, value in values:
            cell = _MISSING if value is _MISSING else value if type(value) is str else _key(value)
            before = self._cell_of.get(minion, _MISSING)
            if cell == before:
                continue
            if before is not _MISSING:
                going.setdefault(before, set()).add(minion)
            if cell is _MISSING:
                del self._cell_of[minion]
            else:
                self._cell_of[minion] = cell
                coming.setdefault(cell, (value, set()))[1].add(minion)
        for cell in going.keys() | coming.keys():
            value, ids = self.cells.get(cell) or (coming[cell][0], frozenset())
            left = (ids - going.get(cell, _NOBODY)) | (coming[cell][1] if cell in coming else _NOBODY)
            if left:
                self.cells[cell] = (value, left)
            else:
                del self.cells[cell]


_NOBODY: frozenset[str] = frozenset()


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

    def values(self, name: str, minions: Set[str]) -> Iterable[tuple[Any, Set[str]]]:
        """Return the different values of *name*, with all that have each."""
        with self._lock:
            self._catch_up()
            column = self._columns.pop(name, None)
            if column is None:
                column = _Column()
                column.put((minion, data[name]) for minion, data in self._data.items() if name in data)
                if len(self._columns) >= MAX_COLUMNS:
                    del self._columns[next(iter(self._columns))]
            self._columns[name] = column  # the last to go
            return list(column.cells.values())

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Set[str]]]:
        """Return what is known of each of *minions*."""
        with self._lock:
            self._catch_up()
            return [(self._data[minion], {minion}) for minion in minions if minion in self._data]

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


def _key(value: Any) -> object:
    packed = pack_value(value)
    return packed if len(packed) <= MAX_KEY_BYTES else blake2b(packed, digest_size=16).digest()
