"""Devices that are to be opened stand in line: so many at a time, for each may take as long as its time limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

AT_A_TIME = 64


class Openings:
    """The line. Not safe for several threads."""

    def __init__(self, at_a_time: int = AT_A_TIME) -> None:
        self._at_a_time = at_a_time
        self._line: deque[Callable[[], bool]] = deque()
        self._under_way = 0

    def stand(self, begin: Callable[[], bool]) -> None:
        """Call *begin* when it is its turn; it returns whether something began, whose end ``done`` is told."""
        self._line.append(begin)
        self._go_on()

    def done(self) -> None:
        """One that began is open, or isn't going to be."""
        self._under_way -= 1
        self._go_on()

    def _go_on(self) -> None:
        while self._line and self._under_way < self._at_a_time:
            self._under_way += 1  # before it is called, which may end at once
            if not self._line.popleft()():
                self._under_way -= 1
