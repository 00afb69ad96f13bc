"""Finds calls that last. Hardly any does, so one alarm looks after many of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from saltern_agent.devices.alarms import Alarms
from saltern_agent.devices.turn import Turn

SLOW_S = 0.5  # a call that lasts longer no longer keeps others from beginning


class SlowCalls:
    """Calls *lasts*, without *lock*, with each turn that has lasted ``SLOW_S``, or its own limit if that is less."""

    def __init__(self, lock: threading.Lock, alarms: Alarms, lasts: Callable[[Turn], None]) -> None:
        self._lock = lock
        self._alarms = alarms
        self._lasts = lasts
        self._begun: deque[Turn] = deque()  # the first one first
        self._waits = False

    def begun(self, turn: Turn) -> None:
        """Look after *turn*, whose call begins now; under the lock."""
        if turn.limit_s is not None and turn.limit_s < SLOW_S:
            self._alarms.at(turn.began + turn.limit_s, lambda: self._look_at(turn))
            return
        while self._begun and self._begun[0].ended:
            self._begun.popleft()
        self._begun.append(turn)
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._begun and not self._waits:
            self._waits = True
            self._alarms.at(self._begun[0].began + SLOW_S, self._look)

    def _look(self) -> None:
        lasting: list[Turn] = []
        with self._lock:
            self._waits = False
            now = self._alarms.now()
            while self._begun and (self._begun[0].ended or self._begun[0].began + SLOW_S <= now):
                lasting.append(self._begun.popleft())
            self._set_alarm()
        for turn in lasting:
            self._look_at(turn)

    def _look_at(self, turn: Turn) -> None:
        if not turn.ended:
            self._lasts(turn)
