"""What a device's functions may send of their own accord: one that never stops would take what all devices share.

That is the outbox and, while the master is away, the spool, of which the oldest goes first.
"""

from __future__ import annotations

import time
from collections.abc import Callable

BURST_BYTES = 4 * 1024 * 1024
BYTES_PER_S = 64 * 1024
LEAST_BYTES = 1024  # that an event counts as: many small ones cost as much as a few large ones


class Allowance:
    """Of one device. Not safe for several threads, which then may take a few more."""

    __slots__ = ("_at", "_left", "_steady")

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._at = steady()
        self._left = float(BURST_BYTES)

    def takes(self, size: int) -> bool:
        """Return whether *size* bytes may be sent now; they count as sent then. Over a burst they count as one."""
        now = self._steady()
        self._left = min(BURST_BYTES, self._left + (now - self._at) * BYTES_PER_S)
        self._at = now
        size = min(max(size, LEAST_BYTES), BURST_BYTES)
        if size > self._left:
            return False
        self._left -= size
        return True
