"""Threads that run what the loop must not wait for: started on demand, ended when idle."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from saltern.complaints import Complaint

log = logging.getLogger(__name__)

IDLE_S = 120.0  # a thread that has had nothing to do for this long ends
STACK_BYTES = 1024 * 1024  # deep enough for Python's recursion limit, too small for huge pages


class Pool:
    """Up to *limit* threads. There is no queue: what can't run now is refused.

    A call returns whether its thread may be used again. ``abandoned`` says that a call will hang for ever: as many
    threads more may then be started, up to *limit* of them. Both in the worker: *over* is called after each call, when
    nothing of it is left, *freed* when there may be room for a call more.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        over: Callable[[], None] = lambda: None,
        freed: Callable[[], None] = lambda: None,
    ) -> None:
        self._over = over
        self._freed = freed
        self._complaint = Complaint(log)
        self._name = name
        self._limit = limit
        self._calls: SimpleQueue[Callable[[], bool]] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._abandoned = 0
        threading.stack_size(STACK_BYTES)

    def submit(
        self,
        call: Callable[[], bool],
        *,
        beyond: int = 0,
        limit_s: float | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> bool:
        """Run *call* in a thread; return whether there was one, *beyond* the limit by as many if need be.

        *limit_s* and *failed* are for pools that end calls by themselves; this one doesn't.
        """
        with self._lock:
            busy = self._threads - self._idle - min(self._abandoned, self._limit)
            if busy >= self._limit + beyond:
                return False
            if self._idle:
                self._idle -= 1
            elif not self._start_thread():
                return False
            self._calls.put(call)
        return True

    def abandon(self) -> None:
        """Say that one more call hangs for ever."""
        with self._lock:
            self._abandoned += 1

    def _start_thread(self) -> bool:
        try:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError as error:  # the system has no more threads
            self._complaint.say(f"a worker can't be started: {error}")
            return False
        self._threads += 1
        return True

    def _work(self) -> None:
        while True:
            try:
                call = self._calls.get(timeout=IDLE_S)
            except Empty:
                with self._lock:
                    if self._idle:  # otherwise a call for this thread is on its way
                        self._idle -= 1
                        self._threads -= 1
                        return
                continue
            again, process = False, os.getpid()
            try:
                again = call()
            except BaseException:  # a kill that came a moment too late must not end an innocent thread
                log.debug("a worker's call ended by an exception", exc_info=True)
                again = True
            if os.getpid() != process:  # a function's fork, which it left: what comes is not its matter
                os._exit(1)
            del call  # with what its job was given: this thread may be idle for long
            self._over()
            with self._lock:
                if again:
                    self._idle += 1
                else:
                    self._threads -= 1
                    self._abandoned = max(0, self._abandoned - 1)
            self._freed()
            if not again:
                return
