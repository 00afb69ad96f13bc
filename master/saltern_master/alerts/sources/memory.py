"""A source that holds its points in memory."""

from __future__ import annotations

import fnmatch

from saltern_master.alerts.source import NoAnswer, RenderRefused, Series


class MemorySource:
    """Points put by hand, found by name or glob; ``down`` and ``refused`` make it fail as a real one does."""

    def __init__(self) -> None:
        self.down = False
        self.refused: dict[str, str] = {}  # target -> the error that it is refused with
        self.requests: list[tuple[str, int, int]] = []
        self._series: dict[str, list[tuple[float, float | None]]] = {}

    def put(self, series: str, at: float, value: float | None) -> None:
        """Add a point, or a null."""
        self._series.setdefault(series, []).append((at, value))

    def remove(self, series: str) -> None:
        """Remove a series with all its points."""
        self._series.pop(series, None)

    async def render(self, target: str, from_: int, until: int, points: int = 0) -> list[Series]:
        """Return the series whose names match *target*, a glob whose ``*`` also passes dots."""
        self.requests.append((target, from_, until))
        if self.down:
            raise NoAnswer("memory: connection refused")
        if target in self.refused:
            raise RenderRefused(self.refused[target])
        return [
            Series(name, [(at, value) for at, value in held if from_ < at <= until][-points:])
            for name, held in self._series.items()
            if fnmatch.fnmatchcase(name, target)
        ]
