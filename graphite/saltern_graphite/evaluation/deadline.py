"""How long one request may take, and whether anyone still waits for its answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from saltern.errors import GraphiteError


class TookTooLong(GraphiteError):
    """A request that was given up because its time was over."""


class ClientGone(GraphiteError):
    """A request that nobody waits for any more."""


class Deadline:
    """The end of one request's time: *seconds* from now.

    The thread that works on the request calls :meth:`check` between its steps; a step itself, such as one function
    over all its series, runs to its end. :meth:`cancel` may come from any thread.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends = clock() + seconds
        self._cancelled = False

    @property
    def left(self) -> float:
        """Seconds until the end, at least 0."""
        return max(self._ends - self._clock(), 0.0)

    def cancel(self) -> None:
        """Have the next :meth:`check` raise ``ClientGone``."""
        self._cancelled = True

    def check(self) -> None:
        """Raise ``TookTooLong`` after the end, ``ClientGone`` after :meth:`cancel`."""
        if self._cancelled:
            raise ClientGone("the client went away before its answer was ready")
        if self._clock() >= self._ends:
            raise self.passed()

    def passed(self) -> TookTooLong:
        """The error that says so."""
        return TookTooLong(
            f"the request takes over {self._seconds:g} s: ask for fewer series or a shorter range, or try again later"
        )
