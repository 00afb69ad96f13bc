"""When file systems will be full, if they go on as they did in the last hours.

A straight line is fitted (least squares) through what the collector ``disk`` measured in a window of six hours, of
which 72 points are kept for each mount. Nothing is told before a twelfth of the window has passed; nor of a file
system that shrinks or stays as it is; nor when the line fits badly, for what comes in jumps can't be foretold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.source import Source

POINTS = 72
MIN_POINTS = 6
MIN_FIT = 0.8
"""The share of the variance that the line must explain. A single jump, wherever it is, reaches 0.75."""

MAX_HOURS = 24.0 * 365.0
"""What would take longer is not told: by then something else will have happened."""

MAX_MOUNTS = 256
KINDS = (("hours_left", "used", "available"), ("inodes_hours_left", "inodes_used", "inodes_free"))
"""Our number, and disk's numbers of what is used and what is left."""


def slope(points: Iterable[tuple[float, float]]) -> float | None:
    """Return the growth of the line through *points*, None when it doesn't grow or the line fits badly."""
    pairs = list(points)
    count = len(pairs)
    if count < MIN_POINTS:
        return None
    mean_x, mean_y = (sum(pair[axis] for pair in pairs) / count for axis in (0, 1))
    across = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    along, up = (sum((pair[axis] - mean) ** 2 for pair in pairs) for axis, mean in ((0, mean_x), (1, mean_y)))
    if not along or not up or across <= 0 or across * across / (along * up) < MIN_FIT:
        return None
    return across / along


class _Course:
    """How what is used of one thing went."""

    def __init__(self) -> None:
        self.points: deque[tuple[float, float]] = deque(maxlen=POINTS)
        self.per_s: float | None = None

    def add(self, now: float, used: float, step_s: float) -> None:
        """Take a point, unless one was taken less than *step_s* seconds ago."""
        if self.points and now - self.points[-1][0] < step_s:
            return
        while self.points and now - self.points[0][0] > POINTS * step_s:
            self.points.popleft()
        self.points.append((now, used))
        long_enough = now - self.points[0][0] >= step_s * (MIN_POINTS - 1)
        self.per_s = slope(self.points) if long_enough else None


class Forecast(Collector):
    """``forecast.<mount>.hours_left`` and ``.inodes_hours_left``."""

    name = "forecast"
    description = "when file systems will be full"
    waits = False
    settings: ClassVar[Mapping[str, Any]] = {"window_hours": 6.0}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.hours_left": gauge("h", "hours until the file system is full, if it goes on as in the last six"),
        "*.inodes_hours_left": gauge("h", "hours until it can take no more files, if it goes on so"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for a window that is none."""
        hours = options["window_hours"]
        if not 0.0 < hours <= 168.0:
            raise ValueError(f"window_hours must be more than 0 and at most 168.0 hours, not {hours!r}")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._step_s = self.options["window_hours"] * 3600.0 / POINTS
        self._courses: dict[tuple[str, str], _Course] = {}

    def collect(self, now: float) -> Metrics:
        """Return the hours left of each mount that grows."""
        metrics: Metrics = {}
        disks = [(name, told) for name, told in self.files.told.get("disk", {}).items() if isinstance(told, dict)]
        seen = {}
        for mount, told in disks[:MAX_MOUNTS]:
            for name, used, left in KINDS:
                if used not in told or left not in told:
                    if (mount, name) in self._courses:  # it gives no answer for now
                        seen[mount, name] = self._courses[mount, name]
                    continue
                course = seen[mount, name] = self._courses.get((mount, name)) or _Course()
                course.add(now, told[used], self._step_s)
                hours = told[left] / course.per_s / 3600.0 if course.per_s else MAX_HOURS
                if hours < MAX_HOURS:
                    metrics.setdefault(mount, {})[name] = round(max(hours, 0.0), 2)
        self._courses = seen
        return metrics
