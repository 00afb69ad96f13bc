"""Fetching the pillars of devices when the master says that they have changed: a few at a time, without a thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from saltern.complaints import Complaints
from saltern_agent.calls import CALL_TIMEOUT_S, Calls

log = logging.getLogger(__name__)

AT_A_TIME = 8  # the master answers 16 calls of a host at a time, and says of more that it is busy
AGAIN_S = 5.0  # after one that failed
MAX_AGAIN = 5


class PillarCalls:
    """Asks by *calls*; *came* takes a device and its pillar; *later* sets a timer. In the loop's thread alone."""

    def __init__(
        self,
        calls: Calls,
        later: Callable[[float, Callable[[], None]], object],
        came: Callable[[str, Any], None],
    ) -> None:
        self._calls = calls
        self._later = later
        self._came = came
        self._line: dict[str, int] = {}  # how often it failed
        self._under_way: dict[str, int] = {}  # the number of the call
        self._number = 0
        self._goes_on = False
        self._complaints = Complaints(log)

    def ask(self, device: str) -> None:
        """Fetch the pillar of *device*; once when it is asked for again before it was begun."""
        self._line[device] = 0
        self._go_on()

    def closed(self) -> None:
        """The channel is away: the next brief tells what is news."""
        self._line.clear()
        self._under_way.clear()

    def _go_on(self) -> None:
        if self._goes_on:  # one that failed at once
            return
        self._goes_on = True
        waits: dict[str, int] = {}
        while self._line and len(self._under_way) < AT_A_TIME:
            device = next(iter(self._line))
            failed = self._line.pop(device)
            if device in self._under_way:
                waits[device] = failed
                continue
            self._number += 1
            number = self._under_way[device] = self._number
            self._later(CALL_TIMEOUT_S, partial(self._answered, number, device, failed, None, "there was no answer"))
            self._calls.ask("pillar", {}, partial(self._answered, number, device, failed), minion=device)
        self._line.update(waits)
        self._goes_on = False

    def _answered(self, number: int, device: str, failed: int, pillar: Any, error: str | None) -> None:
        if self._under_way.get(device) != number:
            return
        del self._under_way[device]
        if error is None:
            self._came(device, pillar)
        elif failed < MAX_AGAIN:
            self._later(AGAIN_S, partial(self._again, device, failed + 1))
        else:
            self._complaints.say("pillar", f"{device}: its pillar was not fetched: {error}")
        self._go_on()

    def _again(self, device: str, failed: int) -> None:
        self._line.setdefault(device, failed)
        self._go_on()
