"""How many lines others may cause in the log: one a minute of a kind, so many for each of them, and so many in all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

EVERY_S = 60.0
MAX_LINES = 60
"""In all, every ``EVERY_S``: new keys cost a stranger nothing."""
MAX_LINES_OF_ONE = 20


class LineLimit:
    """Asked before each line; what it turns away is counted."""

    def __init__(self, about: str, clock: Callable[[], float] = time.monotonic) -> None:
        """*about*: whose lines these are, for the one that says that more were left out."""
        self._about = about
        self._clock = clock
        self._began = clock()
        self._lines = 0
        self._lines_of: dict[str, int] = {}
        self._said: dict[str, float] = {}
        self.left_out = 0

    def allows(self, key: str, whose: str) -> bool:
        """Return whether a line about *key* may be logged now; then it counts as logged.

        *whose* doing it is, a minion's, a user's or an address's, has a share of the lines, so that others have theirs.
        """
        now = self._clock()
        if now - self._began >= EVERY_S:
            self._began, self._lines, self._lines_of = now, 0, {}
            self._said = {name: at for name, at in self._said.items() if now - at < EVERY_S}
        if key in self._said and now - self._said[key] < EVERY_S:
            self.left_out += 1
            return False
        lines = self._lines_of.get(whose, 0)
        if lines >= MAX_LINES_OF_ONE:
            self.left_out += 1
            if lines == MAX_LINES_OF_ONE:
                self._lines_of[whose] += 1
                text = "more than %d lines a minute about %s are %s's: the rest of them is counted only"
                log.warning(text, MAX_LINES_OF_ONE, self._about, whose)
            return False
        self._lines += 1
        if self._lines > MAX_LINES:
            self.left_out += 1
            if self._lines == MAX_LINES + 1:
                log.warning("more than %d lines a minute about %s: the rest is counted only", MAX_LINES, self._about)
            return False
        self._said[key] = now
        self._lines_of[whose] = lines + 1
        return True
