"""The threads that one device's jobs run in, as ``Runner`` takes them: its lane, and a few that need no device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from saltern_agent.devices.lanes import HANGS
from saltern_agent.job_queue import JobQueue
from saltern_agent.pools import CONTROL

if TYPE_CHECKING:
    from saltern_agent.devices.lane import Lane

SPEAK = frozenset({"test.ping"})
"""What is answered by a host itself, and by a device only when it is spoken with."""

MAX_WAITING_JOBS = 100
MAX_WAITING_BYTES = 1024 * 1024


class DevicePools:
    """Of the device whose lane is *lane*: at most one job that was asked for is in the lane, others wait in line.

    So that users keep their turns, and a job that waits can be withdrawn.
    """

    __slots__ = ("_lane", "jobs", "scheduled")

    control = CONTROL - SPEAK
    busy = "a device does one job at a time"
    limited = True

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self.jobs = InLane(lane, alone=True)
        self.scheduled = InLane(lane, alone=False)

    @property
    def refusal(self) -> str:
        """Why no job may wait; empty when it may."""
        lane = self._lane
        if lane.closed:
            return f"{lane.name} is no longer served here"
        return f"{lane.name} was not asked: {HANGS}" if lane.hung and not lane.lanes.takes(lane) else ""

    def queue(self) -> JobQueue:
        """Return what holds jobs of this device that wait."""
        return JobQueue(MAX_WAITING_JOBS, MAX_WAITING_BYTES, self._lane.lanes.quota)

    def wait(self, freed: Callable[[], None], *, first: bool = False) -> None:
        """Call *freed* after each call of the lane, until it leaves."""
        self._lane.freed = freed

    def leave(self, freed: Callable[[], None]) -> None:
        """Don't call *freed*."""
        self._lane.freed = None

    def turn_over(self, *, found: bool) -> None:
        """Do nothing: nobody else waits for this lane."""

    def background(self, call: Callable[[], None]) -> bool:
        """Run *call* in a thread beside the lane; return whether there was one."""
        return self._lane.lanes.beside(call)


class InLane:
    """Jobs in a lane, in the manner of ``workers.Pool``; *alone*: one at a time."""

    __slots__ = ("_alone", "_inside", "_lane")

    def __init__(self, lane: Lane, *, alone: bool) -> None:
        self._lane = lane
        self._alone = alone
        self._inside = 0

    def submit(
        self,
        call: Callable[[], Any],
        *,
        beyond: int = 0,
        limit_s: float | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> bool:
        """Run *call* in the lane; return whether it was taken. With *beyond* it needs no device, and no lane.

        *failed* is told why the lane doesn't run it, or gave it up, in any thread.
        """
        if beyond:
            return self._lane.lanes.beside(call)
        if self._alone and self._inside:
            return False
        self._inside += 1

        def done(value: Any, error: BaseException | None) -> None:
            self._inside -= 1
            if error is not None and failed is not None:
                failed(str(error))

        if self._lane.submit(call, done, limit_s=limit_s):
            return True
        self._inside -= 1
        return False

    def abandon(self) -> None:
        """Do nothing: the lane sees by itself, at its limit, that a job hangs which was ended."""
