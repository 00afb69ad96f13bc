"""One call of a lane, from when it was submitted until nothing of it runs any more."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

from saltern_agent.jobs import Killed, forget_interrupt, interrupt

if TYPE_CHECKING:
    from saltern_agent.devices.lane import Lane

Call = Callable[[], Any]
"""What is called in a thread; what it returns is awaited in the loop of coroutines when that is to be awaited."""

Done = Callable[[Any, BaseException | None], None]
"""Told what a call came to, once, in some thread: it must neither wait nor raise."""


EX_FORKED = 1
"""Of a process that a call made and left: what comes after the call is ours alone."""


class Turn:
    """A call, and whom to tell. Its lane's ``Lanes`` changes it, under their lock.

    ``answered``: ``done`` was called, or is about to be. ``fast``: it holds a place among the threads for calls that
    have just begun. ``given_up``: it goes on, but the lane no longer waits for it. ``following``: what its thread takes
    after it.
    """

    __slots__ = (
        "answered",
        "began",
        "call",
        "cancel",
        "done",
        "ended",
        "fast",
        "following",
        "given_up",
        "interrupted",
        "lane",
        "limit_s",
        "on_thread",
        "thread",
    )

    def __init__(self, lane: Lane, call: Call, done: Done, limit_s: float | None) -> None:
        self.lane = lane
        self.call: Call | None = call
        self.done: Done | None = done
        self.limit_s = limit_s
        self.began = 0.0
        self.thread = 0
        self.cancel: Callable[[], None] | None = None
        self.following: Turn | None = None
        self.fast = self.on_thread = self.interrupted = False
        self.answered = self.ended = self.given_up = False

    def run(
        self, lock: threading.Lock, context: Context, begins: Callable[[Turn], None]
    ) -> tuple[Any, BaseException | None]:
        """Call it, in *context*, and return what it returned or raised; *begins* is told under *lock* before.

        Afterwards nothing interrupts this thread any more. One that has its answer isn't called.
        """
        me, process = threading.get_ident(), os.getpid()
        found: tuple[Any, BaseException | None] | None = None
        while True:  # ``Killed`` may come at any step until the thread has left the call
            try:
                if found is None:
                    with lock:
                        self.thread = me
                        if not self.answered:
                            begins(self)
                    call, self.call = self.call, None
                    found = (None, None) if self.answered or call is None else (context.run(call), None)
                if os.getpid() != process:
                    os._exit(EX_FORKED)
                with lock:
                    self.thread = 0
                if self.interrupted:
                    forget_interrupt(me)
                return found
            except BaseException as raised:
                if found is None or not isinstance(raised, Killed):
                    found = None, raised

    def interrupt(self) -> None:
        """Raise ``Killed`` at the next step of Python in the thread that it runs in, or cancel its coroutine."""
        if self.cancel is not None:
            self.cancel()
        elif self.thread:
            self.interrupted = True
            interrupt(self.thread)
