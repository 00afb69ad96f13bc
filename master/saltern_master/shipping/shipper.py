"""How points leave the master. Drivers in ``shippers/``; ``memory`` is for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Points(NamedTuple):
    """Points as three columns of equal length."""

    names: list[str]
    times: list[int]
    values: list[float]

    def part(self, start: int, end: int) -> Points:
        """Return the points from *start* up to *end*."""
        return Points(self.names[start:end], self.times[start:end], self.values[start:end])


class Shipper(Protocol):
    """Delivers points to one Carbon."""

    async def ship(self, points: Points) -> Sequence[int]:
        """Deliver *points*; return the places of those that the far end refused for good.

        Raises ``ChannelError`` when it could not be told whether they arrived: they are to be shipped again.
        """

    async def close(self) -> None:
        """Close what is open."""
