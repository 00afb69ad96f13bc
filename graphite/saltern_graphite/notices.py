"""Log lines that a flood must not repeat: each kind at most once in a while, with a count of the rest."""

from __future__ import annotations

import logging
import threading
import time


class Notices:
    """Passes on one record of each *kind* every *every_s* seconds.

    Kinds are a fixed few words of the code, never outside input, so that the table stays small.
    """

    def __init__(self, logger: logging.Logger, every_s: float = 60.0) -> None:
        self._logger = logger
        self._every_s = every_s
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def warn(self, kind: str, message: str, *args: object) -> None:
        """Log *message* ``%`` *args* as a warning, unless one of this *kind* was logged lately."""
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(kind, 0.0):
                self._held_back[kind] = self._held_back.get(kind, 0) + 1
                return
            self._next[kind] = now + self._every_s
            held_back = self._held_back.pop(kind, 0)
        if held_back:
            message += " (%d more like it since the last such line)"
            args = (*args, held_back)
        self._logger.warning(message, *args)
