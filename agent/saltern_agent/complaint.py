"""An error that goes on: said at once, then counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

INTERVAL_S = 600.0  # an error that goes on is said again


class Complaint:
    """One kind of error, said to *log* at *level*: the first time, then every ten minutes with their number."""

    def __init__(
        self, log: logging.Logger, level: int = logging.ERROR, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._level = level
        self._clock = clock
        self._unsaid = 0
        self._said_at: float | None = None

    def say(self, text: str) -> None:
        """Log *text*, unless one like it was logged a short while ago."""
        now = self._clock()
        if self._said_at is not None and now - self._said_at < INTERVAL_S:
            self._unsaid += 1
            return
        more = f" (and {self._unsaid} times like it before)" if self._unsaid else ""
        self._said_at, self._unsaid = now, 0
        self._log.log(self._level, "%s%s", text, more)

    def over(self, text: str) -> None:
        """Log *text* when there was something to complain of: it is over."""
        if self._said_at is not None:
            self._said_at, self._unsaid = None, 0
            self._log.info("%s", text)
