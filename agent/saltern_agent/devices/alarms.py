"""Calls that are due at a time, in one thread that is there while any is to come."""

from __future__ import annotations

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable

from saltern.complaints import Complaint

log = logging.getLogger(__name__)

GRAIN_S = 0.05  # alarms are late by up to this much, so that many cost one waking up
IDLE_S = 30.0  # the thread ends after so long without one
LONGEST_S = 86400.0  # at a time: the system doesn't wait for as long as anybody may say


class Alarms:
    """Alarms can't be taken back: what is called finds out whether it still matters."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._runs = False
        self._closed = False
        self._complaint = Complaint(log)

    def now(self) -> float:
        """Return the time by which alarms go, in seconds."""
        return time.monotonic()

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call *call* at *when*, which must not take long. May be used from any thread."""
        if math.isfinite(when):
            when = math.ceil(when / GRAIN_S) * GRAIN_S
        with self._changed:
            if self._closed:
                return
            self._number += 1
            heapq.heappush(self._due, (when, self._number, call))
            if not self._runs:
                self._start()
            elif self._due[0][1] == self._number:
                self._changed.notify()

    def close(self) -> None:
        """Call nothing any more."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify()

    def _start(self) -> None:
        try:
            threading.Thread(target=self._run, name="alarms", daemon=True).start()
            self._runs = True
        except RuntimeError as error:  # the system has no more threads: the next alarm tries again
            self._complaint.say(f"time limits of devices are not watched: {error}")

    def _run(self) -> None:
        while True:
            with self._changed:
                wait_s = self._due[0][0] - self.now() if self._due else IDLE_S
                if wait_s > 0:
                    self._changed.wait(min(wait_s, LONGEST_S))
                    if not self._due:
                        self._runs = False
                        return
                    continue
                _, _, call = heapq.heappop(self._due)
            try:
                call()
            except Exception as error:  # one alarm that fails must not silence the others
                self._complaint.say(f"an alarm failed: {type(error).__name__}: {error}")
            del call
