"""One after another in a thread that is left behind with whatever doesn't come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

TIMEOUT_S = 3.0
"""For one collector. What takes longer is not slow but waits for a device or a server that isn't there."""

T = TypeVar("T")


class Asked:
    """What is asked at each sample: a collector, or what the host has."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failed = ""
        """Why its last run failed, empty when it didn't."""

        self.stuck = False
        """Whether a thread that was left behind is still with it: it is not asked meanwhile."""


class LeftBehind(Exception):
    """The thread was too long with one thing, which came back only now: another went on meanwhile."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.name)
        self.asked = asked


class Walk:
    """Where a thread is on its way through the things that it asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.left_with: Asked | None = None
        """What it was left behind with."""

        self._at: Asked | None = None
        self._since = 0.0

    def ask(self, asked: Asked, call: Callable[[], T]) -> T:
        """Return what *call* does. Raises ``LeftBehind`` when that took too long: nobody waits for it any more."""
        with self._lock:
            self._at, self._since = asked, time.monotonic()
        try:
            return call()
        finally:
            with self._lock:
                self._at = None
                if self.left_with is not None:
                    asked.stuck = False
                    raise LeftBehind(asked)

    def patience(self) -> float:
        """Return for how many seconds it may still go on; at 0 it is left behind, with what it asks marked stuck."""
        with self._lock:
            if self._at is None:
                return TIMEOUT_S
            rest_s = self._since + TIMEOUT_S - time.monotonic()
            if rest_s <= 0:
                self.left_with = self._at
                self._at.stuck = True
            return max(rest_s, 0.0)
