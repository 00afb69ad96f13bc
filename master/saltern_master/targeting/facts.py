"""What is known of minions, as targets ask for it: by a top-level name, each different value once.

A scalar is compared as text in lower case, so that is what stands for it here; a list of scalars stands for each of
its members.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Set
from itertools import islice
from typing import Any, NamedTuple, Protocol

Data = Mapping[str, Any]
DataOf = Callable[[str], Data]
"""Returns what is known of a minion by its id."""
Ids = Collection[str]

# A minion's grains are what it claims: they must not make an honest expression dear.
MAX_MEMBERS = 1000
MAX_VALUE_CHARS = 4096
MAX_WRITTEN = 1000
"""Members of a map or list that is compared as a text itself, all levels together."""


class Box(NamedTuple):
    """A map, or a list that holds maps or lists, and who has it."""

    value: Any
    ids: Ids


class Values(NamedTuple):
    """What minions have under one name; minions that weren't asked about may be among them."""

    texts: Mapping[str, Ids]
    boxes: Iterable[Box]


class Every(NamedTuple):
    """All that is known: by name, of the minions *ids* at least, and as a whole, of others."""

    columns: Mapping[str, Values]
    ids: Ids
    others: Iterable[tuple[Data, Ids]]


class Facts(Protocol):
    """One kind of what is known: grains, or pillar."""

    def values(self, name: str, minions: Set[str]) -> Values:
        """Return what *minions* have under a top-level *name*."""

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Ids]]:
        """Yield all that is known of *minions*, with whom it is known of."""

    def every(self, minions: Set[str]) -> Every:
        """Return the values of all names that *minions* have."""


class DataFacts:
    """The facts that a function returns of each minion, asked anew every time."""

    def __init__(self, data_of: DataOf) -> None:
        self._data_of = data_of

    def values(self, name: str, minions: Set[str]) -> Values:
        """Return the minions' values; see ``Facts``."""
        return values_in(self.whole(minions), name)

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Ids]]:
        """Yield what is known of a minion; see ``Facts``."""
        for minion in minions:
            yield self._data_of(minion), (minion,)

    def every(self, minions: Set[str]) -> Every:
        """Return what is known, each minion's as a whole; see ``Facts``."""
        return Every({}, (), self.whole(minions))


def values_in(known: Iterable[tuple[Data, Ids]], name: str) -> Values:
    """Return what is *known* of minions under *name*."""
    texts: dict[str, set[str]] = {}
    boxes: list[Box] = []
    for data, ids in known:
        if name in data:
            found = texts_of(data[name])
            if found is None:
                boxes.append(Box(data[name], ids))
            else:
                for text in found:
                    texts.setdefault(text, set()).update(ids)
    return Values(texts, boxes)


def texts_of(value: Any) -> tuple[str, ...] | None:
    """Return what a scalar, or a list of scalars, is compared as; ``None`` for a ``Box``."""
    if type(value) is str:
        return (value[:MAX_VALUE_CHARS].lower(),)
    if isinstance(value, Mapping):
        return None
    if not isinstance(value, (list, tuple)):
        text = text_of(value)
        return () if text is None else (text,)
    texts: dict[str, None] = {}
    for member in islice(value, MAX_MEMBERS):
        if isinstance(member, (dict, list, tuple)):
            return None
        if (text := text_of(member)) is not None:
            texts[text] = None
    return tuple(texts)


def text_of(value: Any) -> str | None:
    """Return what a value is compared as; ``None`` for bytes, and when that would be too long."""
    if type(value) is str:
        return value[:MAX_VALUE_CHARS].lower()
    if isinstance(value, bytes) or (isinstance(value, (dict, list, tuple)) and _members(value) > MAX_WRITTEN):
        return None
    try:
        return str(value)[:MAX_VALUE_CHARS].lower()
    except (ValueError, RecursionError):  # a number of thousands of digits
        return None


def _members(value: Any) -> int:
    """Return how many members a value has on all its levels, as far as they are looked at."""
    count, todo = 0, [value]
    while todo and count <= MAX_WRITTEN:
        one = todo.pop()
        if isinstance(one, Mapping):
            todo += islice(one.values(), MAX_WRITTEN)
        elif isinstance(one, (list, tuple)):
            todo += one[:MAX_WRITTEN]
        elif isinstance(one, (str, bytes)) and len(one) > MAX_VALUE_CHARS:
            return MAX_WRITTEN + 1
        count += 1
    return count


NOTHING = DataFacts(lambda _: {})
