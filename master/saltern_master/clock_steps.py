"""Tells when this host's clock was set: wall time that passed while no time did."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

SET_S = 1.0  # what is less a clock may be slewed by between two looks


class Look(NamedTuple):
    """The time, epoch s, and by how many seconds the clock was set since the look before; mostly 0."""

    now: float
    set_s: float


class ClockSteps:
    """Compares the wall clock with one that nobody sets, for one who keeps times and looks now and then."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        """*wall* in epoch seconds, *steady* in seconds since whenever."""
        self._wall = wall
        self._steady = steady
        self._ahead_s = wall() - steady()

    def look(self) -> Look:
        """Return what time it is, and whether that is due to somebody who set the clock."""
        now = self._wall()
        ahead_s = now - self._steady()
        set_s, self._ahead_s = ahead_s - self._ahead_s, ahead_s
        return Look(now, set_s if abs(set_s) >= SET_S else 0.0)
