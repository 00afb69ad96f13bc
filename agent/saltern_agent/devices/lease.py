"""The right to serve devices that other hosts may serve too: for so many seconds from when it was asked for.

By docs/protocol.md, "Devices". The clock is one that runs on while the machine sleeps: another host has them by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from saltern.steady import steady_s
from saltern.wire import pack

PARTS = 4
"""It is asked for anew so many times before it is over."""

DEFAULT_S, MIN_S, MAX_S = 20.0, 1.0, 3600.0
MAX_OPEN = 16
"""Questions whose answers are waited for: those before are forgotten."""


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Never fire."""


class Lease:
    """Asks for it by *send* while it is wanted, with timers by *later*; *changed* is told that ``held`` has changed."""

    def __init__(
        self,
        send: Callable[[bytes], bool],
        later: Callable[[float, Callable[[], None]], Cancellable],
        changed: Callable[[], None],
        steady: Callable[[], float] = steady_s,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self.held = False
        """Whether shared devices may be served now."""
        self._send = send
        self._later = later
        self._changed = changed
        self._steady = steady
        self._lease_s = DEFAULT_S
        self._question = int(epoch() * 1000)  # no list that an earlier run asked for counts
        self._first: int | None = None  # no list of before this question counts
        self._listed = 0  # the last question that the newest list knew of
        self._asked_at: dict[int, float] = {}
        self._until = 0.0
        self._wanted = False
        self._timer: Cancellable | None = None
        self._end_timer: Cancellable | None = None

    @property
    def good(self) -> bool:
        """Whether they may, by the clock: of a process that stood still ``held`` may be old. From any thread."""
        return self.held and self._steady() < self._until

    def listed(self, asked: int, lease_s: float, *, wanted: bool) -> None:
        """Heed a list: *asked* is the last question that the master knew of, *wanted*: there are shared devices."""
        self._lease_s = min(max(lease_s, MIN_S), MAX_S)
        self._listed = max(self._listed, asked)
        begins = wanted and not self._wanted
        self._wanted = wanted
        if begins:
            self.ask()
        elif not wanted:
            self._stop_asking()
        self._look()

    def ask(self) -> None:
        """Ask for it, and again and again while it is wanted; what can't be sent is asked by the next one."""
        self._stop_asking()
        if not self._wanted:
            return
        self._timer = self._later(self._lease_s / PARTS, self.ask)
        self._look()
        question = self._question + 1
        if not self._send(pack("lease", question, {} if self.held else {"list": True})):
            return
        self._question = question
        now = self._steady()
        if now >= self._until:
            self._first = question  # a list of before this may be one of long ago
        self._asked_at[question] = now
        while len(self._asked_at) > MAX_OPEN:
            del self._asked_at[next(iter(self._asked_at))]

    def answered(self, question: int) -> None:
        """The master has granted what was asked by *question*."""
        asked_at = self._asked_at.pop(question, None)
        if asked_at is None:
            return
        for older in [number for number in self._asked_at if number < question]:
            del self._asked_at[older]
        self._until = max(self._until, asked_at + self._lease_s)
        self._look()

    def close(self) -> None:
        """Ask no more."""
        self._wanted = False
        self._stop_asking()
        if self._end_timer is not None:
            self._end_timer.cancel()

    def _look(self) -> None:
        """Find out whether it is held now, and look again when it ends."""
        if self._end_timer is not None:
            self._end_timer.cancel()
            self._end_timer = None
        left_s = self._until - self._steady()
        valid = left_s > 0
        if valid:
            self._end_timer = self._later(left_s, self._look)
        elif self.held:
            self._first = None
            self._asked_at.clear()
        held = valid and self._first is not None and self._listed >= self._first
        if held != self.held:
            self.held = held
            self._changed()

    def _stop_asking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
