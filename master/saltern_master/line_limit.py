"""How many lines others may cause in the log: one a minute for each key, and so many a minute in all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

EVERY_S = 60.0
MAX_LINES = 60
"""In all, every ``EVERY_S``: new keys cost a stranger nothing."""


class LineLimit:
    """Asked before each line; what it turns away is counted."""

    def __init__(self, about: str, clock: Callable[[], float] = time.monotonic) -> None:
        """*about*: whose lines these are, for the one that says that more were left out."""
        self._about = about
        self._clock = clock
        self._began = clock()
        self._lines = 0
        self._said: dict[str, float] = {}
        self.left_out = 0

    def allows(self, key: str) -> bool:
        """Return whether a line about *key* may be logged now; then it counts as logged."""
        now = self._clock()
        if now - self._began >= EVERY_S:
            self._began, self._lines = now, 0
            self._said = {name: at for name, at in self._said.items() if now - at < EVERY_S}
        if key in self._said and now - self._said[key] < EVERY_S:
            self.left_out += 1
            return False
        self._lines += 1
        if self._lines > MAX_LINES:
            self.left_out += 1
            if self._lines == MAX_LINES + 1:
                log.warning("more than %d lines a minute about %s: the rest is counted only", MAX_LINES, self._about)
            return False
        self._said[key] = now
        return True
