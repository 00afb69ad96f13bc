"""Entering the tagged series that the store meets: in batches, in a thread of its own; receiving never waits."""

from __future__ import annotations

import logging
import threading
from collections import deque

from saltern.errors import StoreError
from saltern_graphite.tags.index import TagIndex

log = logging.getLogger(__name__)

BATCH = 500
GATHER_S = 0.05
"""How long names gather before they are entered: one commit for many."""
RETRY_S = 5.0


class Registrar:
    """Enters names into *index*. What could not be entered stays and is tried again; nothing is dropped.

    What waits is no more than the names of one process, which are in memory anyway. :meth:`start` it, then
    :meth:`stop` it.
    """

    def __init__(self, index: TagIndex, retry_s: float = RETRY_S) -> None:
        self.entered = 0
        """How many series were new to the index."""
        self.last_error = ""
        """Why the last batch failed; empty once one was entered."""
        self._index = index
        self._retry_s = retry_s
        self._waiting: deque[str] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._batch = threading.Lock()  # one at a time, so that a failed one can be put back in its place
        self._thread = threading.Thread(target=self._run, name="tags", daemon=True)

    @property
    def waiting(self) -> int:
        """How many names are not entered yet."""
        return len(self._waiting)

    def start(self) -> None:
        """Start entering."""
        self._thread.start()

    def add(self, name: str) -> None:
        """Have the canonical *name* entered soon; from any thread, at once."""
        self._waiting.append(name)
        self._wake.set()

    def flush(self) -> bool:
        """Enter all that waits, now, in this thread; return whether that worked."""
        while self._waiting:
            if not self._enter():
                return False
        return True

    def stop(self, wait_s: float = 1.0) -> None:
        """Enter what waits and end, started or not; what fails now is met again when its next point comes."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._waiting:
            log.warning("%d tagged series are not in the tag index yet: %s", len(self._waiting), self.last_error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._stopping.wait(GATHER_S)
            self._wake.clear()
            if not self.flush():
                self._stopping.wait(self._retry_s)
                self._wake.set()
        self.flush()

    def _enter(self) -> bool:
        with self._batch:
            names = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self.entered += self._index.add(names)
            except StoreError as error:
                self._waiting.extendleft(reversed(names))
                if not self.last_error:
                    log.error("tagged series can't be entered, it is tried again every %g s: %s", self._retry_s, error)
                self.last_error = str(error)
                return False
            self.last_error = ""
            return True
