"""What the query side needs of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from saltern_graphite.index import Index


class CachedPoints(Protocol):
    """Points that were received and are not in a file yet."""

    def points(self, name: str) -> list[tuple[int, float]]:
        """``(epoch seconds, value)`` of *name* in time order; empty when there are none."""
        ...


class StoreView(Protocol):
    """A store as its readers see it; every member may be used from any thread."""

    @property
    def whisper_dir(self) -> str:
        """The folder of the Whisper tree."""
        ...

    @property
    def cache(self) -> CachedPoints:
        """What is not in the tree yet."""
        ...

    @property
    def index(self) -> Index:
        """Every metric's name."""
        ...

    def retentions(self, name: str) -> Sequence[tuple[int, int]]:
        """The archives that a new file for *name* would get: ``(seconds per point, points)``, finest first."""
        ...

    def roll_up(self, name: str) -> tuple[str, float]:
        """Return the roll-up method and the xFilesFactor that a new file for *name* would get."""
        ...

    def health(self) -> Mapping[str, object]:
        """What ``/health`` tells; anything JSON can hold. ``ok`` (bool) decides the status if it is there."""
        ...
