"""Lines in the log about single devices: each of a few, and of many how many there were."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PER_MINUTE = 60
MINUTE_S = 60.0


class Rationed:
    """Up to so many lines a minute to *log*; *later* sets a timer that says how many more there were.

    *what* ends the line about those. In the loop's thread alone.
    """

    def __init__(
        self,
        log: logging.Logger,
        later: Callable[[float, Callable[[], None]], object],
        what: str,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._to = log
        self._later = later
        self._what = what
        self._steady = steady
        self._since = -MINUTE_S
        self._said = self._unsaid = 0

    def log(self, level: int, text: str) -> None:
        """Log *text*, unless there were too many like it."""
        now = self._steady()
        if now - self._since >= MINUTE_S:
            self._since, self._said = now, 0
        if self._said < PER_MINUTE:
            self._said += 1
            self._to.log(level, "%s", text)
            return
        self._unsaid += 1
        if self._unsaid == 1:
            self._later(self._since + MINUTE_S - now, self._sum_up)

    def _sum_up(self) -> None:
        unsaid, self._unsaid = self._unsaid, 0
        self._to.warning("%d more %s", unsaid, self._what)
