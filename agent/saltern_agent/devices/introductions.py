"""Which devices are told to the master next: so many at a time wait for their first brief, by docs/protocol.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

AT_A_TIME = 64
"""Devices that have no brief yet, and were told."""

AGAIN_S = 30.0
"""After which one that got none is told again."""

AT_ONCE = 100  # told in one step of the loop
RETRY_S = 0.05  # the connection takes no more just now


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None:
        """Never fire."""


class Introductions:
    """Tells devices by *tell*, which returns whether the connection took it; *later* sets a timer.

    *begin* makes a device, when it isn't there yet. Not safe for several threads.
    """

    def __init__(
        self,
        begin: Callable[[str], None],
        tell: Callable[[str], bool],
        later: Callable[[float, Callable[[], None]], Cancellable],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = begin
        self._tell = tell
        self._later = later
        self._steady = steady
        self._new: dict[str, None] = {}  # without a brief
        self._again: dict[str, None] = {}  # with one
        self._briefed: set[str] = set()
        self._waits: dict[str, float] = {}  # until when; the longest first
        self._timer: Cancellable | None = None
        self._due = 0.0
        self._up = False

    def add(self, devices: Iterable[str]) -> None:
        """Begin these, in their turn."""
        for device in devices:
            self._new.setdefault(device)
        self._go_on()

    def retain(self, devices: Collection[str]) -> None:
        """Tell nothing of others any more."""
        for known in (self._new, self._again, self._waits):
            for device in [device for device in known if device not in devices]:
                del known[device]
        self._briefed.intersection_update(devices)
        self._go_on()

    def remove(self, device: str) -> None:
        """Tell nothing of *device* any more."""
        self._new.pop(device, None)
        self._again.pop(device, None)
        self._briefed.discard(device)
        if device in self._waits:
            del self._waits[device]
            self._go_on()

    def news(self, device: str) -> None:
        """Tell what *device* is now, when it was told already."""
        if device in self._briefed:
            self._again.setdefault(device)
            self._go_on()

    def briefed(self, device: str) -> None:
        """A brief came for *device*."""
        self._waits.pop(device, None)
        self._new.pop(device, None)
        self._briefed.add(device)
        self._go_on()

    def opened(self, devices: Iterable[str]) -> None:
        """There is a new connection, or a master that knows nothing: tell all *devices*."""
        self._up = True
        self._waits.clear()
        for device in devices:
            (self._again if device in self._briefed else self._new).setdefault(device)
        self._go_on()

    def closed(self) -> None:
        """Nothing can be told."""
        self._up = False
        self._waits.clear()

    def _go_on(self) -> None:
        """Tell what can be told now, and see to what can't."""
        if not self._up:
            return None
        self._expire()
        for _ in range(AT_ONCE):
            if len(self._waits) < AT_A_TIME and self._new:
                device = next(iter(self._new))
                self._begin(device)
                if not self._tell(device):
                    return self._soon(RETRY_S)
                del self._new[device]
                self._waits[device] = self._steady() + AGAIN_S
            elif self._again:
                device = next(iter(self._again))
                if not self._tell(device):
                    return self._soon(RETRY_S)
                del self._again[device]
            else:
                if self._waits:
                    self._soon(max(0.0, next(iter(self._waits.values())) - self._steady()))
                return None
        return self._soon(0.0)

    def _expire(self) -> None:
        """Have those told again that wait for too long."""
        now = self._steady()
        while self._waits and next(iter(self._waits.values())) <= now:
            device = next(iter(self._waits))
            del self._waits[device]
            self._new.setdefault(device)

    def _soon(self, delay_s: float) -> None:
        due = self._steady() + delay_s
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._later(delay_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._go_on()
