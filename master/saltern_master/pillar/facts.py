"""The pillars in force, as targets ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import Protocol

from saltern_master.targeting.facts import Data, Every, Ids, Values, values_in


class Different(Protocol):
    """Knows pillars."""

    def different(self, minions: Iterable[str]) -> list[tuple[Data, Ids]]:
        """Return each different pillar with those of *minions* that have it."""


class PillarFacts:
    """The pillars of all minions as ``targeting.Facts``."""

    def __init__(self, pillar: Callable[[], Different]) -> None:
        """*pillar* returns what knows them."""
        self._pillar = pillar

    def values(self, name: str, minions: Set[str]) -> Values:
        """Return the pillars' values of *name*; see ``Facts``."""
        return values_in(self.whole(minions), name)

    def whole(self, minions: Set[str]) -> Iterable[tuple[Data, Ids]]:
        """Return each different pillar; see ``Facts``."""
        return self._pillar().different(minions)

    def every(self, minions: Set[str]) -> Every:
        """Return the pillars, each as a whole; see ``Facts``."""
        return Every({}, (), self.whole(minions))
