"""A rectangle on a chart."""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """Its edges, in pixels from the lower left corner of the chart."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """Its width, not below 0."""
        return max(self.right - self.left, 0.0)

    @property
    def height(self) -> float:
        """Its height, not below 0."""
        return max(self.top - self.bottom, 0.0)
