"""The grains of all minions by name, each different value once with who has it.

The index is made after the start and kept up as grains change, some minions at a time (``run``), so that no target
waits for it. An answer is right at any moment: minions that aren't in the index yet, and those whose grains are too
many for it, are looked at themselves. An answer that is being read stays as it was: what it reads isn't changed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, NamedTuple

from saltern_master.targeting.column import Column, Place, places_of
from saltern_master.targeting.facts import MAX_MEMBERS, Data, DataOf, Every, Ids, Values

MAX_PLACES = MAX_MEMBERS
"""Values of one minion, the members of its lists each for itself."""
MAX_ALL_PLACES = 10_000_000
"""Of all minions: 0.3 to 1 GB, by how many have the same."""
AT_ONCE = 100
"""Changed minions that whoever asks takes into the index himself."""
A_TURN = 25
"""Minions that are taken into it while others wait: about 2 ms."""
PAUSE_S = 0.005
SPARE_NUMBERS = 1000

_MISSING = object()
_NOTHING: Mapping[str, Any] = {}


class Columns:
    """The facts that *data_of* returns of each minion, as ``targeting.facts.Facts``."""

    def __init__(self, data_of: DataOf, keys: Callable[[], dict[str, str]]) -> None:
        """*keys* returns each minion's key by its id: what is known of a minion may be another thing by another.

        What *data_of* returned must not be changed, but replaced.
        """
        self._data_of = data_of
        self._keys_of = keys
        self._keys: dict[str, str] = {}
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._wake.set()
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._stale: dict[str, None] = dict.fromkeys(self._keys)
        """Minions that have changed since they were taken into the index."""
        self._data: dict[str, Data] = {}
        """What the index has of each minion."""
        self._large: set[str] = set()
        self._columns: dict[str, Column] = {}
        self._ids: list[str] = []
        """The minions by their numbers; none gets a number that another had."""
        self._numbers: dict[str, int] = {}
        self._count = 0

    def changed(self, minion: str) -> None:
        """Note that what is known of *minion* is another thing now."""
        self._changed.add(minion)
        self._wake.set()

    @property
    def indexed(self) -> int:
        """How many minions are in the index."""
        return len(self._data)

    async def run(self) -> None:
        """Keep the index up."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while await asyncio.to_thread(self.catch_up, A_TURN):
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(PAUSE_S)

    def catch_up(self, most: int) -> bool:
        """Take *most* changed minions into the index; return whether there are more."""
        with self._lock:
            self._note_changes()
            self._index(most)
            return bool(self._stale)

    def values(self, name: str, minions: Set[str]) -> Values:
        """Return the different values of *name*, with all that have each."""
        with self._lock:
            apart = self._apart()
            column = self._columns.get(name)
            found = Values({}, ()) if column is None else column.values(self._ids, apart.keys())
        if not apart:
            return found
        rest = Column()
        for number, data in enumerate(apart.values()):
            if name in data:
                rest.put(number, places_of(data[name]), data[name])
        return _both(found, rest.values(list(apart), frozenset()))

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Ids]]:
        """Return what is known of each of *minions*."""
        with self._lock:
            known = self._data | self._apart()
        return [(known[minion], (minion,)) for minion in minions if minion in known]

    def every(self, minions: Set[str]) -> Every:
        """Return the different values of all names, and what is known of the minions that aren't in the index."""
        with self._lock:
            apart = self._apart()
            columns = {name: column.values(self._ids, apart.keys()) for name, column in self._columns.items()}
            ids = self._data.keys() - apart.keys()
        return Every(columns, ids, [(data, (minion,)) for minion, data in apart.items()])

    def _apart(self) -> dict[str, Data]:
        """Return what is known of the minions that aren't in the index as they are now."""
        self._note_changes()
        if len(self._stale) <= AT_ONCE:
            self._index(AT_ONCE)
        return {
            minion: self._data_of(minion) if minion in self._keys else {} for minion in (*self._stale, *self._large)
        }

    def _note_changes(self) -> None:
        keys = self._keys_of()
        while self._changed:
            self._stale[self._changed.pop()] = None
        if keys is not self._keys and keys != self._keys:
            self._stale.update((minion, None) for minion, key in keys.items() if self._keys.get(minion) != key)
            self._stale.update((minion, None) for minion in self._keys if minion not in keys)
            self._keys = keys
        if len(self._ids) > 2 * len(keys) + SPARE_NUMBERS:
            self._begin()

    def _index(self, most: int) -> None:
        for minion in list(self._stale)[:most]:
            del self._stale[minion]
            self._replace(minion, self._data_of(minion) if minion in self._keys else {})

    def _replace(self, minion: str, data: Data) -> None:
        """Put what is known of a minion in the place of what was."""
        before = self._data.get(minion, _NOTHING)
        moves = _moves(before, data)
        self._large.discard(minion)
        if moves is None or self._count + moves.more > MAX_ALL_PLACES:
            self._large.add(minion)
            data, moves = _NOTHING, _Moves([(name, places_of(value)) for name, value in before.items()], [])
        self._count += moves.more
        number = self._numbers.pop(minion, len(self._ids))
        if data:
            self._data[minion] = data
            self._numbers[minion] = number
            if number == len(self._ids):
                self._ids.append(minion)
        else:
            self._data.pop(minion, None)
        for name, places in moves.going:
            column = self._columns[name]
            column.take(number, places)
            if column.is_empty():
                del self._columns[name]
        for name, places, value in moves.coming:
            found = self._columns.get(name)
            if found is None:
                found = self._columns[name] = Column()
            found.put(number, places, value)


class _Moves(NamedTuple):
    """What changed of a minion: names and places."""

    going: list[tuple[str, tuple[Place, ...]]]
    coming: list[tuple[str, tuple[Place, ...], Any]]

    @property
    def more(self) -> int:
        """How many places more there are."""
        return sum(len(places) for _, places, _ in self.coming) - sum(len(places) for _, places in self.going)


def _moves(before: Data, data: Data) -> _Moves | None:
    """Return what changed; ``None`` when *data* is too much, or has names that are no text."""
    moves = _Moves([], [])
    count = 0
    for name, value in data.items():
        old = before.get(name, _MISSING)
        if type(old) is str and type(value) is str and old == value:
            count += 1
        else:
            places = places_of(value)
            count += len(places)
            old_places = () if old is _MISSING else places_of(old)
            if old_places != places:
                moves.coming.append((name, places, value))
                if old_places:
                    moves.going.append((name, old_places))
        if count > MAX_PLACES or not isinstance(name, str):
            return None
    moves.going.extend((name, places_of(value)) for name, value in before.items() if name not in data)
    return moves


def _both(some: Values, others: Values) -> Values:
    texts: dict[str, Ids] = {}
    for text, ids in others.texts.items():
        texts[text] = [*some.texts[text], *ids] if text in some.texts else ids
    return Values(_Both(some.texts, texts), [*some.boxes, *others.boxes])


class _Both(Mapping[str, Ids]):
    """Two mappings, of which the second has the word."""

    def __init__(self, below: Mapping[str, Ids], above: dict[str, Ids]) -> None:
        self._below = below
        self._above = above
        self._names = dict.fromkeys(below) | dict.fromkeys(above)

    def __getitem__(self, text: str) -> Ids:
        return self._above[text] if text in self._above else self._below[text]

    def __iter__(self) -> Any:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
