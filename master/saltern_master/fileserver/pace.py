"""A bound on how fast something is handed out to several: each is told when its turn comes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MIN_CHUNK_BYTES = 4096
MAX_CHUNK_BYTES = 1 << 20
CHUNKS_A_SECOND = 4
MAX_BEHIND_S = 1.0
"""What wasn't used is made up for, so much of it."""


class Pace:
    """Hands out *rate* bytes a second, in chunks of ``chunk`` bytes, to whoever asks, in their order."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.chunk = max(MIN_CHUNK_BYTES, min(MAX_CHUNK_BYTES, rate // CHUNKS_A_SECOND))
        self._step_s = self.chunk / rate
        self._clock = clock
        self._lock = threading.Lock()
        self._free = clock()
        self._turns: dict[str, float] = {}

    def wait(self, who: str) -> float:
        """Return how many seconds *who* has to wait for a chunk: 0 gives it one now."""
        with self._lock:
            now = self._clock()
            at = self._turns.get(who)
            if at is None:
                at = self._turns[who] = max(self._free, now - MAX_BEHIND_S)
                self._free = at + self._step_s
            if at <= now:
                del self._turns[who]
                return 0.0
            return at - now
