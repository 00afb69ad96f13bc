"""What fails for a while and heals by itself: said when it begins and when it is over, and counted in between."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SAID_AGAIN_AFTER_S = 60.0
MAX_TEXTS = 16


class Trouble:
    """One thing that may fail, with the log of whoever tries it. Any thread may use it."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._said: dict[str, float] = {}
        self.count = 0
        """Failures since the start."""
        self.why = ""
        """The last failure, until it is over."""

    def met(self, why: str) -> None:
        """Count a failure; say *why* unless this trouble is known for it, or was, a moment ago."""
        self.count += 1
        now = self._clock()
        if not self.why:  # a new trouble: what was said long ago is news again
            self._said = {text: at for text, at in self._said.items() if now - at < SAID_AGAIN_AFTER_S}
        if why not in self._said and len(self._said) < MAX_TEXTS:
            self._said[why] = now
            self._log.error("%s", why)
        self.why = why

    def over(self, what: str) -> None:
        """Say, as *what*, that it works again, if it didn't."""
        if self.why:
            self.why = ""
            self._log.info("%s", what)
