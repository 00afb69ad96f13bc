"""The calls to one device: one at a time, in the order in which they came.

::

    free ── begins ──> busy ── ends ──> free, or the next call
                        └── over its limit: it is interrupted, and whoever asked is told
                              ├── ends within GRACE_S ──> free, or the next call
                              └── doesn't ──> hung: all who wait are told, and calls are refused
                                    ├── the last that was given up ends ──> free
                                    └── now and then ──> a probe: one call is let in beside it
                                          ├── ends in time ──> free
                                          └── doesn't ──> hung, and the next probe is later
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from saltern_agent.devices.turn import Call, Done, Turn

if TYPE_CHECKING:
    from saltern_agent.devices.device_pools import DevicePools
    from saltern_agent.devices.lanes import Lanes

MAX_WAITING = 100
MAX_GIVEN_UP = 3
"""Calls of one device that go on for ever: beyond that it isn't probed until one has ended."""

PROBE_S = 30.0
MAX_PROBE_S = 600.0


class Lane:
    """The lane of the device *name*; *limit_s* is how long a call may last unless that says otherwise.

    ``turn`` is the call that is running, ``ready`` whether the lane waits for a thread, ``waiting`` are calls that wait
    for their turn, ``given_up`` counts those that go on though nobody waits for them.
    """

    __slots__ = (
        "_pools",
        "closed",
        "freed",
        "given_up",
        "hung",
        "lanes",
        "limit_s",
        "name",
        "probe_at",
        "probe_s",
        "ready",
        "turn",
        "waiting",
    )

    def __init__(self, lanes: Lanes, name: str, limit_s: float | None) -> None:
        self.lanes = lanes
        self.name = name
        self.limit_s = limit_s
        self.turn: Turn | None = None
        self.waiting: deque[Turn] | None = None  # made when one waits: 600 bytes a device
        self.ready = self.closed = False
        self.hung = False
        """A call of it was abandoned and has not ended, and none after it has."""
        self.given_up = 0
        self.probe_s = PROBE_S
        self.probe_at = 0.0
        self.freed: Callable[[], None] | None = None
        self._pools: DevicePools | None = None

    def submit(self, call: Call, done: Done, *, limit_s: float | None = None, first: bool = False) -> bool:
        """Run *call* when it is its turn, and tell *done*; return whether it was taken.

        ``done(value, None)``, or ``done(None, error)``: what the call raised, ``TimeoutError`` when it lasts over
        *limit_s* (default: the lane's), ``CommandError`` when it can't be begun. *done* is called exactly once, in any
        thread, before the next call of this lane begins. *first*: before the others that wait. Not taken are calls of a
        lane that is hung or closed, or has ``MAX_WAITING`` of them: then *done* isn't called.
        """
        turn = Turn(self, call, done, self.limit_s if limit_s is None else limit_s)
        return self.lanes.submit(turn, first=first)

    @property
    def busy(self) -> bool:
        """Whether a call is running, or waits."""
        return self.turn is not None or bool(self.waiting)

    @property
    def pools(self) -> DevicePools:
        """What ``Runner`` takes as ``pools``, for this device."""
        if self._pools is None:
            from saltern_agent.devices.device_pools import DevicePools

            self._pools = DevicePools(self)
        return self._pools

    def give_up(self, why: str) -> None:
        """Interrupt the call that is running, if one is, and tell whoever asked *why*; it is waited for no longer."""
        self.lanes.give_up(self, why)

    def close(self) -> None:
        """Take no more calls; tell those that wait or run that it is over. What runs is interrupted."""
        self.lanes.close_lane(self)
