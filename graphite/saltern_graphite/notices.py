"""Log lines that a flood must not repeat: each kind once, then counted, with a word when it is over."""

from __future__ import annotations

import logging
import threading
import time

EVERY_S = 3600.0
"""A trouble that lasts is said again after this time, with how often it was met since."""
FLAPPING_S = 60.0
"""One that was over and is back is news only after this time."""


class Notices:
    """Passes on one record of each *kind* every *every_s* seconds.

    Kinds are a fixed few words of the code, never outside input, so that the table stays small.
    """

    def __init__(self, logger: logging.Logger, every_s: float = EVERY_S) -> None:
        self._logger = logger
        self._every_s = every_s
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._held_back: dict[str, int] = {}
        self._troubles: set[str] = set()

    def warn(self, kind: str, message: str, *args: object) -> None:
        """Log *message* ``%`` *args* as a warning, unless one of this *kind* was logged lately."""
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(kind, 0.0):
                self._held_back[kind] = self._held_back.get(kind, 0) + 1
                self._troubles.add(kind)
                return
            self._troubles.add(kind)
            self._next[kind] = now + self._every_s
            held_back = self._held_back.pop(kind, 0)
        if held_back:
            message += " (%d more like it since the last such line)"
            args = (*args, held_back)
        self._logger.warning(message, *args)

    def over(self, kind: str, message: str, *args: object) -> None:
        """Log *message* ``%`` *args* if this *kind* was met since it was last over; the next one is news again.

        Kinds that begin with this one and a space are over with it.
        """
        if not self._troubles:
            return
        held_back = 0
        with self._lock:
            ended = [one for one in self._troubles if one == kind or one.startswith(f"{kind} ")]
            for one in ended:
                self._troubles.discard(one)
                self._next[one] = min(self._next.get(one, 0.0), time.monotonic() + FLAPPING_S)
                held_back += self._held_back.pop(one, 0)
        if not ended:
            return
        if held_back:
            message += " (it was met %d more times)"
            args = (*args, held_back)
        self._logger.info(message, *args)
