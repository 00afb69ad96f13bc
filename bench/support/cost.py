"""What a program costs while something is done: CPU seconds and peak memory of it and all its children."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

from support.measure import Memory, cpu_with_children_s, memory, tree

EVERY_S = 0.5


class Cost(NamedTuple):
    """CPU seconds, and the highest memory seen: megabytes of 1024 × 1024 bytes, looked at twice a second."""

    cpu_s: float
    peak: Memory


class Watch:
    """Takes the cost of the process *pid* and its descendants during a ``with`` block."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._peak = Memory(0.0, 0.0)
        self._cpu_s = 0.0

    def __enter__(self) -> Watch:
        self._cpu_s = cpu_with_children_s(tree(self._pid))
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        self._cpu_s = cpu_with_children_s(tree(self._pid)) - self._cpu_s

    @property
    def cost(self) -> Cost:
        """What it was, once the block has ended."""
        return Cost(self._cpu_s, self._peak)

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        now = memory(tree(self._pid))
        self._peak = Memory(max(self._peak.rss, now.rss), max(self._peak.pss, now.pss))


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest of the sorted values that *percent* of all are at or below."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
