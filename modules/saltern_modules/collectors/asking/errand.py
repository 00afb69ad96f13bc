"""Work that may wait for somebody else (a network, a device), aside from the sample: a tool of several collectors.

It runs in a thread of its own, one at a time, and leaves what it found where its collector looks. A sample waits for
it a moment and then tells what is known: what hangs makes its own numbers old, and no others late.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

WAIT_S = 0.1
"""How long a sample waits: long enough for what is near."""


class Errand:
    """One piece of work, done again at each call."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name = name
        self._work = work
        self._thread: threading.Thread | None = None
        self._untold = False
        self._error: Exception | None = None

    def go(self, wait_s: float = WAIT_S, *, afresh: bool = False) -> bool:
        """Begin the work unless it is still at it, wait *wait_s* seconds, and return whether it is done.

        Work that got done since the last call is told as it is, unless *afresh*: then it is begun again at each call.
        Raises what the work raised last, once.
        """
        if not self._is_at_it() and (afresh or not self._untold):
            self._thread = threading.Thread(target=self._run, name=f"stats-{self._name}", daemon=True)
            self._thread.start()
            self._untold = True
        if self._thread is not None:
            self._thread.join(wait_s)
        if self._is_at_it():
            return False
        self._untold = False
        error, self._error = self._error, None
        if error is not None:
            raise error
        return True

    def _is_at_it(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # told by the sample that waits, or by the next one
            self._error = error
