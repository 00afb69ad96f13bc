"""One name's different values, each with the numbers of the minions that have it: four bytes for each of many."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from hashlib import blake2b
from typing import Any, NamedTuple

from saltern.wire import pack_value
from saltern_master.targeting.facts import Box, Ids, Values, texts_of

Place = str | bytes
"""Where a value stands in a column: under its text, or under the digest of what is no text."""
Numbers = int | array  # type: ignore[type-arg]  # an array of another kind can't be told apart
"""One minion's, or several in order."""

_NONE = b""
"""The place of what has no text at all, as an empty list."""


class _Boxed(NamedTuple):
    value: Any
    numbers: Numbers


class Column:
    """The values of one name. What was handed out stays as it was."""

    __slots__ = ("_boxes", "_lent", "_texts")

    def __init__(self) -> None:
        self._texts: dict[str, Numbers] = {}
        self._boxes: dict[bytes, _Boxed] = {}
        self._lent = False

    def values(self, ids: Sequence[str], but: Set[str]) -> Values:
        """Return the values with all that have each of the minions, *ids* by their numbers, *but* some."""
        self._lent = True
        texts = _Texts(self._texts, ids, but)
        return Values(texts, _Boxes(self._boxes, texts))

    def is_empty(self) -> bool:
        """Return whether no minion has a value."""
        return not self._texts and not self._boxes

    def put(self, number: int, places: Iterable[Place], value: Any) -> None:
        """Note that a minion has *value*, which stands in *places*."""
        self._keep()
        for place in places:
            if isinstance(place, str):
                self._texts[place] = _with(self._texts.get(place), number)
            else:
                box = self._boxes.get(place)
                self._boxes[place] = _Boxed(value, number) if box is None else _Boxed(box.value, _with(box[1], number))

    def take(self, number: int, places: Iterable[Place]) -> None:
        """Note that a minion has no more what stands in *places*."""
        self._keep()
        for place in places:
            if isinstance(place, str):
                left = _without(self._texts[place], number)
                if left is None:
                    del self._texts[place]
                else:
                    self._texts[place] = left
            else:
                box = self._boxes[place]
                left = _without(box.numbers, number)
                if left is None:
                    del self._boxes[place]
                else:
                    self._boxes[place] = _Boxed(box.value, left)

    def _keep(self) -> None:
        """Leave what was handed out as it is."""
        if self._lent:
            self._texts, self._boxes, self._lent = dict(self._texts), dict(self._boxes), False


class _Texts(Mapping[str, Ids]):
    """Who has each text."""

    __slots__ = ("_but", "_ids", "_texts")

    def __init__(self, texts: Mapping[str, Numbers], ids: Sequence[str], but: Set[str]) -> None:
        self._texts = texts
        self._ids = ids
        self._but = but

    def __getitem__(self, text: str) -> Ids:
        return self.of(self._texts[text])

    def __contains__(self, text: object) -> bool:
        return text in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def of(self, numbers: Numbers) -> Ids:
        """Return the minions with these numbers."""
        ids = (self._ids[numbers],) if isinstance(numbers, int) else [self._ids[number] for number in numbers]
        return [minion for minion in ids if minion not in self._but] if self._but else ids


class _Boxes(Iterable[Box]):
    """Who has each map, or list of more than scalars."""

    __slots__ = ("_boxes", "_texts")

    def __init__(self, boxes: Mapping[bytes, _Boxed], texts: _Texts) -> None:
        self._boxes = boxes
        self._texts = texts

    def __iter__(self) -> Iterator[Box]:
        for value, numbers in self._boxes.values():
            ids = self._texts.of(numbers)
            if ids:
                yield Box(value, ids)


def places_of(value: Any) -> tuple[Place, ...]:
    """Return where a value stands."""
    texts = texts_of(value)
    if texts is None:
        return (blake2b(pack_value(value), digest_size=16).digest(),)
    if len(texts) == 1 and texts[0] == value:
        return (value,)  # the same text as in the grains, so that it is in the memory once
    return texts or (_NONE,)


def _with(numbers: Numbers | None, number: int) -> Numbers:
    if numbers is None:
        return number
    if isinstance(numbers, int):
        return array("I", sorted((numbers, number)))
    if number < numbers[-1]:
        numbers = numbers[:]
        numbers.insert(bisect_left(numbers, number), number)
    else:
        numbers.append(number)  # in its place: whoever reads it sees one more, or not
    return numbers


def _without(numbers: Numbers, number: int) -> Numbers | None:
    if isinstance(numbers, int):
        return None
    at = bisect_left(numbers, number)
    left = numbers[:at] + numbers[at + 1 :]
    return left if len(left) > 1 else int(left[0])
