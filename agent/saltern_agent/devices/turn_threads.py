"""The threads in which turns are taken: started on demand, ended when idle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from saltern.complaints import Complaint
from saltern_agent.devices.turn import Turn
from saltern_agent.workers import IDLE_S, STACK_BYTES

log = logging.getLogger(__name__)


class TurnThreads:
    """Threads that call *take* with turns, and with what follows each; *lock* is their owner's, who holds it for all.

    ``number`` of them are there, ``idle`` ones have no turn, and none on its way.
    """

    def __init__(self, lock: threading.Lock, take: Callable[[Turn], None]) -> None:
        self._lock = lock
        self._take = take
        self._turns: SimpleQueue[Turn] = SimpleQueue()
        self._complaint = Complaint(log)
        self.number = self.idle = 0
        threading.stack_size(STACK_BYTES)

    def reserve(self, limit: int) -> bool:
        """Have a thread ready for one more turn, up to *limit* of them in all; return whether there is one."""
        if self.idle:
            self.idle -= 1
            return True
        return self.number < limit and self._start()

    def put(self, turn: Turn) -> None:
        """Have a thread that was reserved take *turn*. It says itself, by ``idle``, when it is free again."""
        self._turns.put(turn)

    def _start(self) -> bool:
        try:
            threading.Thread(target=self._work, name="device", daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            self._complaint.say(f"a thread for calls to devices can't be started: {error}")
            return False
        self.number += 1
        return True

    def _work(self) -> None:
        while True:
            try:
                turn: Turn | None = self._turns.get(timeout=IDLE_S)
            except Empty:
                with self._lock:
                    if self.idle:  # otherwise a turn for this thread is on its way
                        self.idle -= 1
                        self.number -= 1
                        return
                continue
            while turn is not None:
                self._take_one(turn)
                turn.following, turn = None, turn.following
            del turn  # with what its call was given: this thread may be idle for long

    def _take_one(self, turn: Turn) -> None:
        try:
            self._take(turn)
        except BaseException as error:  # a kill that came a moment too late, or a fault of ours: the thread goes on
            self._complaint.say(f"after a call to a device: {type(error).__name__}: {error}")
            log.debug("that call", exc_info=True)
