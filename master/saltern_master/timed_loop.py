"""An event loop that knows how long it kept anyone waiting.

A turn of the loop begins when the selector tells it what has come, and ends when it asks the selector again: nobody
else is served meanwhile. Two looks at the clock a turn measure each of them exactly, where a timer that looks whether
it is late would be a load when nothing happens, and miss the stalls that are shorter than its interval.
"""

from __future__ import annotations

import asyncio
import selectors
import time


class TimedLoop(asyncio.SelectorEventLoop):
    """asyncio's loop with a clock in it."""

    def __init__(self) -> None:
        self._turns = _TimedSelector()
        super().__init__(self._turns)

    def longest_stall_s(self) -> float:
        """Return the longest time since the last call that the loop served nobody else, in seconds."""
        longest, self._turns.longest_s = self._turns.longest_s, 0.0
        return longest


class _TimedSelector(selectors.DefaultSelector):
    """Measures the loop's turns: from when one could have begun until the loop waits again."""

    def __init__(self) -> None:
        super().__init__()
        self.longest_s = 0.0
        self._due = time.monotonic()
        """When the turn that runs could have begun: a process that the system keeps waiting is late too."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """End a turn, wait as the loop's own selector does, and begin the next."""
        asked = time.monotonic()
        self.longest_s = max(self.longest_s, asked - self._due)
        events = super().select(timeout)
        woken = time.monotonic()
        self._due = woken if timeout is None else min(woken, asked + max(0.0, timeout))
        return events
