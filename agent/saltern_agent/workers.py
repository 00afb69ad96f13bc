"""Threads that run what the loop must not wait for."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from saltern_agent.threads import Threads

log = logging.getLogger(__name__)


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
        self._limit = limit
        self._lock = threading.Lock()
        self._threads = Threads(name, self._lock, self._take)
        self._abandoned = 0

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
            threads, limit = self._threads, self._limit + beyond + min(self._abandoned, self._limit)
            if threads.number - threads.idle >= limit or not threads.reserve(limit):
                return False
            threads.put(call)
        return True

    def abandon(self) -> None:
        """Say that one more call hangs for ever."""
        with self._lock:
            self._abandoned += 1

    def _take(self, call: Callable[[], bool]) -> bool:
        again, process = False, os.getpid()
        try:
            again = call()
        except BaseException:  # a kill that came a moment too late must not end an innocent thread
            log.debug("a worker's call ended by an exception", exc_info=True)
            again = True
        if os.getpid() != process:  # a function's fork, which it left: what comes is not its matter
            os._exit(1)
        del call  # with what its job was given
        self._over()
        with self._lock:
            if again:
                self._threads.idle += 1
            else:
                self._threads.number -= 1
                self._abandoned = max(0, self._abandoned - 1)
        self._freed()
        return again
