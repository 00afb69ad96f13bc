"""Threads that take one thing after the other: started on demand, ended when idle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from saltern.complaints import Complaint

log = logging.getLogger(__name__)

IDLE_S = 120.0  # a thread that has had nothing to do for this long ends
STACK_BYTES = 1024 * 1024  # deep enough for Python's recursion limit, too small for huge pages

Item = TypeVar("Item")


class Threads(Generic[Item]):
    """Threads that call *take* with what is put; it raises nothing, and returns whether its thread may be used again.

    *lock* is their owner's, who holds it for all but that. ``number`` of them are there, ``idle`` ones have nothing to
    do, and nothing on its way; *take* says both itself when it is about to return.
    """

    def __init__(self, name: str, lock: threading.Lock, take: Callable[[Item], bool]) -> None:
        self._name = name
        self._lock = lock
        self._take = take
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._complaint = Complaint(log)
        self.number = self.idle = 0
        threading.stack_size(STACK_BYTES)

    def reserve(self, limit: int) -> bool:
        """Have a thread ready for one thing more, up to *limit* of them in all; return whether there is one."""
        if self.idle:
            self.idle -= 1
            return True
        return self.number < limit and self._start()

    def put(self, item: Item) -> None:
        """Have a thread that was reserved take *item*."""
        self._items.put(item)

    def _start(self) -> bool:
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            self._complaint.say(f"a {self._name} thread can't be started: {error}")
            return False
        self.number += 1
        return True

    def _work(self) -> None:
        again = True
        while again:
            try:
                again = self._take(self._items.get(timeout=IDLE_S))  # held nowhere here: it may be large
            except Empty:
                with self._lock:
                    if self.idle:  # otherwise something for this thread is on its way
                        self.idle -= 1
                        self.number -= 1
                        return
