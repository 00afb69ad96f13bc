"""Freezing what has not changed of late, so that equal branches become one."""

from __future__ import annotations

import logging
import threading
import time

from saltern_graphite.index.branch import SELF, Branch, Frozen, Shelf

WIDEST = 10_000
"""A branch with more children is not frozen, nor is what it lies in: to sort and copy it takes too long."""
AT_LEAST = 5_000
SHARE = 4
"""Tidying starts after this many changes, or after a fourth as many as there are names."""
SLICE_S, PAUSE_S = 0.002, 0.001
"""After so much work so much rest, in which other threads get the interpreter at once."""

log = logging.getLogger(__name__)


class Tidier:
    """Freezes the branches below *top*, bottom first, each by itself under *lock*, in a thread while it is needed."""

    def __init__(self, top: Branch, lock: threading.Lock) -> None:
        self._top = top
        self._lock = lock
        self._shelf = Shelf()
        self._changes = 0
        self._running = threading.Lock()
        self._rest = threading.Event()

    def changed(self, names: int, changes: int = 1) -> None:
        """Hear of *changes*; there are *names* now."""
        self._changes += changes  # a lost update only delays
        if self._changes < AT_LEAST or self._changes < names // SHARE or self._running.locked():
            return
        self._changes = 0
        threading.Thread(target=self.run, name="index-tidy", daemon=True).start()

    def run(self) -> None:
        """Freeze what can be; another thread that does is waited for."""
        with self._running:
            began = time.monotonic()
            waiting = [(self._top, SELF, False)]
            while waiting:
                above, name, seen = waiting.pop()
                branch = above.get(name)
                if branch is None or isinstance(branch, Frozen):
                    continue
                if seen:
                    self._freeze(above, name)
                else:
                    waiting.append((above, name, True))
                    waiting += [(branch, child, False) for child, below in branch.copy().items() if _loose(below)]
                if time.monotonic() - began > SLICE_S:
                    self._rest.wait(PAUSE_S)
                    began = time.monotonic()

    def _freeze(self, above: Branch, name: str) -> None:
        with self._lock:
            branch = above.get(name)
            if branch is None or isinstance(branch, Frozen) or len(branch) > WIDEST:
                return
            if isinstance(above, Frozen) or any(map(_loose, branch.values())):  # something came meanwhile
                return
            above[name] = self._shelf.freeze(branch)


def _loose(branch: Branch | None) -> bool:
    return branch is not None and not isinstance(branch, Frozen)
