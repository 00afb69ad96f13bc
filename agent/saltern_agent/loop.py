"""The agent's one thread of control: sockets, timers, and what other threads ask it to do.

Only this thread touches ZeroMQ sockets, the outbox and the schedule. Another thread hands it work by ``post``, or
by ``ask`` when it wants the answer.
"""

from __future__ import annotations

import contextlib
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from saltern.complaints import Complaints
from saltern.errors import RequestTimeout
from saltern_agent.lean import zmq

log = logging.getLogger(__name__)

ASK_TIMEOUT_S = 10.0
MAX_CANCELLED = 64
MAX_WAIT_S = 60.0  # a suspended machine's clocks are looked at again after this long


class Timer:
    """A call that is due at ``when`` (monotonic seconds), until it is cancelled."""

    __slots__ = ("_cancelled", "call", "number", "when")

    def __init__(
        self, when: float, number: int, call: Callable[[], None], cancelled: Callable[[], None] = lambda: None
    ) -> None:
        """*cancelled* is called when this one will never fire."""
        self.when = when
        self.number = number
        self.call: Callable[[], None] | None = call
        self._cancelled = cancelled

    def __lt__(self, other: Timer) -> bool:
        return (self.when, self.number) < (other.when, other.number)

    def cancel(self) -> None:
        """Never call it; cancelling again, or after it was called, does nothing."""
        if self.call is not None:
            self.call = None
            self._cancelled()


class Loop:
    """Waits for sockets, timers and posted calls, and runs them one after the other."""

    def __init__(self) -> None:
        self._poller = zmq.Poller()
        self._watched: dict[Any, Callable[[], None]] = {}
        self._timers: list[Timer] = []
        self._number = 0
        self._cancelled = 0  # of the timers
        self._posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._woken = False
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.get_ident()
        self._failures = Complaints(log)
        self._running = False
        self.watch(self._wake_read, self._run_posted)

    def watch(self, source: Any, call: Callable[[], None]) -> None:
        """Run *call* whenever *source*, a ZeroMQ socket or a descriptor, can be read."""
        self._watched[source] = call
        self._poller.register(source, zmq.POLLIN)

    def unwatch(self, source: Any) -> None:
        """Forget *source*; one that isn't watched is ignored."""
        if self._watched.pop(source, None) is not None:
            self._poller.unregister(source)

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Run *call* in *delay_s* seconds."""
        self._number += 1
        timer = Timer(time.monotonic() + delay_s, self._number, call, self._timer_cancelled)
        heapq.heappush(self._timers, timer)
        return timer

    def post(self, call: Callable[[], None]) -> None:
        """Run *call* in the loop's thread soon; may be used from any thread and from signal handlers."""
        self._posted.put(call)
        if not self._woken:  # else it is about to look
            self._woken = True
            with contextlib.suppress(OSError):  # a full pipe wakes it up just as well, and nothing wakes a closed loop
                os.write(self._wake_write, b"\0")

    def ask(self, call: Callable[[], Any], timeout_s: float = ASK_TIMEOUT_S) -> Any:
        """Run *call* in the loop's thread and return what it returns, or raise what it raises.

        May be used from any thread. Raises ``RequestTimeout`` when the loop doesn't come round to it.
        """
        if threading.get_ident() == self._thread:
            return call()
        done = threading.Event()
        result: list[Any] = []
        error: list[Exception] = []

        def run() -> None:
            try:
                result.append(call())
            except Exception as problem:  # handed to the one who asked
                error.append(problem)
            done.set()

        self.post(run)
        if not done.wait(timeout_s):
            raise RequestTimeout(f"the agent's loop did not answer within {timeout_s:g} s: it is stopping")
        if error:
            raise error[0]
        return result[0]

    def run(self) -> None:
        """Run until ``stop``. What goes wrong in one call is logged and ends that call alone."""
        self._running = True
        self._thread = threading.get_ident()
        while self._running:
            for source, _event in self._poller.poll(self._wait_ms()):
                call = self._watched.get(source)
                if call is not None:
                    self._guarded(call)
            self._run_timers()

    def stop(self) -> None:
        """End ``run`` once what it is doing is done."""
        self._running = False

    def close(self) -> None:
        """Run what was posted and not run yet, and give back the descriptors."""
        self._run_posted()
        read, write, self._wake_read, self._wake_write = self._wake_read, self._wake_write, -1, -1
        os.close(read)
        os.close(write)

    def _wait_ms(self) -> int:
        while self._timers and self._timers[0].call is None:  # cancelled: nothing to wake up for
            heapq.heappop(self._timers)
            self._cancelled -= 1
        if not self._timers:
            return int(MAX_WAIT_S * 1000)
        wait_s = min(self._timers[0].when - time.monotonic(), MAX_WAIT_S)
        return max(0, int(wait_s * 1000) + 1)

    def _run_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0].when <= now:
            timer = heapq.heappop(self._timers)
            call, timer.call = timer.call, None
            if call is None:
                self._cancelled -= 1
            else:
                self._guarded(call)

    def _timer_cancelled(self) -> None:
        """Forget timers that were cancelled, once they are many: they may be due in a year."""
        self._cancelled += 1
        if self._cancelled > max(MAX_CANCELLED, len(self._timers) // 2):
            self._timers = [timer for timer in self._timers if timer.call is not None]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def _run_posted(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        self._woken = False  # before it is looked: who comes now wakes it up again
        for _ in range(self._posted.qsize()):
            self._guarded(self._posted.get())

    def _guarded(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # one message or timer that fails must not end the agent
            self._failures.say(
                type(error).__name__,
                f"the agent failed in one of its own steps and goes on: {type(error).__name__}: {error}",
            )
            log.debug("that step", exc_info=True)
