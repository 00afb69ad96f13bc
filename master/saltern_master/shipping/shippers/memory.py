"""Keeps points in a list, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from saltern.errors import ChannelError
from saltern_master.shipping.shipper import Points


class MemoryShipper:
    """See ``Shipper``. While ``away`` is set, shipping fails."""

    def __init__(self) -> None:
        self.points: list[tuple[str, int, float]] = []
        self.away = False

    async def ship(self, points: Points) -> Sequence[int]:
        """Remember *points*."""
        if self.away:
            raise ChannelError("memory shipper: away")
        self.points.extend(zip(*points, strict=True))
        return ()

    async def close(self) -> None:
        """Nothing to do."""
