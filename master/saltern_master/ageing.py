"""The time that stored things are aged by, whatever is done to the clock."""

from __future__ import annotations

import time
from collections.abc import Callable


class Ageing:
    """A clock that was set ahead makes nothing older than it is.

    Neither does one that was so at the start: what was stored last before it (``newest``) ages from there on. So the
    time in which the master was down doesn't count.
    """

    def __init__(self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        """*steady*, in seconds, is never set."""
        self._clock = clock
        self._steady = steady
        self.began = clock()
        self._steady_began = steady()
        self.newest: float | None = None
        """When the last of what an earlier run stored came, once that is known."""

    def now(self) -> float:
        """Return the time, in epoch seconds."""
        ran_s = self._steady() - self._steady_began
        return min(self._clock(), (self.began if self.newest is None else self.newest) + ran_s)
