"""Devices that are served no more: the master hears of it when all that was to be delivered for them is delivered."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from saltern.wire import pack

AGAIN_S = 1.0  # after there was no place among what waits for an acknowledgement, or the channel took no message


class Departures:
    """Says ``released`` by *send* when that is so; *when_acknowledged* is the outbox's, *later* sets a timer."""

    def __init__(
        self,
        when_acknowledged: Callable[[Callable[[], object]], bool],
        send: Callable[[bytes], bool],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self.waiting: dict[str, None] = {}
        """Devices that are closed, and of which the master doesn't know that."""
        self._when_acknowledged = when_acknowledged
        self._send = send
        self._later = later
        self._connection = 0  # what was asked on another one is not answered
        self._asked = False

    def add(self, device: str) -> None:
        """Take note that *device* is closed."""
        self.waiting[device] = None
        if not self._asked:
            self._asked = True
            self._later(0.0, partial(self._gathered, self._connection))

    def forget(self, devices: Collection[str]) -> None:
        """These are served again: nothing is to be said of them."""
        for device in [device for device in self.waiting if device in devices]:
            del self.waiting[device]

    def again(self) -> None:
        """There is a new connection: what isn't known is said on it."""
        self.closed()
        if self.waiting:
            self._asked = True
            self._gathered(self._connection)

    def closed(self) -> None:
        """The channel is away."""
        self._connection += 1
        self._asked = False

    def _gathered(self, connection: int) -> None:
        if connection == self._connection:
            self._asked = False
            devices = list(self.waiting)
            if not self._when_acknowledged(partial(self._acknowledged, connection, devices)):
                self._again_later(connection)

    def _acknowledged(self, connection: int, devices: list[str]) -> None:
        """All that was put into the outbox before *devices* were closed is delivered."""
        if connection != self._connection:
            return
        released = [device for device in devices if device in self.waiting]
        if not released:
            return
        if self._send(pack("released", 0, {"devices": released})):
            for device in released:
                del self.waiting[device]
        else:
            self._again_later(connection)

    def _again_later(self, connection: int) -> None:
        if not self._asked:
            self._asked = True
            self._later(AGAIN_S, partial(self._gathered, connection))
