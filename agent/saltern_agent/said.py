"""What goes wrong again and again is said once, and then counted: a log is for what is news."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

AGAIN_S = 3600.0
"""What lasts is said again, with how often it was, after this long."""

MAX_KINDS = 200
"""Remembered at once; the ones that were said first are forgotten first."""


class Said:
    """What was said in the log *log*, by its kind. May be used from any thread."""

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._kinds: dict[str, tuple[float, int]] = {}  # when it was said, and how often it came since
        self.left_out = 0
        """Lines that were counted only."""

    def say(self, kind: str, text: str, *args: object, level: int = logging.ERROR) -> None:
        """Log *text* unless the same *kind* was said within the last hour, and isn't ``over``."""
        now = self._clock()
        said = self._kinds.pop(kind, None)
        if said is not None and now - said[0] < AGAIN_S:
            self._kinds[kind] = (said[0], said[1] + 1)
            self.left_out += 1
            return
        if said is not None and said[1]:
            text, args = f"{text} (and %d times since it was last said)", (*args, said[1])
        while len(self._kinds) >= MAX_KINDS:
            self._kinds.pop(next(iter(self._kinds)), None)
        self._kinds[kind] = (now, 0)
        self._log.log(level, text, *args)

    def over(self, kind: str, text: str = "", *args: object) -> None:
        """Forget *kind*, so that it is news again; log *text* when it had been said."""
        said = self._kinds.pop(kind, None)
        if said is not None and text:
            self._log.warning(text, *args)
