"""What tells receivers when to stop reading and when to go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable


class Gate:
    """Remembers who waits for room and calls each back once when there is some.

    *closed* is asked whether there is no room right now. All methods but :meth:`open_soon` belong to the event loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, closed: Callable[[], bool]) -> None:
        self._loop = loop
        self._closed = closed
        self._waiting: deque[Callable[[], bool]] = deque()

    @property
    def closed(self) -> bool:
        """Whether receivers must wait."""
        return self._closed()

    def wait(self, resume: Callable[[], bool]) -> None:
        """Call *resume* when the gate opens; it returns whether there was room for what it had."""
        self._waiting.append(resume)

    def open_soon(self) -> None:
        """Have the event loop let the waiting ones go on; for other threads."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.open)

    def open_for_good(self) -> None:
        """Let everyone go on whatever the store says: at the end, what is held must still reach the log."""
        self._closed = lambda: False
        self.open()

    def open(self) -> None:
        """Let the waiting ones go on, in turn, until one finds no room: it waits anew, and so do all behind it."""
        for _ in range(len(self._waiting)):
            if self._closed() or not self._waiting.popleft()():
                break
