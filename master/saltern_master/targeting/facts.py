"""What is known of minions, as targets ask for it: by a top-level name, each different value once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Protocol

Data = Mapping[str, Any]
DataOf = Callable[[str], Data]
"""Returns what is known of a minion by its id."""


class Facts(Protocol):
    """One kind of what is known: grains, or pillar."""

    def values(self, name: str, minions: Set[str]) -> Iterable[tuple[Any, Set[str]]]:
        """Yield values that *minions* have under a top-level *name*, with who has each, others among them maybe."""

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Set[str]]]:
        """Yield all that is known of *minions*, with whom it is known of."""


class DataFacts:
    """The facts that a function returns of each minion, asked anew every time."""

    def __init__(self, data_of: DataOf) -> None:
        self._data_of = data_of

    def values(self, name: str, minions: Set[str]) -> Iterable[tuple[Any, Set[str]]]:
        """Yield a minion's value; see ``Facts``."""
        for data, ids in self.whole(minions):
            if name in data:
                yield data[name], ids

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Set[str]]]:
        """Yield what is known of a minion; see ``Facts``."""
        for minion in minions:
            yield self._data_of(minion), {minion}


NOTHING = DataFacts(lambda _: {})
