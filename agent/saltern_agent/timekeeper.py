"""Asks the master what time it is: at every welcome, and now and then from then on.

A question goes out together with a return where it can, so that an agent with a schedule is not woken up for it; one
that is idle asks seldom. What this host's clock is ahead of the master's goes with each question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from saltern.steady import steady_s
from saltern.wire import Message, pack
from saltern_agent.clock import Clock
from saltern_agent.spread import between

WITH_A_RETURN_S = 16.0  # with every other sample of 15 s
ALONE_S = 36.0
SPREAD = 0.1  # of that: agents that were welcomed together don't ask together for ever


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Never fire."""


class Timekeeper:
    """Keeps *clock* by the master's.

    *later* sets a timer, *send* sends a frame while the channel is up. *learned* is told by how many seconds each
    answer set the clock.
    """

    def __init__(
        self,
        clock: Clock,
        later: Callable[[float, Callable[[], None]], Cancellable],
        send: Callable[[bytes], bool],
        learned: Callable[[float], None],
        steady: Callable[[], float] = steady_s,
    ) -> None:
        self._clock = clock
        self._later = later
        self._send = send
        self._learned = learned
        self._steady = steady
        self._greeted_at: float | None = None
        self._asked_at = steady()
        self._question = 0  # the number of the last one
        self._open = False  # whether that one may still be answered
        self._timer: Cancellable | None = None

    def greeting(self) -> None:
        """A hello is sent; the welcome says what time it is."""
        self._greeted_at = self._steady()

    def welcomed(self, body: dict[str, Any]) -> None:
        """The master took us in: its time is known about, and asked for once more, as welcomes take a while."""
        if self._greeted_at is not None:
            self._learned(self._clock.heard(self._greeted_at, body.get("time")))
        self._ask()

    def closed(self) -> None:
        """The channel is away."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def sending(self) -> None:
        """Something is sent: ask along with it when it is time to."""
        if self._timer is not None and self._steady() - self._asked_at >= WITH_A_RETURN_S:
            self._ask()

    def answered(self, message: Message) -> None:
        """The master's answer to a question came; one to an earlier question says nothing any more."""
        if self._open and message.seq == self._question:
            self._open = False
            self._learned(self._clock.heard(self._asked_at, message.body.get("time")))

    def _ask(self) -> None:
        self.closed()
        self._timer = self._later(ALONE_S * between(1 - SPREAD, 1), self._ask)
        skew_s = self._clock.skew_s()
        body = {} if skew_s is None else {"skew_ms": round(skew_s * 1000, 1)}
        self._question += 1
        self._asked_at = self._steady()
        self._open = self._send(pack("clock", self._question, body))
