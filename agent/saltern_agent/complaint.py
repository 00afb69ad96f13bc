"""An error that goes on: said at once, then counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

INTERVAL_S = 600.0  # an error that goes on is said again
COMES_AND_GOES_S = 60.0  # so soon after it was said, one that was over and is back isn't news


class Complaint:
    """One kind of error, said to *log* at *level*: the first time, then every ten minutes with their number.

    One that comes and goes is said once a minute.
    """

    def __init__(
        self, log: logging.Logger, level: int = logging.ERROR, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        self._unsaid = 0
        self._said_at: float | None = None
        self._goes_on = False

    def say(self, text: str) -> bool:
        """Log *text*, unless one like it was logged a short while ago; return whether it was logged now."""
        now = self._clock()
        quiet_s = INTERVAL_S if self._goes_on else COMES_AND_GOES_S
        if self._said_at is not None and now - self._said_at < quiet_s:
            self._unsaid += 1
            return False
        more = f" (and {self._unsaid} times like it before)" if self._unsaid else ""
        self._said_at, self._unsaid, self._goes_on = now, 0, True
        self._log.log(self._level, "%s%s", text, more)
        return True

    def over(self, text: str) -> None:
        """Log *text* when something was complained of that goes on: it is over."""
        if self._goes_on:
            self._goes_on = False
            self._log.info("%s", text)

    def end(self) -> None:
        """Note that it is over; somebody else says so."""
        self._goes_on = False
